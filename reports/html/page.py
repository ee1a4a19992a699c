"""The report: one HTML file with all that it needs in it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels, precision
from reports.campaigns import Campaign, Words, campaigns_of, mixtures
from reports.html import charts
from reports.html.run_details import Shared
from reports.html.tables import (
    RUN_HEADS,
    SEARCH_HEADS,
    run_kinds,
    search_cells,
    search_remarks,
    winner,
)
from reports.html.views import Common, anchors_of, facts_of, filters_of, view_of
from reports.loading import Records
from reports.records import Record
from reports.step_summary import step_summary
from reports.tables import LEGEND
from reports.timeline import IDLE, NOT_COUNTED, SHOWN

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FILE_NAME = "index.html"
SUMMARY_NAME = "summary.md"
OPEN_SEARCHES = 8
"""A scenario with more searches shows them folded."""

_COLOURS = {NOT_COUNTED: "#9a9a9a", IDLE: "transparent"}
_TITLES = {NOT_COUNTED: "not counted (proofs)", IDLE: "nothing"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """What a report is made of, beside the records."""

    title: str
    words: Mapping[tuple[str, str | None], Words]
    """What scenarios call themselves, by name and scale, as far as that is known."""
    command: Callable[[Record], str | None]
    """What a person types to repeat a run; None where that is not known."""
    made_by: str
    """The command that made the report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was written."""

    path: Path
    summary: Path
    """The same in short, as Markdown."""
    campaigns: tuple[Campaign, ...]
    problems: tuple[str, ...]
    """What could not be read, or only in part."""
    runs: int

    def as_json(self) -> dict[str, Any]:
        """The report in short, for programs."""
        return {
            "path": str(self.path),
            "summary": str(self.summary),
            "runs": self.runs,
            "problems": list(self.problems),
            "campaigns": [_short(campaign) for campaign in self.campaigns],
        }


def write_report(loaded: Records, folder: Path, sources: Sources) -> Report:
    """Write ``index.html`` and ``summary.md`` into ``folder``.

    An earlier page is replaced when all of the new one is there.

    Args:
        loaded: all runs, and what could not be read.
        folder: made if it is not there.
        sources: what else the page tells.

    Raises:
        OSError: the file cannot be written.
    """
    campaigns = campaigns_of(loaded.records, sources.words)
    common = Common(
        shared=Shared(),
        command=sources.command,
        kinds=run_kinds(campaigns),
        anchors=anchors_of(loaded.records),
    )
    views = [
        view_of(campaign, common, anchor=f"scenario-{number}")
        for number, campaign in enumerate(campaigns, start=1)
    ]
    rows = [row for view in views for row in view.rows]
    problems = (*loaded.problems, *(line for view in views for line in view.problems))
    titles = {name: style.label for name, style in labels.PHASES.items()} | _TITLES
    page = {
        "title": sources.title,
        "made_by": sources.made_by,
        "facts": facts_of(loaded.records),
        "mixtures": mixtures(loaded.records),
        "problems": problems,
        "views": views,
        "rows": rows,
        "run_heads": (*RUN_HEADS, *common.kinds),
        "kinds": common.kinds,
        "filters": filters_of(rows, common.kinds),
        "titles": titles,
        "shared": {**common.shared.as_json(), "shown": SHOWN, "titles": titles},
        "style": _style(),
        "script": _asset("report.js"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    working = folder / f".{FILE_NAME}"
    try:
        with working.open("w", encoding="utf-8") as file:
            file.writelines(_environment().get_template("report.html").generate(page))
        working.replace(path)
    finally:
        working.unlink(missing_ok=True)
    summary = folder / SUMMARY_NAME
    summary.write_text(step_summary(sources.title, campaigns), encoding="utf-8")
    return Report(
        path=path, summary=summary, campaigns=campaigns, problems=problems, runs=len(loaded.records)
    )


def _style() -> str:
    colours = {name: style.colour for name, style in labels.PHASES.items()} | _COLOURS
    rules = [f".p-{name}{{fill:{colour};background:{colour}}}" for name, colour in colours.items()]
    return _asset("report.css") + "\n".join(rules)


@functools.cache
def _asset(name: str) -> str:
    return (files("reports.html") / "templates" / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    # The page's own style and script, and nothing else, are put in as they are.
    environment.filters |= {"embedded": _embedded, "digest": _digest, "as_it_is": Markup}
    environment.globals |= {
        "cells": search_cells,
        "remarks": search_remarks,
        "winner": winner,
        "boxes": charts.boxes_of,
        "tree_height": charts.tree_height,
        "percent": labels.percent,
        "precision": precision,
        "precision_heads": ("search", *precision.HEADS),
        "legend": LEGEND,
        "search_heads": SEARCH_HEADS,
        "width": charts.WIDTH,
        "open_searches": OPEN_SEARCHES,
    }
    return environment


def _embedded(value: object) -> Markup:
    """JSON that cannot end the element it stands in, whatever names it holds."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # nothing in it has a meaning in HTML any more


def _digest(text: str) -> str:
    """For the page's policy: only this script and this style take effect."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _short(campaign: Campaign) -> dict[str, Any]:
    verdict = campaign.verdict
    return {
        "scenario": campaign.scenario,
        "scale": campaign.scale,
        "device": campaign.device,
        "host_class": campaign.host_class,
        "runs": len(campaign.records),
        "measured": campaign.measured,
        "verdict": verdict.word,
        "is_good": verdict.kind == "good",
        "sentence": verdict.sentence,
        "speed_ups": {
            speed.label: {
                "low": speed.low, "median": speed.middle, "high": speed.high,
                "searches": speed.searches,
            }
            for speed in campaign.speeds
        },
        "findings": list(campaign.findings),
        "unmeasured": list(campaign.unmeasured),
    }  # fmt: skip
