"""The supervisor's side: starts the sampler beside a worker, and takes home what it saw."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

RAW = "series.jsonl"
SERIES = "series.parquet"
LOG = "sampler.log"
GRACE_S = 3.0
"""For the sampler's last samples; a driver in trouble may hold it longer than that."""


class Sampler:
    """A sampler process, from its start to its series.

    Used as ``with Sampler.start(pid, folder) as sampler: …`` around the worker's life, then
    ``sampler.finish(spans=…)``. A sampler that fails never fails the run: its summary says
    what happened.
    """

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder

    @classmethod
    def start(
        cls, pid: int, folder: Path, *, cgroups: Sequence[Path] = (), interval_s: float = 0.1,
        gpu_interval_s: float = 0.05, with_gpus: bool = True,
    ) -> Self:  # fmt: skip
        """Start sampling the process ``pid`` into ``folder``; returns at once.

        ``cgroups`` are the folders of the run's control group: one for version 2, one for
        each controller for version 1.
        """
        command = [
            sys.executable, "-m", "harness.telemetry.sampler",
            "--pid", str(pid), "--out", str(folder / RAW),
            "--interval-s", str(interval_s), "--gpu-interval-s", str(gpu_interval_s),
            *(part for path in cgroups for part in ("--cgroup", str(path))),
            *(() if with_gpus else ("--no-gpus",)),
        ]  # fmt: skip
        with (folder / LOG).open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )
        return cls(process, folder)

    @property
    def pid(self) -> int:
        """The sampler's own process."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Have the sampler take its last samples and end; kill it if it does not."""
        if self._process.poll() is None:
            self._process.terminate()
        for last_resort in (self._process.kill, lambda: None):
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                last_resort()
            else:
                break

    def finish(self, *, spans: Path | None = None) -> dict[str, Any]:
        """Write ``series.parquet`` and return the record's ``telemetry``.

        With ``spans`` (a run's ``spans.parquet``, if it is there and whole) values are those of the
        timed unit and of its phases; without, of the sampler's whole life.
        """
        self.stop()
        try:
            summary = summarise_files(self._folder / RAW, self._folder / SERIES, spans)
        except (FileNotFoundError, ValueError) as error:
            return {"is_complete": False, "reason": f"{error} {self._complaint()}".strip()}
        (self._folder / RAW).unlink()
        if not self._complaint():
            (self._folder / LOG).unlink(missing_ok=True)
        return summary

    def _complaint(self) -> str:
        try:
            return (self._folder / LOG).read_text(errors="replace").strip()[-500:]
        except FileNotFoundError:
            return ""


def summarise_files(raw: Path, parquet: Path, spans: Path | None) -> dict[str, Any]:
    """Turn the sampler's file ``raw`` into ``parquet`` and a summary.

    Raises:
        FileNotFoundError, ValueError: the sampler has written nothing to read.
    """
    # Here, not above: the supervisor starts samplers long before it needs arrays.
    from harness.telemetry import phase_windows, series, summary

    samples = series.read_raw(raw)
    series.write_series(samples, parquet)
    try:
        phases = phase_windows.read_phase_windows(spans) if spans is not None else None
    except (OSError, ValueError):  # a worker that was killed left none, or half a file
        phases = None
    window = summary.timed_window(phases) if phases else summary.whole_window(samples)
    return summary.summarise(samples, window=window, phases=phases)


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parent.parent.parent)
    paths = [root, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
