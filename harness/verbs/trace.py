"""``trace``: the timeline of one run, for a trace viewer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from harness.terminal import OUT
from harness.verbs.options import Format, FormatOption, answer_json, is_for_programs


def trace(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file; .gz compresses (default: in the folder)."),
    ] = None,
    output_format: FormatOption = Format.table,
) -> None:
    """Write a run's timeline as a Chrome trace: spans, hardware series and profile."""
    from harness.trace_export import write_chrome_trace

    made = write_chrome_trace(run, output or run / "trace.json")
    if is_for_programs(output_format):
        answer_json({**asdict(made), "path": str(made.path)})
        return
    OUT.print(
        f"{made.path}: {made.slices:,} slices, {made.counter_values:,} counter values"
        + (f", {made.profiler_events:,} profiler events" if made.profiler_events else "")
        + f" ({made.file_bytes / 1e6:.1f} MB)"
    )
    OUT.print("Open it at https://ui.perfetto.dev (nothing is uploaded: it stays in the browser).")
