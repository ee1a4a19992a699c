"""Readings as tables: for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reports import labels
from reports.readings import QUARTILES, Cell, ReadingsTable
from reports.tables import escape_markdown, markdown_row

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
"""Columns that the terminal table fits in."""
SHOWN_ROWS = 40
"""Rows of a table on the terminal; all are in the files."""
LEGEND = "Medians, with quartiles in brackets."

_KEYS = ("architecture", "way", "block", "models", "cache")
"""What rows are of: never taken out of a table, even where it is the same in all of them."""
_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def print_readings(console: Console, tables: Sequence[ReadingsTable]) -> None:
    """Print each table, at most ``WIDTH`` columns wide and ``SHOWN_ROWS`` rows long."""
    from rich.table import Table
    from rich.text import Text

    width = min(console.width, WIDTH)
    for readings in tables:
        console.print()
        console.print(Text(_heading(readings), style="bold"), width=width)
        shown = _varying(readings)
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
        for column in shown:
            is_text = any(isinstance(row.get(column), str) for row in readings.rows)
            table.add_column(head(column), justify="left" if is_text else "right")
        for row in readings.rows[:SHOWN_ROWS]:
            table.add_row(*(Text(text(column, row)) for column in shown))
        if shown:
            console.print(table, width=width, soft_wrap=False)
        hidden = len(readings.rows) - SHOWN_ROWS
        remarks = [*_remarks(readings), *([f"{hidden} more rows are in the files."] * (hidden > 0))]
        for line in remarks:
            console.print(Text(line, style="dim"), width=width, soft_wrap=False)
        for line in readings.problems:
            console.print(Text(line, style="yellow"), width=width, soft_wrap=False)
    console.print()


def write_markdown(tables: Sequence[ReadingsTable], path: Path) -> None:
    """Write all tables, with all rows, to ``path`` as Markdown."""
    parts = ["# Readings of probes", *map(markdown_section, tables)]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def markdown_section(readings: ReadingsTable) -> str:
    """A table with all its rows, under a heading of the second level."""
    shown = _varying(readings)
    lines = [f"## {escape_markdown(_heading(readings))}", ""]
    if shown:
        lines += [
            markdown_row([head(column) for column in shown]),
            markdown_row(["---"] * len(shown)),
        ]
    lines += [markdown_row([text(column, row) for column in shown]) for row in readings.rows]
    remarks = [*_remarks(readings), *readings.problems]
    return "\n".join([*lines, "", *(f"- {escape_markdown(line)}" for line in remarks)])


def write_csv(tables: Sequence[ReadingsTable], path: Path) -> None:
    """Write a line per row of all tables to ``path``: all columns, in SI units."""
    heads = ["probe", "scenario", "scale", "host_class", "rounds"]
    columns = dict.fromkeys(column for table in tables for column in table.columns)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*heads, *columns])
        for table in tables:
            of = [table.probe, table.scenario, table.scale, table.host_class, table.rounds]
            writer.writerows([*of, *(row.get(name) for name in columns)] for row in table.rows)


def head(column: str) -> str:
    """The name of a column for a person: its unit stands with the numbers."""
    if column.endswith("_per_s"):
        return f"{column.removesuffix('_per_s').replace('_', ' ')}/s"
    for unit in ("_bytes", "_s"):
        column = column.removesuffix(unit)
    return column.replace("_", " ")


def text(column: str, row: Mapping[str, Cell]) -> str:
    """One cell for a person; with its quartiles, where there are any."""
    value = row.get(column)
    low, high = (row.get(f"{prefix}{column}") for prefix in QUARTILES)
    if not isinstance(value, float) or not isinstance(low, float) or not isinstance(high, float):
        return number(column, value)
    factor, unit = _scale(column, value)
    return f"{_digits(value / factor)}{unit} ({_digits(low / factor)}–{_digits(high / factor)})"


def number(column: str, value: Cell) -> str:
    """A value as its column's unit wants it."""
    if value is None:
        return labels.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return labels.architecture(value) if column == "architecture" else value
    if column == "speed_up":
        return labels.ratio(float(value))
    factor, unit = _scale(column, float(value))
    if factor == 1.0 and not unit and isinstance(value, int):
        return f"{value:,}"
    return f"{_digits(value / factor)}{unit}"


def _scale(column: str, value: float) -> tuple[float, str]:
    """What to divide a value by, and the unit that it then has."""
    if column.endswith("_s") and not column.endswith("_per_s"):
        steps = ((1.0, " s"), (1e-3, " ms"), (1e-6, " µs"))
        return next((step for step in steps if abs(value) >= step[0]), (1e-6, " µs"))
    is_large = column.endswith("_bytes") or column.startswith(("operations", "bytes"))
    unit = "B" if "bytes" in column else ""
    for factor, prefix in _PREFIXES:
        if is_large and abs(value) >= factor:
            return factor, f" {prefix}{unit}"
    return 1.0, f" {unit}" if unit else ""


def _digits(value: float) -> str:
    """Three digits; more before the point stay."""
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.0995 else f"{value:.3g}"


def _varying(readings: ReadingsTable) -> list[str]:
    """The columns to show: not the quartiles, nor what is the same in all rows."""
    main = [c for c in readings.columns if not c.startswith(QUARTILES) and c != "repeats"]
    constant = _constant(readings)
    return [column for column in main if column not in constant]


def _constant(readings: ReadingsTable) -> dict[str, Cell]:
    """Settings that are the same in all of several rows; measured medians always are shown."""
    if len(readings.rows) < 2:
        return {}
    found: dict[str, Cell] = {}
    for column in readings.columns:
        values = [row.get(column) for row in readings.rows]
        is_setting = all(isinstance(value, (str, int, bool)) for value in values)
        if column not in (*_KEYS, "repeats") and is_setting and len(set(values)) == 1:
            found[column] = values[0]
    return found


def _heading(readings: ReadingsTable) -> str:
    scale = f" at scale {readings.scale}" if readings.scale else ""
    title = f" · {readings.title}" if readings.title else ""
    return f"{readings.label}: {readings.scenario}{scale}{title}"


def _remarks(readings: ReadingsTable) -> list[str]:
    """What the numbers rest on, and what is the same in all rows."""
    lines = []
    constant = [f"{head(c)} {number(c, value)}" for c, value in _constant(readings).items()]
    if constant:
        lines.append(f"In all rows: {' · '.join(constant)}.")
    repeats = sorted({int(n) for row in readings.rows if isinstance(n := row.get("repeats"), int)})
    if repeats:
        times = str(repeats[0]) if len(repeats) == 1 else f"{repeats[0]} to {repeats[-1]}"
        rounds = f" in {labels.rounds(readings.rounds)}" if readings.rounds > 1 else ""
        lines.append(f"{LEGEND[:-1]}, of {times} repeats{rounds}.")
    return lines
