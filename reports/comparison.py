"""Records side by side: searches, and on each the systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reports import labels
from reports.agreement import Agreement, check_agreement
from reports.grouping import search_specs, search_titles
from reports.precision import PrecisionRow, compare_precisions
from reports.readings import is_probe
from reports.records import Answer, Record
from reports.rows import Row, measured_row, missing_row, row_order


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """All systems on one search."""

    key: str
    """As in ``Record.search``, of all its runs."""
    title: str
    panel_title: str
    """What sets this search apart from the others of the comparison."""
    scenario: str
    scale: str | None
    host_class: str
    spec: Mapping[str, object]
    timing_only: bool
    """Made-up data: the scores mean nothing."""
    test_items: int | None
    rows: tuple[Row, ...]
    agreement: Agreement
    answer: Answer | None
    """The answer to report: of the last row whose answer agrees with the others."""
    notes: tuple[str, ...]

    @property
    def rounds(self) -> tuple[int, ...]:
        """The different numbers of rounds behind the measured rows, in order."""
        return tuple(sorted({row.rounds for row in self.rows if row.status == "ok"}))


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All searches, in the order of their scenario."""

    searches: tuple[Search, ...]
    common_title: str
    """What all searches have in common."""
    precisions: tuple[PrecisionRow, ...] = ()
    """Searches that were measured in fp32 and in less, held side by side."""

    @property
    def is_valid(self) -> bool:
        """Something was measured, no answers differ, and no run went wrong."""
        rows = [row for search in self.searches for row in search.rows]
        return (
            any(row.status == "ok" for row in rows)
            and not any(row.went_wrong for row in rows)
            and all(search.agreement.status != "differ" for search in self.searches)
        )


def compare(records: Sequence[Record]) -> Comparison:
    """Group ``records`` by search, check their answers, and relate their times to Base's.

    Probes are left out: they answer nothing (``reports.readings``).
    A search is everything in a specification but system and options; scenarios and host
    classes are never mixed. Systems that other searches of the same scenario have and one
    has not are rows with the status ``missing``.
    """
    records = [record for record in records if not is_probe(record)]
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.search, []).append(record)
    ordered = sorted(groups.values(), key=_scenario_order)
    common, particular, full = _titles(ordered)
    variants: dict[tuple[str, str | None], dict[str, Record]] = {}
    for record in records:
        variants.setdefault(_campaign(record), {}).setdefault(record.variant, record)
    searches = [
        _search(group, title=full[at], panel=particular[at], expected=variants[_campaign(group[0])])
        for at, group in enumerate(ordered)
    ]
    return Comparison(
        searches=tuple(searches),
        common_title=common,
        precisions=compare_precisions(records),
    )


def _campaign(record: Record) -> tuple[str, str | None]:
    """What is run by one command: scales of a scenario are never mixed."""
    return record.scenario, record.scale


def _scenario_order(group: Sequence[Record]) -> tuple[object, ...]:
    """By scenario, then as the paper orders its axes, then by everything else."""
    first = group[0]
    spec = first.spec
    return (
        first.scenario,
        str(first.scale),
        str(spec.get("device")),
        _place(spec.get("architecture"), labels.ARCHITECTURE_ORDER),
        _number(spec.get("items")),
        _number(spec.get("models")),
        _place(spec.get("distribution"), labels.DISTRIBUTION_ORDER),
        first.search,
    )


def _place(value: object, known: Sequence[str]) -> tuple[int, str]:
    return (known.index(str(value)) if str(value) in known else len(known), str(value))


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else -1.0


def _titles(groups: Sequence[Sequence[Record]]) -> tuple[str, list[str], list[str]]:
    """The common title, and per search its panel title and its full one."""
    if not groups:
        return "", [], []
    firsts = [group[0] for group in groups]
    common, particular = labels.title_parts(search_specs(firsts))
    return (
        " · ".join(common),
        [" · ".join(parts) for parts in particular],
        search_titles(firsts),
    )


def _search(
    group: Sequence[Record], *, title: str, panel: str, expected: Mapping[str, Record]
) -> Search:
    agreement = check_agreement(group)
    by_variant: dict[str, list[Record]] = {}
    for record in sorted(group, key=lambda record: record.round):
        by_variant.setdefault(record.variant, []).append(record)
    rows = [measured_row(runs, group=group, agreement=agreement) for runs in by_variant.values()]
    rows += [
        missing_row(record) for variant, record in expected.items() if variant not in by_variant
    ]
    rows = with_common_bound(rows)
    rows.sort(key=row_order)
    facts = [record.dataset for record in group if record.dataset]
    return Search(
        key=group[0].search,
        title=title,
        panel_title=panel,
        scenario=group[0].scenario,
        scale=group[0].scale,
        host_class=group[0].host_class,
        spec=group[0].spec,
        timing_only=any(f.timing_only for f in facts) or group[0].spec.get("dataset") == "fake",
        test_items=next((f.test_items for f in facts if f.test_items), None),
        rows=tuple(rows),
        agreement=agreement,
        answer=_answer(rows, by_variant),
        notes=(*agreement.notes, *_code_notes(rows)),
    )


def with_common_bound(rows: Sequence[Row]) -> list[Row]:
    """The rows with a common time bound: the least that any run of as much work has shown.

    A run's own bound is made of its own medians, so that work which is slow throughout is
    slow in it too. What another system did faster on the same search was possible. A system
    that stops as soon as the winner is known does less, and has a bound of its own.
    """
    least: dict[int | None, float] = {}
    for row in rows:
        if row.time_bound_s is not None and row.agreement != "differ":
            known = least.get(row.train_items, row.time_bound_s)
            least[row.train_items] = min(known, row.time_bound_s)
    return [
        replace(row, time_bound_s=bound, efficiency=min(1.0, bound / row.wall_s))
        if row.wall_s and (bound := least.get(row.train_items))
        else row
        for row in rows
    ]


def _answer(rows: Sequence[Row], by_variant: Mapping[str, Sequence[Record]]) -> Answer | None:
    for row in reversed(rows):
        if row.agreement != "differ":
            for run in by_variant.get(row.variant, ()):
                if run.ok and run.answer is not None:
                    return run.answer
    return None


def _code_parts(code: str) -> dict[str, str]:
    """Fingerprints by the package they are of; "" for this one. See ``Record.code``."""
    parts = (part.rpartition(":") for part in code.split("+"))
    return {package: fingerprint for package, _, fingerprint in parts}


def _code_notes(rows: Sequence[Row]) -> list[str]:
    codes = {row.label: _code_parts(row.code or "") for row in rows if row.status == "ok"}
    versions: dict[str, set[str]] = {}
    for parts in codes.values():
        for name, version in parts.items():
            versions.setdefault(name, set()).add(version)
    each = ", ".join(
        f"{label} {name} {version[:8]}".replace("  ", " ")
        for label, parts in codes.items()
        for name, version in parts.items()
        if len(versions[name]) > 1
    )
    if not each:
        return []
    return [
        f"Measured with different versions of the code ({each}): run the scenario again for "
        "speed-ups of one version."
    ]
