"""A run as a Chrome trace, for https://ui.perfetto.dev: one clock for all that was recorded."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, get_args

from harness.trace_events import RecordedRun, Source


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedTrace:
    """What a written trace holds."""

    path: Path
    slices: int
    """Spans, one of them the search itself."""
    counter_values: int
    profiler_events: int
    file_bytes: int


def write_chrome_trace(run_folder: Path, path: Path) -> ExportedTrace:
    """Write the trace of a run as JSON, compressed where ``path`` ends in ``.gz``.

    Perfetto opens both. The events are written as they are read.

    Raises:
        ConfigurationError: the folder holds nothing to show.
        BenchError: a file in it is damaged.
    """
    run = RecordedRun.open(run_folder)
    written = dict.fromkeys(get_args(Source), 0)
    encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        with _opened(unfinished, is_compressed=path.suffix == ".gz") as file:
            file.write(encode(run.header())[:-1] + ',"traceEvents":[')
            separator = "\n"
            for source, event in run.events():
                file.write(separator + encode(event))
                separator = ",\n"
                written[source] += 1
            file.write("\n]}\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return ExportedTrace(
        path=path,
        slices=written["spans"],
        counter_values=written["series"],
        profiler_events=written["profile"],
        file_bytes=path.stat().st_size,
    )


def _opened(path: Path, *, is_compressed: bool) -> IO[str]:
    if is_compressed:
        return gzip.open(path, "wt", encoding="utf-8", compresslevel=1)
    return path.open("w", encoding="utf-8")
