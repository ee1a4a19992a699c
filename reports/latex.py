"""Tables for a paper: LaTeX with booktabs, nothing that a plain installation lacks."""

from __future__ import annotations

from collections.abc import Sequence

from reports import labels
from reports.figures.overview import Grid
from reports.readings import Cell, ReadingsTable
from reports.rows import Row

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "×": r"$\times$", "–": "--", "|": r"\textbar{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "·": r"$\cdot$", "…": r"\ldots{}", "−": "$-$", "τ": r"$\tau$",
}  # fmt: skip


def escape(text: str) -> str:
    """``text`` as LaTeX shows it, whatever it contains, in one line (a blank one would end it)."""
    flat = " ".join(text.split())
    return "".join(_SPECIAL.get(character, character) for character in flat)


def speed_up_table(grid: Grid, *, caption: str, label: str) -> str:
    """Speed-ups over Base with their intervals, the published ones in parentheses.

    A line for each number of items and architecture, a column for each distribution and system.
    """
    heads = ["items", "architecture"]
    groups = ["", ""]
    for column in grid.columns:
        groups.append(
            rf"\multicolumn{{{len(grid.systems)}}}{{c}}{{{escape(labels.distribution(column))}}}"
        )
        heads += grid.systems
    lines = []
    for row in grid.rows:
        for group in grid.groups:
            if not any((group, column, row) in grid.cells for column in grid.columns):
                continue
            cells = [escape(row), escape(labels.architecture(group))]
            for column in grid.columns:
                search = grid.searches.get((group, column, row))
                known = {each.label: each for each in search.rows} if search else {}
                cells += [_speed_up(known.get(system)) for system in grid.systems]
            lines.append(cells)
    columns = len(grid.columns) * len(grid.systems)
    note = "Speed-up over Base with its 95\\% interval; in parentheses the published one."
    return _table(
        groups=groups if len(grid.columns) > 1 else [],
        heads=[escape(head) for head in heads],
        lines=lines,
        alignment="rl" + "r" * columns,
        caption=f"{escape(caption)}. {note}",
        label=label,
    )


def architecture_table(readings: ReadingsTable, *, caption: str, label: str) -> str:
    """Table 1 of the paper: blocks, parameters and sizes, a line per architecture."""
    lines = [
        [
            escape(labels.architecture(row.get("architecture"))),
            _whole(row.get("blocks")),
            _whole(row.get("published_parameters")),
            _whole(row.get("parameters")),
            escape(labels.size(_number(row.get("store_bytes")))),
        ]
        for row in readings.rows
    ]
    return _table(
        groups=[],
        heads=["architecture", "blocks", "parameters", "in the blocks", "stored"],
        lines=lines,
        alignment="lrrrr",
        caption=escape(caption),
        label=label,
    )


def _speed_up(row: Row | None) -> str:
    if row is None:
        return r"\emph{not run}"
    if row.speed_up is None:
        return rf"\emph{{{escape(row.outcome)}}}"
    text = rf"\textbf{{{row.speed_up.value:.2f}}}"
    if row.speed_up.low is not None and row.speed_up.high is not None:
        text += f" [{row.speed_up.low:.2f}, {row.speed_up.high:.2f}]"
    return text if row.published is None else f"{text} ({row.published:.1f})"


def _table(
    *,
    groups: Sequence[str],
    heads: Sequence[str],
    lines: Sequence[Sequence[str]],
    alignment: str,
    caption: str,
    label: str,
) -> str:
    body = [" & ".join(line) + r" \\" for line in lines]
    top = [" & ".join(groups) + r" \\"] if groups else []
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            r"\begin{table*}",
            r"  \centering\small",
            rf"  \caption{{{caption}}}",
            rf"  \label{{tab:{label}}}",
            rf"  \begin{{tabular}}{{{alignment}}}",
            r"    \toprule",
            *(f"    {line}" for line in top),
            "    " + " & ".join(heads) + r" \\",
            r"    \midrule",
            *(f"    {line}" for line in body),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table*}",
            "",
        ]
    )


def _whole(value: Cell) -> str:
    number = _number(value)
    return "--" if number is None else f"{number:,.0f}".replace(",", r"\,")


def _number(value: Cell) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
