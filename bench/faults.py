"""Ten kinds of deliberate faults, and how the harness classifies each.

``python -m bench.faults --times 10`` makes a project in a temporary folder, puts each fault
there ten times, runs the real command on it, and prints a table of what the harness said
against what is right. The code is 1 if anything is wrong. A fault that this machine does not
allow (a full disk needs the right to mount a small one) is left out, with the reason.

Faults inside a worker come from a plug-in (``bench.misbehaving``) that is found by its entry
point, as those of installed packages are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import misbehaving
from bench.faulty_project import Project, Record
from bench.misbehaving import Misbehaving

WALL_LIMIT_S, NO_HURRY_S = 10, 600
DISK = "4m"
"""Size of the disk that will be full: less than one snapshot."""

COMMON = """\
fixed:
  architecture: resnet18
  distribution: top_layers
  dataset: image_folder
  path: photos
  models: 3
  items: 60
  resolution: 32
  allow_tiny: true
  telemetry: false
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What the harness made of one fault."""

    fault: str
    right: str
    """What it should have made of it."""
    seen: str
    is_right: bool | None
    """None where the fault could not be tried; ``seen`` is the reason then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """A fault inside a worker, and the record that is right for it."""

    fault: str
    system: type[Misbehaving]
    status: str
    reason: str | None = None
    """What the reason must say."""
    wall_limit_s: int = NO_HURRY_S
    memory_limit_bytes: int | None = None


INSIDE = (
    Inside(
        fault="crash by signal", system=misbehaving.Segfault, status="crashed", reason="SIGSEGV"
    ),
    Inside(
        fault="Python exception",
        system=misbehaving.Raiser,
        status="failed",
        reason="LookupError: a deliberate fault",
    ),
    Inside(
        fault="hang",
        system=misbehaving.Hang,
        status="timeout",
        reason=f"wall limit of {WALL_LIMIT_S} s",
        wall_limit_s=WALL_LIMIT_S,
    ),
    Inside(
        fault="memory beyond its limit",
        system=misbehaving.Glutton,
        status="out_of_memory",
        reason="emory",
        memory_limit_bytes=misbehaving.Glutton.LIMIT_BYTES,
    ),
    Inside(fault="os._exit(7)", system=misbehaving.Quitter, status="crashed", reason="code 7"),
    Inside(fault="child left behind", system=misbehaving.Orphan, status="ok"),
    Inside(
        fault="unreadable data",
        system=misbehaving.Vandal,
        status="failed",
        reason=str(Path("photos", "class_0")),
    ),
    Inside(fault="clock step", system=misbehaving.Clock, status="ok"),
)
GPU_MISSING, DISK_FULL = "GPU library missing", "disk full"


def new_project(folder: Path) -> Project:
    """A project in which every fault of this file can be put."""
    return Project(folder, [fault.system for fault in INSIDE])


def inside_a_worker(project: Project, *, times: int) -> Iterator[Observation]:
    """All faults of ``INSIDE`` in one campaign, interleaved: none may harm the next run."""
    axes = {
        "system": [fault.system.info.name for fault in INSIDE],
        "wall_limit": [fault.wall_limit_s for fault in INSIDE],
        "memory_limit": [fault.memory_limit_bytes for fault in INSIDE],
    }
    done = project.run(f"zip: [{json.dumps(axes)}]\n{COMMON}", name="inside", rounds=times)
    records = project.records("inside")
    alive_until_ns = iter(_last_heartbeats_ns(project.folder))
    for fault in INSIDE:
        own = [r for r in records if r["spec"]["system"] == fault.system.info.name]
        for number in range(times):
            complaint = "no record" if number >= len(own) else _complaint(fault, own[number])
            if fault.system is misbehaving.Orphan and complaint is None:
                complaint = _survival(next(alive_until_ns, None), own[number])
            if done.returncode != 3:
                complaint = f"code {done.returncode}, {done.stderr.strip()[-300:]}"
            yield Observation(
                fault=fault.fault,
                right=fault.status,
                seen=complaint or fault.status,
                is_right=complaint is None,
            )


def gpu_library_missing(project: Project, *, times: int) -> Iterator[Observation]:
    """A device that PyTorch does not find is refused by a sentence, before anything runs."""
    for number in range(times):
        name = f"gpu-{number}"
        done = project.run(f"matrix: {{system: [shift], device: [cuda]}}\n{COMMON}", name=name)
        is_right = (
            done.returncode == 2
            and _is_sentence(done.stderr, "device is cuda")
            and not project.records(name)
        )
        yield _of_command(GPU_MISSING, "refused, code 2", done, is_right=is_right)


def disk_full(project: Project, *, times: int) -> Iterator[Observation]:
    """A cache on a disk that is too small: the run fails with a sentence, and says so."""
    right = "failed, code 3"
    project.cache.mkdir(exist_ok=True)
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    mount = f'mount -t tmpfs -o size={DISK} tmpfs "$0" && exec "$@"'
    prefix = ["unshare", "--mount", *user, "sh", "-c", mount, str(project.cache)]
    obstacle = _obstacle([*prefix, "true"])
    for number in range(times):
        if obstacle:
            yield Observation(fault=DISK_FULL, right=right, seen=obstacle, is_right=None)
            continue
        name = f"disk-{number}"
        done = project.run(f"matrix: {{system: [shift]}}\n{COMMON}", name=name, prefix=prefix)
        records = project.records(name)
        is_right = (
            done.returncode == 3
            and [record["status"] for record in records] == ["failed"]
            and "No space left" in records[0]["reason"]
            and "Traceback" not in done.stderr
        )
        yield _of_command(DISK_FULL, right, done, is_right=is_right)


FAULTS: tuple[Callable[..., Iterator[Observation]], ...] = (
    inside_a_worker,
    gpu_library_missing,
    disk_full,
)


def main() -> int:
    """Put the faults there, print the table; 1 if a classification is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=10, help="of each kind (10)")
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        project = new_project(Path(folder))
        seen = [observation for fault in FAULTS for observation in fault(project, times=times)]
    print("| fault | right | classified rightly |\n|---|---|---|")
    for kind in dict.fromkeys(observation.fault for observation in seen):
        own = [observation for observation in seen if observation.fault == kind]
        tried = [observation for observation in own if observation.is_right is not None]
        told = f"{sum(bool(o.is_right) for o in tried)} of {len(tried)}"
        print(f"| {kind} | {own[0].right} | {told if tried else f'not tried: {own[0].seen}'} |")
    tried = [observation for observation in seen if observation.is_right is not None]
    wrong = [observation for observation in tried if not observation.is_right]
    print(f"\n{len(tried) - len(wrong)} of {len(tried)} faults classified rightly.")
    for observation in wrong:
        print(f"WRONG: {observation.fault} should be {observation.right}: {observation.seen}")
    return 1 if wrong else 0


def _complaint(fault: Inside, record: Record) -> str | None:
    """What is wrong with the record of a faulty run; None if nothing."""
    said = f"{record['status']}: {record['reason']}"
    if record["status"] != fault.status or (fault.reason or "") not in (record["reason"] or ""):
        return said
    if fault.status == "ok":
        is_timed = 0 < record["wall_s"] < record["process_s"] < NO_HURRY_S
        return None if is_timed else f"{record['wall_s']} s of {record['process_s']} s"
    return said + ", with a time or an answer" if record["wall_s"] or record["answer"] else None


def _survival(alive_until_ns: int | None, record: Record) -> str | None:
    """The orphan must have lived, and died before its run was written down."""
    if alive_until_ns is None:
        return "no child was left behind"
    return "the child outlived its run" if alive_until_ns > record["written_ns"] else None


def _last_heartbeats_ns(folder: Path) -> list[int]:
    return sorted(path.stat().st_mtime_ns for path in folder.glob(misbehaving.HEARTBEATS))


def _of_command(
    fault: str, right: str, done: subprocess.CompletedProcess[str], *, is_right: bool
) -> Observation:
    said = f"code {done.returncode}: {(done.stderr.strip() or done.stdout.strip())[-300:]}"
    return Observation(
        fault=fault, right=right, seen=right if is_right else said, is_right=is_right
    )


def _is_sentence(text: str, part: str) -> bool:
    return "error: " in text and part in text and "Traceback" not in text


def _obstacle(command: Sequence[str]) -> str | None:
    """Why ``command`` cannot be run here; None if it can."""
    if shutil.which(command[0]) is None:
        return f"there is no {command[0]}"
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr.strip() or "no right to mount" if done.returncode else None


if __name__ == "__main__":
    sys.exit(main())
