"""A comparison as tables: for the terminal, as Markdown and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports import labels, precision
from reports.comparison import Comparison, Search
from reports.rows import Row
from reports.statistics import CLAIM_ROUNDS

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
"""Columns that the terminal table fits in."""

_SHOWN_FINDINGS = 3
_HEADS = ("system", "time", "speed-up", "interval", "paper")
_REFERENCES = ("ops", "bound", "eff.", "read")
LEGEND = (
    "speed-up = time(Base)/time(system) with its 95% interval · paper: the published one · "
    "data … rest: share of the time · ops: operation ratio to Base · bound: time bound · "
    "eff.: bound/time · read: from the store"
)
"""What the columns mean."""

_NAME_WIDTH = 8


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print one block per search, at most ``WIDTH`` columns wide."""
    from rich.table import Table
    from rich.text import Text

    width = min(console.width, WIDTH)
    for search in comparison.searches:
        lines = [_stacked(_cells(row)) for row in search.rows]
        used = [at for at in range(len(_column_heads())) if any(line[at] for line in lines)]
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        for at in used:
            name = _column_heads()[at]
            if at == 0:
                table.add_column(name, overflow="fold", min_width=_NAME_WIDTH)
            else:
                table.add_column(name, justify="right", no_wrap=True)
        for row, cells in zip(search.rows, lines, strict=True):
            style = "" if row.status == "ok" and row.agreement != "differ" else "yellow"
            if row.status != "ok":
                cells[1] = cells[1].replace(" ", "\n")  # the column is as wide as a time
            table.add_row(*(Text(cells[at], style=style) for at in used))
        console.print()
        console.print(Text(search.title, style="bold"), width=width)
        console.print(table, width=width, soft_wrap=False)
        for line in _remarks(search):
            console.print(Text(line, style=_line_style(line)), width=width, soft_wrap=False)
    console.print()
    console.print(Text(LEGEND, style="dim"), width=width, soft_wrap=False)
    if comparison.precisions:
        _print_precisions(console, comparison.precisions, width=width)


def _print_precisions(
    console: Console, rows: Sequence[precision.PrecisionRow], *, width: int
) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print()
    console.print(Text(f"Beside {precision.FULL}", style="bold"), width=width)
    for search in dict.fromkeys(row.search for row in rows):
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        for at, name in enumerate(precision.HEADS):
            table.add_column(name, justify="left" if at < 2 else "right")
        for row in rows:
            if row.search == search:
                table.add_row(*map(Text, precision.cells(row)))
        console.print(Text(search), width=width, soft_wrap=False)
        console.print(table, width=width, soft_wrap=False)
    console.print(Text(precision.LEGEND, style="dim"), width=width, soft_wrap=False)


def write_markdown(comparison: Comparison, path: Path) -> None:
    """Write the tables of ``print_comparison`` to ``path`` as Markdown."""
    text = f"# Comparison of model search systems\n\n{markdown_tables(comparison, heading='##')}\n"
    path.write_text(text, encoding="utf-8")


def markdown_tables(comparison: Comparison, *, heading: str) -> str:
    """What the columns mean, and a table per search under a ``heading`` (``##``)."""
    lines = [LEGEND + "."]
    heads = _column_heads()
    for search in comparison.searches:
        lines += ["", f"{heading} {escape_markdown(search.title)}", ""]
        lines += [markdown_row(heads), markdown_row(["---", *["---:"] * (len(heads) - 1)])]
        lines += [markdown_row(_cells(row)) for row in search.rows]
        lines += ["", *(f"- {escape_markdown(line)}" for line in _remarks(search))]
    if comparison.precisions:
        heads = ["search", *precision.HEADS]
        lines += ["", f"{heading} Beside {precision.FULL}", "", f"{precision.LEGEND}.", ""]
        lines += [markdown_row(heads), markdown_row(["---"] * len(heads))]
        lines += [
            markdown_row([row.search, *precision.cells(row)]) for row in comparison.precisions
        ]
    return "\n".join(lines)


def write_csv(comparison: Comparison, path: Path) -> None:
    """Write one line per search and system to ``path``: all numbers, in SI units."""
    from reports.frame import to_frame

    to_frame(comparison).to_csv(path, index=False, lineterminator="\n")


def _column_heads() -> list[str]:
    split = [labels.PHASES[phase].short for phase in labels.PAPER_PHASES]
    return [*_HEADS, *split, "rest", *_REFERENCES]


def _cells(row: Row) -> list[str]:
    """The texts of one line, in the order of the column heads."""
    if row.status != "ok":
        return [row.label, row.outcome, *[""] * (len(_column_heads()) - 2)]
    shares = row.shares
    rest = sum(share for phase, share in shares.items() if phase not in labels.PAPER_PHASES)
    return [
        row.label,
        labels.seconds(row.wall_s),
        _speed_up(row),
        labels.interval(row.speed_up.low, row.speed_up.high) if row.speed_up else "",
        "" if row.published is None else labels.ratio(row.published),
        *(labels.percent(shares.get(phase, 0.0)) for phase in labels.PAPER_PHASES),
        labels.percent(rest),
        labels.ratio(row.operation_ratio),
        labels.seconds(row.time_bound_s),
        labels.percent(row.efficiency),
        labels.size(row.counts.get("bytes_read")),
    ]


def _stacked(cells: list[str]) -> list[str]:
    """The interval below the speed-up: a terminal has no room for both side by side."""
    name, time, speed_up, interval, *rest = cells
    return [name, time, f"{speed_up}\n{interval}" if interval else speed_up, "", *rest]


def _speed_up(row: Row) -> str:
    if row.speed_up is None:
        return "differs" if row.agreement == "differ" else labels.UNKNOWN
    return row.outcome


def _remarks(search: Search) -> list[str]:
    """What the numbers of a search rest on, and what is wrong with them."""
    lines = [f"{labels.TIMING_ONLY}; its scores mean nothing."] if search.timing_only else []
    lines += [*_strong_remark(search), *_rounds_remark(search), *_agreement_remark(search)]
    for row in search.rows:
        if row.reason:
            what = "" if row.status == "ok" else f"{row.outcome}: "
            lines.append(f"{row.label}: {what}{row.reason}")
        elif row.remark and row.agreement != "differ":
            lines.append(f"{row.label}: {row.remark}")
    return [*lines, *(f"Note: {note}" for note in search.notes)]


def _strong_remark(search: Search) -> list[str]:
    """Base with what any system could do is the fair reference; Base itself the published one."""
    parts = []
    for row in search.rows:
        if row.over_strong is not None:
            interval = labels.interval(row.over_strong.low, row.over_strong.high)
            value = labels.ratio(row.over_strong.value)
            parts.append(f"{row.label} {value}" + (f" ({interval})" if interval else ""))
    return [f"Speed-up over the strong Base: {', '.join(parts)}."] if parts else []


def _rounds_remark(search: Search) -> list[str]:
    if not search.rounds:
        return ["Nothing was measured."]
    fewest, most = search.rounds[0], search.rounds[-1]
    count = labels.rounds(most) if fewest == most else f"{fewest} to {labels.rounds(most)}"
    if fewest < CLAIM_ROUNDS:
        return [f"{count}; a claim takes {CLAIM_ROUNDS}."]
    return [f"{count}, medians."]


def _agreement_remark(search: Search) -> list[str]:
    agreement = search.agreement
    if agreement.status == "agree":
        return ["Answers agree: features, scores and rankings were compared."]
    if agreement.status == "unchecked":
        return ["Answers unchecked: a system had nothing to be compared with."]
    shown = [f"Answers DIFFER: {finding}" for finding in agreement.findings[:_SHOWN_FINDINGS]]
    hidden = len(agreement.findings) - len(shown)
    return [*shown, f"Answers DIFFER: {hidden} more such differences."] if hidden else shown


def _line_style(line: str) -> str:
    return "bold red" if line.startswith("Answers DIFFER") else "dim"


def markdown_row(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"


def markdown_table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A whole table: the first column to the left, the others to the right."""
    rule = "|" + "|".join([" --- ", *[" ---: "] * (len(heads) - 1)]) + "|"
    return "\n".join([markdown_row(heads), rule, *map(markdown_row, lines)])


def escape_markdown(text: str) -> str:
    """Labels and reasons come from outside: no cell ends early, no tag takes effect."""
    flat = " ".join(text.split())
    for character in "\\|<>`*_[]":
        flat = flat.replace(character, f"\\{character}")
    return flat
