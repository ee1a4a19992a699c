"""What a result depends on besides its specification: code, libraries and kind of machine.

The state that a machine is in at the moment is another matter: ``harness.host_state``.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from harness.git import GitError, git
from harness.host_state import cpu_quota

LIBRARIES = (
    "torch", "torchvision", "transformers", "tokenizers", "safetensors", "numpy",
    "scikit-learn", "pillow",
)  # fmt: skip
"""Packages that can influence times or answers."""

CODE = (
    "systems", "harness/worker.py", "harness/measurement.py", "harness/preparation.py",
    "harness/inputs.py", "harness/bound.py", "harness/supervisor.py", "harness/interrupts.py",
    "harness/trace.py", "harness/device_spans.py", "harness/lanes.py", "harness/span_table.py",
    "harness/profile.py", "harness/page_cache.py", "harness/limits", "harness/telemetry",
    "harness/run_facts.py", "harness/validity.py", "harness/hardware_profiles.py",
    "harness/calibration_job.py", "harness/tuning_job.py", "harness/environment.py",
    "harness/git.py", "harness/host_state.py", "harness/model_sets.py", "harness/part_inputs.py",
    "harness/skeletons.py", "harness/snapshot_models.py", "harness/trained_models.py",
    "harness/quality_job.py",
)  # fmt: skip
"""Our own files that can, or decide whether a run counts; the rest orders and shows runs."""

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
    cores = f"{len(os.sched_getaffinity(0))} cores"
    if quota := cpu_quota():
        cores += f" (quota {quota:g})"
    parts = [_processor(), cores, f"{memory_gib} GiB", *sorted(gpu_names())]
    return " | ".join(parts)


@functools.cache
def gpu_names() -> tuple[str, ...]:
    """Names of the NVIDIA GPUs; empty where there is no driver, or none that answers."""
    import pynvml

    # A library of another version than the driver's is no NVMLError.
    errors = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError)

    def name(index: int) -> str:
        try:
            return str(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(index)))
        except errors as error:
            return f"GPU {index}: {error}"  # another machine than with this one working

    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except errors:
        return ()
    names = tuple(name(index) for index in range(count))
    with contextlib.suppress(*errors):
        pynvml.nvmlShutdown()
    return names


@functools.cache
def torch_build() -> dict[str, Any]:
    """How the installed torch was built, read from its files: importing it takes seconds.

    ``{"version": "2.13.0+cpu", "cuda": None, "hip": None, "git": "…", "debug": False}``;
    all None where torch is not installed, or does not say.
    """
    facts: dict[str, Any] = dict.fromkeys(("version", "cuda", "hip", "git", "debug"))
    found = importlib.util.find_spec("torch")  # of a top-level package: imports nothing
    if found is None or found.origin is None:
        return facts
    try:
        tree = ast.parse(Path(found.origin).with_name("version.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return facts | {"version": _version("torch")}
    names = {"__version__": "version", "git_version": "git"}
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)) | (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value))
            ):
                if names.get(name, name) in facts:
                    facts[names.get(name, name)] = value
    return facts


@functools.cache
def git_state() -> dict[str, Any]:
    """The commit of the checkout that this code runs from, and whether it has been changed.

    ``{"commit": "<40 hex digits>", "is_dirty": bool, "reason": None}``; commit and is_dirty
    are None, and ``reason`` a sentence, where the code is no checkout (an installed wheel)
    or git cannot be asked.
    """
    return _git_state(Path(__file__).resolve().parent.parent)


def describe_environment() -> dict[str, Any]:
    """What a record says of the kind of machine; environment variables by an allow-list."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": list(gpu_names()),
        "libraries": library_versions(),
        "torch_build": torch_build(),
        "variables": {name: os.environ[name] for name in _ALLOWED_VARIABLES if name in os.environ},
    }


def _git_state(root: Path) -> dict[str, Any]:
    try:
        top, commit = git(root, "rev-parse", "--show-toplevel", "HEAD").splitlines()
        if Path(top).resolve() != root:  # an installed copy inside somebody's own repository
            raise GitError(f"The code in '{root}' is part of no checkout of its own.")
        changes = git(root, "status", "--porcelain", "--ignore-submodules")
    except GitError as error:
        return {"commit": None, "is_dirty": None, "reason": str(error).splitlines()[0]}
    return {"commit": commit, "is_dirty": bool(changes), "reason": None}


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
