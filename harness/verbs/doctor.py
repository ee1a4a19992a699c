"""``doctor``: what this machine can prove, limit and count."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.terminal import OUT, calibrate_machine, default_cache
from harness.verbs.options import (
    CacheFolder,
    Format,
    FormatOption,
    RunsFolder,
    answer_json,
    is_for_programs,
)


class Device(StrEnum):
    """Where models run."""

    cpu = "cpu"
    cuda = "cuda"


def doctor(
    runs: RunsFolder = Path("runs"),
    cache: CacheFolder = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure this machine for predictions and plans.")
    ] = False,
    device: Annotated[Device, typer.Option(help="What to calibrate.")] = Device.cpu,
    output_format: FormatOption = Format.table,
) -> None:
    """Say what this machine can prove, limit and count, and what is missing."""
    from harness import doctor as examination

    for_programs = is_for_programs(output_format)
    folder = cache or default_cache()
    if calibrate:
        profile, path = calibrate_machine(folder, device.value)
        if for_programs:
            answer_json({"file": str(path), "profile": asdict(profile)})
        return
    sections = examination.doctor(cache=folder, runs=runs)
    if for_programs:
        answer_json(examination.as_json(sections))
    else:
        examination.print_doctor(OUT, sections)
