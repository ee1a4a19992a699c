"""A stand-in NVIDIA driver library, compiled from C, that the real ``pynvml`` loads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("native") / "libnvidia-ml.c"
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, kw_only=True, slots=True)
class StandIn:
    """One compiled library and its script."""

    folder: Path

    def say(self, values: Mapping[str, object]) -> None:
        """From now on, answer with ``values`` (keys: see the C file)."""
        lines = "".join(f"{key} {value}\n" for key, value in values.items())
        draft = self.folder / "draft.txt"
        draft.write_text(lines)
        draft.replace(self.folder / "script.txt")

    def environment(self, **variables: str) -> dict[str, str]:
        """The variables of a process that shall see the stand-in's devices."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CUDA_")}
        return {
            **inherited,
            "LD_LIBRARY_PATH": str(self.folder),
            "NVML_SCRIPT": str(self.folder / "script.txt"),
            "PYTHONPATH": str(ROOT),
            **variables,
        }

    def ask(self, code: str, **variables: str) -> Any:
        """Run Python ``code`` with the stand-in; what it prints, as JSON."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def compiler() -> str | None:
    """A C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compile_stand_in(folder: Path, *, without: tuple[str, ...] = ()) -> StandIn:
    """Compile the library into ``folder``; ``without`` names the ``NO_…`` macros to set."""
    cc = compiler()
    assert cc is not None
    subprocess.run(
        [cc, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-Wl,-soname,libnvidia-ml.so.1",
         *(f"-DNO_{name}" for name in without), "-o", str(folder / "libnvidia-ml.so.1"),
         str(SOURCE)],
        check=True,
    )  # fmt: skip
    return StandIn(folder=folder)
