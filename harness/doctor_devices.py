"""What the doctor looks at on accelerators: NVML's counters, and PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.environment import torch_build
from harness.finding import Finding

_PROBE_LIMIT_S = 120

_PROBE = """
import json
import systems
import torch
facts = {"version": torch.__version__, "cuda": torch.version.cuda, "devices": [], "error": None}
try:
    for index in range(torch.cuda.device_count()):
        torch.ones(8, device=f"cuda:{index}").sum().item()
        facts["devices"].append(torch.cuda.get_device_name(index))
except Exception as error:
    facts["error"] = str(error).splitlines()[0]
import torchvision.models
import transformers
facts["threads"] = torch.get_num_threads()
print(json.dumps(facts))
"""


def gpus() -> Sequence[Finding]:
    """Which devices NVML sees, and which counters each of them has."""
    import pynvml

    from harness.telemetry.nvml_devices import driver_version, open_gpus

    opened, reason = open_gpus()
    if opened is None:
        remedy = (
            "Nothing is missing on a machine without an NVIDIA GPU. With one: install its driver; "
            "in a container, start it with --gpus all."
        )
        return [Finding(subject="NVML", verdict="no", detail=reason or "", remedy=remedy)]
    try:
        values = dict(zip(opened.columns, opened.sample(), strict=True))
        values |= zip(opened.slow_columns, opened.slow_sample(frozenset()), strict=True)
        return [
            Finding(subject="NVML", verdict="yes", detail=f"driver {driver_version()}"),
            *(
                finding
                for place, device in opened.describe().items()
                for finding in (
                    [_lost(place, opened.lost[place])]
                    if place in opened.lost
                    else _device(place, device, values, opened.missing)
                )
            ),
        ]
    finally:
        pynvml.nvmlShutdown()


def torch() -> Sequence[Finding]:
    """Whether PyTorch works, and on which devices: asked in a process of its own."""
    build = torch_build()
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            check=False,
            cwd=Path(__file__).resolve().parent.parent,
            text=True,
            timeout=_PROBE_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return [_broken(build, f"importing it took longer than {_PROBE_LIMIT_S} s")]
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
        return [_broken(build, last[0])]
    return torch_findings(json.loads(done.stdout.splitlines()[-1]))


def torch_findings(facts: Mapping[str, Any]) -> Sequence[Finding]:
    """The findings behind what the process in which torch was asked has said."""
    kind = f"CUDA {facts['cuda']}" if facts["cuda"] else "CPU"
    works = f"{facts['version']}, built for {kind}; torchvision and transformers load"
    return [
        Finding(subject="PyTorch", verdict="yes", detail=works),
        Finding(subject="threads", verdict="note", detail=f"{facts['threads']} by default"),
        _cuda(facts),
    ]


def _cuda(facts: Mapping[str, Any]) -> Finding:
    if facts["devices"]:
        return Finding(subject="CUDA", verdict="yes", detail=", ".join(facts["devices"]))
    if facts["cuda"] is None:
        return Finding(
            subject="CUDA",
            verdict="no",
            detail="this PyTorch is built for CPUs",
            remedy="With a GPU: install the build for it, see https://pytorch.org/get-started.",
        )
    return Finding(
        subject="CUDA",
        verdict="no",
        detail=facts["error"] or "PyTorch sees no device",
        remedy="Check that the driver is at least as new as the CUDA version of PyTorch's build, "
        "and that CUDA_VISIBLE_DEVICES names a device.",
    )


def _device(
    place: str, device: Mapping[str, Any], values: Mapping[str, Any], missing: Mapping[str, str]
) -> Sequence[Finding]:
    own = {name: value for name, value in values.items() if name.rpartition(".")[0] == place}
    has = [_own(name) for name, value in own.items() if value is not None]
    lacks = [
        f"{_own(name)} ({missing.get(name, 'no answer now')})"
        for name, value in own.items()
        if value is None
    ]
    memory_bytes = device["memory_bytes"]
    room = "memory unknown" if memory_bytes is None else f"{memory_bytes / 2**30:.0f} GiB"
    findings = [
        Finding(subject=place, verdict="note", detail=f"{device['name'] or 'no name'}, {room}"),
        Finding(
            subject=f"{place} counters",
            verdict="yes" if not lacks else "weaker" if has else "no",
            detail=", ".join(has) or "none",
        ),
    ]
    if lacks:
        detail = ", ".join(lacks)
        remedy = "Records have null for these. Some need a newer driver, or more rights."
        findings.append(
            Finding(subject=f"{place} without", verdict="no", detail=detail, remedy=remedy)
        )
    if device["idle_processes"]:
        findings.append(
            Finding(
                subject=f"{place} is free",
                verdict="no",
                detail=f"{device['idle_processes']} processes compute on it",
                remedy="End them: runs on a shared GPU are invalid.",
            )
        )
    return findings


def _lost(place: str, reason: str) -> Finding:
    remedy = "Restart the machine, or have its administrator reset the device."
    return Finding(subject=place, verdict="no", detail=reason, remedy=remedy)


def _broken(build: Mapping[str, Any], reason: str) -> Finding:
    version = build["version"] or "not installed"
    return Finding(
        subject="PyTorch",
        verdict="no",
        detail=f"{version}: {reason}",
        remedy="Install the package's requirements again, in an environment of its own.",
    )


def _own(name: str) -> str:
    return name.rpartition(".")[2]
