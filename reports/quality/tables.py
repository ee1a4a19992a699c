"""Search quality as tables: for the terminal, as Markdown and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports import labels
from reports.amortisation import Amortisation
from reports.quality.measures import TOP, standard_error
from reports.quality.rows import QualityRow, SearchQuality
from reports.tables import WIDTH, escape_markdown, markdown_table

if TYPE_CHECKING:
    from rich.console import Console

LEGEND = (
    "true: accuracy of the chosen model when it really is fine-tuned · regret: what the best "
    "candidate has more, in percentage points · τ: Kendall's τ-b between the ranking and the true "
    "one · top k: share of the first k that are truly among the best k"
)
"""What the columns mean."""

_HEADS = ("system", "time", "true", "regret", "τ", *(f"top {k}" for k in TOP))
_PAID_HEADS = ("system", "saved per search", "pays after", "saved, strong Base", "pays after")


def print_quality(console: Console, searches: Sequence[SearchQuality]) -> None:
    """Print two tables per search, at most ``WIDTH`` columns wide."""
    from rich.table import Table
    from rich.text import Text

    width = min(console.width, WIDTH)

    def show(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        for at, head in enumerate(heads):
            table.add_column(head, justify="right" if at else "left", overflow="fold")
        for line in lines:
            table.add_row(*map(Text, line))
        console.print(table, width=width, soft_wrap=False)

    for search in searches:
        console.print()
        console.print(Text(search.title, style="bold"), width=width)
        show(_HEADS, [_cells(row) for row in search.rows])
        for line in remarks(search):
            console.print(Text(line, style="dim"), width=width, soft_wrap=False)
        if search.amortisations:
            console.print(Text(ingest_sentence(search)), width=width, soft_wrap=False)
            show(_PAID_HEADS, [_paid_cells(each) for each in search.amortisations])
    console.print()
    console.print(Text(LEGEND, style="dim"), width=width, soft_wrap=False)


def quality_markdown(searches: Sequence[SearchQuality], *, heading: str = "##") -> str:
    """The tables of ``print_quality`` as Markdown, a heading for each search."""
    parts = [LEGEND + "."]
    for search in searches:
        parts.append(f"{heading} {escape_markdown(search.title)}")
        parts.append(markdown_table(_HEADS, [_cells(row) for row in search.rows]))
        parts.append("\n".join(f"- {escape_markdown(line)}" for line in remarks(search)))
        if search.amortisations:
            parts.append(escape_markdown(ingest_sentence(search)))
            lines = [_paid_cells(each) for each in search.amortisations]
            parts.append(markdown_table(_PAID_HEADS, lines))
    return "\n\n".join(parts)


def write_quality(searches: Sequence[SearchQuality], folder: Path) -> tuple[Path, Path]:
    """Write ``quality.csv`` (one line per search and system, SI units) and ``quality.md``."""
    import pandas as pd

    csv, markdown = folder / "quality.csv", folder / "quality.md"
    lines = quality_lines(searches)
    pd.DataFrame(lines).to_csv(csv, index=False, lineterminator="\n")
    figure = "![time and regret](quality.png)"
    text = f"# What a search is worth\n\n{figure}\n\n{quality_markdown(searches)}\n"
    markdown.write_text(text, encoding="utf-8")
    return csv, markdown


def remarks(search: SearchQuality) -> list[str]:
    """What the numbers rest on."""
    truth = search.truth
    on = {
        "held_out": "held-out items, which neither the search nor any training has seen",
        "test": "test items, by which the search has chosen too: no others were left",
    }[truth.evaluated_on]
    each = "once" if truth.repeats == 1 else f"{truth.repeats} times"
    # Repeats are judged by the same items: they make the items' error no smaller.
    error = standard_error(truth.accuracy[search.best], truth.items)
    return [
        f"{len(truth.accuracy)} models, each fine-tuned {each} and judged by {truth.items} {on}.",
        f"Best: {search.best}, {truth.accuracy[search.best]:.3f} ± {error:.3f}; "
        f"{100 * search.spread:.1f} points above the worst.",
    ]


def quality_lines(searches: Sequence[SearchQuality]) -> list[dict[str, object]]:
    """A line per search and system, in plain JSON types: the columns of the CSV file."""
    return [_line(search, row) for search in searches for row in search.rows]


def ingest_sentence(search: SearchQuality) -> str:
    """What the block store costs before the first search."""
    cost = search.truth.ingest
    paid = search.amortisations
    assert cost is not None  # asked for only where there are amortisations
    return (
        f"Bringing the models into a block store takes {labels.seconds(cost.total_s)}, hashing "
        f"alone {labels.seconds(cost.hashing_s)}: {labels.size(cost.unique_bytes)} of "
        f"{labels.size(cost.model_bytes)} are written. Tuning and planning are in the times of the "
        f"searches: {', '.join(f'{e.label} {labels.seconds(e.tuning_s)}' for e in paid)}."
    )


def _cells(row: QualityRow) -> list[str]:
    return [
        row.label,
        "" if row.wall_s is None else labels.seconds(row.wall_s),
        labels.UNKNOWN if row.accuracy is None else f"{row.accuracy:.3f}",
        f"{100 * row.regret:.1f}",
        "" if row.tau is None else f"{row.tau:.2f}",
        *("" if (value := row.recall[k]) is None else labels.percent(value) for k in TOP),
    ]


def _paid_cells(each: Amortisation) -> list[str]:
    return [
        each.label,
        *_saved(each.saved_s, each.searches),
        *_saved(each.saved_over_strong_s, each.searches_over_strong),
    ]


def _saved(saved_s: float | None, searches: int | None) -> tuple[str, str]:
    if saved_s is None:
        return labels.UNKNOWN, labels.UNKNOWN
    if searches is None:
        return f"−{labels.seconds(-saved_s)}", "never"
    return labels.seconds(saved_s), f"{searches} search" + ("es" if searches > 1 else "")


def _line(search: SearchQuality, row: QualityRow) -> dict[str, object]:
    paid = next((each for each in search.amortisations if each.label == row.label), None)
    cost = search.truth.ingest
    return {
        "search": search.title,
        "label": row.label,
        "is_reference": row.is_reference,
        "wall_s": row.wall_s,
        "rounds": row.rounds,
        "winner": row.winner,
        "true_accuracy": row.accuracy,
        "regret": row.regret,
        "kendall_tau": row.tau,
        **{f"top_{k}_recall": row.recall[k] for k in TOP},
        "evaluated_items": search.truth.items,
        "evaluated_on": search.truth.evaluated_on,
        "repeats": search.truth.repeats,
        "ingest_s": cost.total_s if cost else None,
        "hashing_s": cost.hashing_s if cost else None,
        "tuning_s": paid.tuning_s if paid else None,
        "saved_s": paid.saved_s if paid else None,
        "searches_until_paid": paid.searches if paid else None,
        "saved_over_strong_s": paid.saved_over_strong_s if paid else None,
        "searches_until_paid_over_strong": paid.searches_over_strong if paid else None,
    }
