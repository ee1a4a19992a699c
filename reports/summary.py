"""The end of a run in a few lines: which model to take, and how fast it was found."""

from __future__ import annotations

from dataclasses import dataclass

from reports import labels
from reports.comparison import Comparison, Search
from reports.statistics import CLAIM_ROUNDS


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSummary:
    """One search in short."""

    title: str
    winner: str | None
    """None on made-up data, where scores mean nothing, and where answers differ."""
    score: float | None
    tied: int
    """How many models share the winner's place."""
    speed_ups: tuple[str, ...]
    """For every system but Base: "SHiFT 2.30×", or "SHiFT: " and why there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """All searches in short, as data and as lines of text."""

    searches: tuple[SearchSummary, ...]
    lines: tuple[str, ...]


def summarise(comparison: Comparison) -> Summary:
    """Winner and speed-ups of each search, the fastest system first."""
    lines = []
    searches = []
    for search in comparison.searches:
        short = _summary(search)
        searches.append(short)
        lines.append(f"{short.title}: {_winner_sentence(short, search)}")
        if short.speed_ups:
            lines.append(f"  speed-up over Base: {'; '.join(short.speed_ups)}")
    fewest = min((count for search in comparison.searches for count in search.rounds), default=0)
    if 0 < fewest < CLAIM_ROUNDS:
        lines.append(f"Measured in {labels.rounds(fewest)}; a claim takes {CLAIM_ROUNDS}.")
    return Summary(searches=tuple(searches), lines=tuple(lines))


def _summary(search: Search) -> SearchSummary:
    answer = search.answer
    is_known = answer is not None and not search.timing_only
    winner = answer.winner if answer is not None and is_known else None
    found = answer.models.get(winner) if answer is not None and winner else None
    rows = [row for row in search.rows if not row.is_base and row.status != "missing"]
    rows.sort(key=lambda row: -row.speed_up.value if row.speed_up else 0.0)
    return SearchSummary(
        title=search.panel_title or search.title,
        winner=winner,
        score=found.score if found else None,
        tied=len(answer.tied) if answer is not None and winner else 0,
        speed_ups=tuple(f"{row.label}{'' if row.speed_up else ':'} {row.outcome}" for row in rows),
    )


def _winner_sentence(short: SearchSummary, search: Search) -> str:
    if search.timing_only:
        return f"{labels.TIMING_ONLY}, no winner"
    if search.agreement.status == "differ":
        return "answers differ, see above"
    if short.winner is None:
        return "no answer"
    facts = []
    if short.score is not None:
        on = f" on {search.test_items} test items" if search.test_items else ""
        facts.append(f"accuracy {short.score:.3f}{on}")
    if short.tied > 1:
        facts.append(f"{short.tied} models share this place")
    if search.agreement.status == "agree":
        facts.append("answers agree")
    return f"best model {short.winner}" + (f" ({', '.join(facts)})" if facts else "")
