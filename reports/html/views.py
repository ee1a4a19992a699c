"""Campaigns as the page shows them: drawings, tables, runs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports import precision
from reports.campaigns import Campaign
from reports.comparison import Search
from reports.html import charts
from reports.html.run_details import Shared, run_details
from reports.html.tables import RUN_HEADS, RunRow, TextTable, readings_table, run_row
from reports.html.task_tree import TaskTree
from reports.records import Record

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_ONE_BY_ONE = ("baseline", "shift")
"""Systems that execute one model after another: their spans tell the task tree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchView:
    """One search on the page."""

    anchor: str
    search: Search
    bars: tuple[charts.Bar, ...]
    tree: TaskTree | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignView:
    """One campaign on the page."""

    campaign: Campaign
    anchor: str
    systems: tuple[str, ...]
    strips: charts.Strips | None
    searches: tuple[SearchView, ...]
    readings: tuple[TextTable, ...]
    precisions: tuple[tuple[str, ...], ...]
    rows: tuple[RunRow, ...]
    details: Mapping[str, Mapping[str, Any]]
    """What the page's script shows of a run, by the run's anchor."""
    problems: tuple[str, ...]
    """What could not be read of the runs' other files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Common:
    """What all campaigns of a page share."""

    shared: Shared
    command: Callable[[Record], str | None]
    """What a person types to repeat a run; None where that is not known."""
    kinds: tuple[str, ...]
    """Of ``tables.run_kinds``."""
    anchors: Mapping[int, str]
    """By ``id`` of a record."""


def view_of(campaign: Campaign, common: Common, *, anchor: str) -> CampaignView:
    """Everything of a campaign that the page shows; reads the files beside its records."""
    searches = campaign.comparison.searches
    key_of = {id(record.spec): record.search for record in campaign.records}
    anchors = {
        key_of[id(search.spec)]: f"{anchor}-{number}"
        for number, search in enumerate(searches, start=1)
    }
    trees: dict[str, TaskTree] = {}
    details: dict[str, Mapping[str, Any]] = {}
    problems: list[str] = []
    for record in campaign.records:
        wants_tree = record.ok and record.system in _ONE_BY_ONE and record.search not in trees
        found = run_details(
            record, common.shared, command=common.command(record), wants_tree=wants_tree
        )
        place = {"search": anchors[record.search]} if record.search in anchors else {}
        details[common.anchors[id(record)]] = {**found.data, **place}
        problems += found.problems
        if found.tree is not None:
            trees[record.search] = found.tree
    return CampaignView(
        campaign=campaign,
        anchor=anchor,
        systems=tuple(dict.fromkeys(row.label for search in searches for row in search.rows)),
        strips=charts.strips_of(campaign),
        searches=tuple(
            SearchView(
                anchor=anchors[key],
                search=search,
                bars=charts.bars_of(search),
                tree=trees.get(key),
            )
            for key, search in zip(anchors, searches, strict=True)
        ),
        readings=tuple(map(readings_table, campaign.readings)),
        precisions=tuple(
            (row.search, *precision.cells(row)) for row in campaign.comparison.precisions
        ),
        rows=tuple(_rows(campaign, common, key_of)),
        details=details,
        problems=tuple(problems),
    )


def anchors_of(records: Sequence[Record]) -> dict[int, str]:
    """A name of its own for each record (by ``id``), of letters that need no care anywhere."""
    anchors: dict[int, str] = {}
    taken: set[str] = set()
    for record in records:
        name = _NOT_A_NAME.sub("-", f"{record.scenario}-{record.scale or ''}-{record.key}")
        numbered = (f"{name}--{number}" for number in itertools.count(2))
        anchor = next(each for each in itertools.chain([name], numbered) if each not in taken)
        taken.add(anchor)
        anchors[id(record)] = anchor
    return anchors


def filters_of(rows: Sequence[RunRow], kinds: Sequence[str]) -> list[tuple[str, int, list[str]]]:
    """What the table of runs can be narrowed down by: head, column, values (at least two)."""
    heads = (*RUN_HEADS, *kinds)
    found = []
    for name in ("scenario", "run", "status", *kinds):
        at = heads.index(name)
        values = sorted({row.cells[at].text for row in rows})
        if len(values) > 1:
            found.append(("system" if name == "run" else name, at, values))
    return found


def facts_of(records: Sequence[Record]) -> list[tuple[str, str]]:
    """What was run, when, and on what."""
    started = [record.started_at for record in records]
    measured = sum(record.ok for record in records)
    return [
        ("runs", f"{len(records)}, {measured} of them measured"),
        ("from", min(started)),
        ("to", max(started)),
        ("machines", "; ".join(dict.fromkeys(record.host_class for record in records))),
        ("devices", "; ".join(dict.fromkeys(str(r.spec.get("device")) for r in records))),
        ("code", "; ".join(dict.fromkeys(record.commit for record in records))),
    ]


def _rows(campaign: Campaign, common: Common, key_of: Mapping[int, str]) -> list[RunRow]:
    searches = {key_of[id(search.spec)]: search for search in campaign.comparison.searches}
    base_s: dict[tuple[str, int], float] = {
        (record.search, record.round): record.wall_s
        for record in campaign.records
        if record.is_base and record.wall_s is not None
    }
    places = {
        (key, row.variant): (place, number)
        for place, (key, search) in enumerate(searches.items())
        for number, row in enumerate(search.rows)
    }

    def place(record: Record) -> tuple[int, int, int]:
        return (*places.get((record.search, record.variant), (len(searches), 0)), record.round)

    return [
        run_row(
            record, campaign, anchor=common.anchors[id(record)], kinds=common.kinds,
            search=searches.get(record.search),
            base_s=base_s.get((record.search, record.round)),
        )
        for record in sorted(campaign.records, key=place)
    ]  # fmt: skip
