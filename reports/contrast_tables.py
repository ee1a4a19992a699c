"""Two sets of runs side by side, as tables: for the terminal, as Markdown and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports import labels
from reports.contrast import Contrast, Contrasts, Side
from reports.tables import WIDTH, escape_markdown, markdown_table

if TYPE_CHECKING:
    from rich.console import Console

LEGEND = (
    "B/A = time(B)/time(A) with its 95% interval: above 1, B is slower · paired: the sets took "
    "turns; unpaired: drift of the machine between them is in the ratio · speed-up: over Base of "
    "the same set"
)
"""What the columns mean."""

_HEADS = ("system", "A", "B", "B/A", "interval", "how", "speed-up A", "speed-up B")
_SHOWN_ABSENT = 12


def print_contrasts(console: Console, contrasts: Contrasts, names: tuple[str, str]) -> None:
    """Print a table per search, at most ``WIDTH`` columns wide."""
    from rich.table import Table
    from rich.text import Text

    width = min(console.width, WIDTH)
    for line in _sides(contrasts, names):
        console.print(Text(line), width=width, soft_wrap=False)
    for search, rows in _by_search(contrasts).items():
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        for head in _HEADS:
            table.add_column(head, justify="left" if head in ("system", "how") else "right")
        for row in rows:
            style = "" if row.ratio is not None else "yellow"
            table.add_row(*(Text(cell, style=style) for cell in _cells(row)))
        console.print()
        console.print(Text(search, style="bold"), width=width)
        console.print(table, width=width, soft_wrap=False)
        for line in _remarks(rows):
            console.print(Text(line, style="dim"), width=width, soft_wrap=False)
    console.print()
    for line in (LEGEND, *absent(contrasts)):
        console.print(Text(line, style="dim"), width=width, soft_wrap=False)


def contrasts_markdown(contrasts: Contrasts, names: tuple[str, str]) -> str:
    """The same as Markdown."""
    parts = ["# A and B", _list(_sides(contrasts, names))]
    for search, rows in _by_search(contrasts).items():
        parts.append(f"## {escape_markdown(search)}")
        parts.append(markdown_table(_HEADS, [_cells(row) for row in rows]))
        if remarks := _remarks(rows):
            parts.append(_list(remarks))
    parts += [escape_markdown(line) for line in (LEGEND, *absent(contrasts))]
    return "\n\n".join(parts) + "\n"


def write_contrasts(contrasts: Contrasts, names: tuple[str, str], folder: Path) -> tuple[Path, ...]:
    """Write ``contrast.md`` and ``contrast.csv`` into ``folder``."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    markdown, csv = folder / "contrast.md", folder / "contrast.csv"
    markdown.write_text(contrasts_markdown(contrasts, names), encoding="utf-8")
    pd.DataFrame([_line(row) for row in contrasts.rows]).to_csv(csv, index=False)
    return markdown, csv


def absent(contrasts: Contrasts) -> list[str]:
    """What only one of the sets has, and what could not be told apart, as sentences."""
    lines = list(contrasts.problems)
    for name, cells in (("A", contrasts.only_a), ("B", contrasts.only_b)):
        if cells:
            counted: dict[str, int] = {}
            for cell in cells:
                counted[cell] = counted.get(cell, 0) + 1
            named = [f"{cell} (×{count})" if count > 1 else cell for cell, count in counted.items()]
            more = len(named) - _SHOWN_ABSENT
            shown = ", ".join(named[:_SHOWN_ABSENT]) + (f", and {more} more" if more > 0 else "")
            lines.append(f"Only in {name}, and so not compared: {shown}.")
    return lines


def _sides(contrasts: Contrasts, names: tuple[str, str]) -> list[str]:
    """What A and B are."""
    lines = []
    for letter, name, sides in (
        ("A", names[0], [row.a for row in contrasts.rows]),
        ("B", names[1], [row.b for row in contrasts.rows]),
    ):
        hosts = "; ".join(dict.fromkeys(side.host_class for side in sides))
        commits = "; ".join(dict.fromkeys(side.commit for side in sides))
        lines.append(f"{letter}: {name}" + (f" (commit {commits}; {hosts})" if sides else ""))
    return lines


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {escape_markdown(line)}" for line in lines)


def _by_search(contrasts: Contrasts) -> Mapping[str, Sequence[Contrast]]:
    searches: dict[str, list[Contrast]] = {}
    for row in contrasts.rows:
        searches.setdefault(row.search, []).append(row)
    return searches


def _cells(row: Contrast) -> list[str]:
    return [
        row.label,
        _time(row.a),
        _time(row.b),
        "" if row.ratio is None else labels.ratio(row.ratio.value),
        "" if row.ratio is None else labels.interval(row.ratio.low, row.ratio.high),
        row.how,
        _speed_up(row.a),
        _speed_up(row.b),
    ]


def _time(side: Side) -> str:
    if side.wall_s is None:
        return labels.STATUS_LABELS.get(side.status, side.status)
    return labels.seconds(side.wall_s)


def _speed_up(side: Side) -> str:
    return "" if side.speed_up is None else labels.ratio(side.speed_up.value)


def _remarks(rows: Sequence[Contrast]) -> list[str]:
    """Each remark once, with the systems that it is about; with no names if it is all."""
    about: dict[str, list[str]] = {}
    for row in rows:
        if row.remark:
            about.setdefault(row.remark, []).append(row.label)
    return [
        remark if len(names) == len(rows) else f"{', '.join(names)}: {remark}"
        for remark, names in about.items()
    ]


def _line(row: Contrast) -> dict[str, object]:
    sides = {"a": row.a, "b": row.b}
    return {
        "search": row.search,
        "label": row.label,
        **{f"{name}_wall_s": side.wall_s for name, side in sides.items()},
        **{f"{name}_rounds": side.rounds for name, side in sides.items()},
        "ratio": row.ratio.value if row.ratio else None,
        "ratio_low": row.ratio.low if row.ratio else None,
        "ratio_high": row.ratio.high if row.ratio else None,
        "how": row.how,
        **{
            f"{name}_speed_up": side.speed_up.value if side.speed_up else None
            for name, side in sides.items()
        },
        **{f"{name}_status": side.status for name, side in sides.items()},
        **{f"{name}_host_class": side.host_class for name, side in sides.items()},
        **{f"{name}_commit": side.commit for name, side in sides.items()},
        "remark": row.remark,
    }
