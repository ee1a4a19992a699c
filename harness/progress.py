"""What a person sees while a campaign runs: a live line, or plain lines without a terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.campaign import PlannedRun
from systems.registry import PROBE_PREFIX

PLAIN_LINE_EVERY_S = 20.0
"""Without a terminal, a run that takes long says where it is once in this time."""


def run_title(run: PlannedRun) -> str:
    """One line that names a run: system, search, round."""
    spec = run.spec
    made = spec.distribution or spec.model_set
    parts = [spec.label, spec.architecture, made, spec.dataset, run.particulars]
    return f"{' · '.join(filter(None, parts))} · round {run.round + 1}"


class Display:
    """An audience that shows a campaign on ``console`` (``harness.campaign.Audience``).

    On a terminal: a bar over all runs and one over the current run with its phase of the
    search, features (items × models) per second and remaining time. Elsewhere: a line per
    run, and one now and then while it lasts.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._all = self._progress.add_task("runs", total=None, visible=False, note="")
        self._one = self._progress.add_task("", total=None, visible=False, note="")
        self._number = 0
        self._of = 0
        self._is_probe = False
        self._search_started: float | None = None
        self._last_line = 0.0

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def preparing(self, event: Mapping[str, Any]) -> None:
        """Show what is being prepared."""
        if event["event"] == "started" and not self._console.is_terminal:
            self._console.print("preparing data and snapshots …")
        if event["event"] == "note":
            self._console.print(f"note: {escape(str(event['text']))}", highlight=False)
        if event["event"] == "preparing":
            self._progress.update(
                self._one,
                description=f"preparing {escape(str(event['what']))}",
                completed=event["number"],
                total=event["of"],
                visible=True,
                note="",
            )

    def run_starts(self, run: PlannedRun, *, number: int, of: int) -> None:
        """Show which run it is."""
        self._number, self._of = number, of
        self._is_probe = run.spec.system.startswith(PROBE_PREFIX)
        self._search_started = None
        self._progress.update(self._all, completed=number - 1, total=of, visible=True, note="")
        self._progress.reset(
            self._one, description=escape(run_title(run)), total=None, note="starting"
        )

    def run_event(self, event: Mapping[str, Any]) -> None:
        """Show how far the search is."""
        if event["event"] != "progress":
            return
        now = time.monotonic()
        if self._search_started is None:
            self._search_started = self._last_line = now
        elapsed_s = now - self._search_started
        speed = ""
        if elapsed_s and not self._is_probe:  # whose steps are no features
            speed = f" · {event['step'] / elapsed_s:,.0f} features/s"
        if not self._console.is_terminal and now - self._last_line > PLAIN_LINE_EVERY_S:
            self._last_line = now
            self._console.print(f"  {event['what']}{speed}", highlight=False, markup=False)
        self._progress.update(
            self._one,
            completed=event["step"],
            total=event["steps"],
            visible=True,
            note=escape(f"{event['what']}{speed}"),
        )

    def run_ends(self, run: PlannedRun, record: Mapping[str, Any]) -> None:
        """Leave a line about the run, and why it went wrong if it did."""
        number = f"[{self._number:>{len(str(self._of))}}/{self._of}]"
        if record["status"] == "ok":
            result = f"[green]{record['wall_s']:.2f} s[/green]"
        else:
            result = f"[red]{record['status']}[/red]. {escape(record['reason'] or '')}"
        notes = [flag["sentence"] for flag in record["flags"] if not flag["invalidates"]]
        doubts = "".join(f"\n  note: {escape(note)}" for note in notes)
        line = f"{escape(number)} {escape(run_title(run))}: {result}{doubts}"
        self._console.print(line, highlight=False)
        self._progress.update(self._all, completed=self._number)
