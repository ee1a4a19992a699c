"""What this machine can prove and limit, what is missing, and how to get it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness import calibration, doctor_devices, doctor_host
from harness.finding import Finding, Section

_MARKS = {"yes": "[green]yes[/green]", "weaker": "[yellow]weaker[/yellow]", "no": "[red]no[/red]"}


def doctor(*, cache: Path, runs: Path) -> tuple[Section, ...]:
    """Look at everything; takes some seconds, most of them for asking torch.

    Leaves nothing behind: small files are written to the file systems of ``cache`` and
    ``runs`` and removed again.
    """
    probes: dict[str, Callable[[], Sequence[Finding]]] = {
        "Machine": doctor_host.machine,
        "Limits": lambda: doctor_host.limits(cache),
        "Caches": lambda: doctor_host.caches(cache),
        "Folders": lambda: doctor_host.folders(cache=cache, runs=runs),
        "Telemetry of the host": doctor_host.counters,
        "Steadiness": lambda: doctor_host.steadiness(cache),
        "GPUs": doctor_devices.gpus,
        "PyTorch": doctor_devices.torch,
        "Predictions": lambda: calibration.findings(cache),
    }
    return tuple(
        Section(title=title, findings=tuple(_examined(probe))) for title, probe in probes.items()
    )


def as_json(sections: Sequence[Section]) -> list[dict[str, Any]]:
    """The sections in plain JSON types."""
    return [asdict(section) for section in sections]


def print_doctor(console: Console, sections: Sequence[Section]) -> None:
    """Show a table per section, and below them what to do about what is missing."""
    for section in sections:
        table = Table(title=section.title, title_justify="left", box=None, show_header=False)
        for name, ratio in (("subject", None), ("verdict", None), ("detail", 1)):
            table.add_column(name, ratio=ratio, overflow="fold", no_wrap=ratio is None)
        for finding in section.findings:
            mark = _MARKS.get(finding.verdict, "")
            table.add_row(f"  {escape(finding.subject)}", mark, escape(finding.detail))
        console.print(table)
    remedies = [found for section in sections for found in section.findings if found.remedy]
    if remedies:
        console.print("What can be done:")
    for finding in remedies:
        console.print(f"- {escape(finding.subject)}: {escape(finding.remedy or '')}")


def _examined(probe: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    """A probe that fails is a finding too: the doctor is called where things are broken."""
    try:
        return probe()
    except Exception as error:
        detail = f"looking at it failed: {type(error).__name__}: {error}"
        return [Finding(subject="examination", verdict="no", detail=detail)]
