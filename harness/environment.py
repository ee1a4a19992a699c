"""What a result depends on besides its specification: the code, the libraries, the machine."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

LIBRARIES = (
    "torch", "torchvision", "transformers", "tokenizers", "safetensors", "numpy",
    "scikit-learn", "pillow",
)  # fmt: skip
"""Packages that can influence times or answers."""

CODE = (
    "systems", "harness/worker.py", "harness/measurement.py", "harness/preparation.py",
    "harness/inputs.py", "harness/trace.py", "harness/supervisor.py",
)  # fmt: skip
"""Our own files that can; the rest only orders, keeps and shows runs."""

_ALLOWED_VARIABLES = (
    "CUDA_VISIBLE_DEVICES", "CUDA_MODULE_LOADING", "PYTORCH_CUDA_ALLOC_CONF", "OMP_NUM_THREADS",
    "MKL_NUM_THREADS", "OMP_PROC_BIND", "KMP_AFFINITY", "MALLOC_ARENA_MAX", "LD_PRELOAD",
    "HF_HUB_OFFLINE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)  # fmt: skip


@functools.cache
def library_versions() -> dict[str, str | None]:
    """Versions of the libraries; None where one is not installed."""
    return {name: _version(name) for name in LIBRARIES}


@functools.cache
def code_fingerprint() -> str:
    """Hash of the code and library versions that can influence a run (32 hex digits)."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.blake2b(digest_size=16)
    for place in CODE:
        path = root / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.relative_to(root).as_posix().encode() + b"\0")
            digest.update(file.read_bytes() + b"\0")
    digest.update(repr(sorted(library_versions().items())).encode())
    digest.update(platform.python_version().encode())
    return digest.hexdigest()


@functools.cache
def host_class() -> str:
    """Machines of the same class may be compared, others never are."""
    memory_gib = round(psutil.virtual_memory().total / 2**30)
    parts = [_processor(), f"{len(os.sched_getaffinity(0))} cores", f"{memory_gib} GiB"]
    parts += sorted(gpu_names())
    return " | ".join(parts)


@functools.cache
def gpu_names() -> tuple[str, ...]:
    """Names of the NVIDIA GPUs; empty where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        return tuple(str(pynvml.nvmlDeviceGetName(handle)) for handle in handles)
    finally:
        pynvml.nvmlShutdown()


def describe_environment() -> dict[str, Any]:
    """What a record says of the machine; environment variables by an allow-list."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": list(gpu_names()),
        "libraries": library_versions(),
        "variables": {name: os.environ[name] for name in _ALLOWED_VARIABLES if name in os.environ},
        "load_1min": os.getloadavg()[0],
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@functools.cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
