"""The figures of readings: one per kind of probe, with medians and quartiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import labels
from reports.figures.drawing import house_style, log_scale, new_figure, save_figure, set_title
from reports.readings import Cell, ReadingsTable
from reports.readings_tables import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Cell]

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#000000")
"""For the colour-blind (Okabe and Ito 2008); black, after all others, is the last."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_SHOWN_PROBLEMS = 2
_LINE: dict[str, Any] = {"linewidth": 1.2, "markersize": 4, "capsize": 2, "elinewidth": 0.8}
_BAR: dict[str, Any] = {"edgecolor": "0.15", "linewidth": 0.3}
_ERROR: dict[str, Any] = {"elinewidth": 0.8, "capsize": 2, "ecolor": "0.25"}


def draw_readings(
    tables: Sequence[ReadingsTable], folder: Path, *, stem: str = "readings", heading: str = ""
) -> tuple[Path, ...]:
    """Write a figure per table of a known probe into ``folder``, as PNG and PDF.

    They are called ``readings-blocks.png`` and so on, or by another ``stem``; where a probe has
    several tables, the further ones have a number. Equal input, equal bytes. A ``heading``
    stands above their titles.
    """
    made: list[Path] = []
    taken: dict[str, int] = {}
    for table in tables:
        fill = _KINDS.get(table.probe)
        if fill is None or not table.rows:
            continue
        taken[table.probe] = taken.get(table.probe, 0) + 1
        suffix = f"-{taken[table.probe]}" if taken[table.probe] > 1 else ""
        name = table.probe.replace("probe", stem, 1) + suffix
        with house_style():
            figure = new_figure()
            fill(figure, table)
            title = " · ".join(part for part in (table.label, table.title) if part)
            absent = [f"Not measured: {line}" for line in table.problems[:_SHOWN_PROBLEMS]]
            more = len(table.problems) - len(absent)
            absent += [f"Not measured: {more} more"] if more > 0 else []
            set_title(figure, "\n".join(line for line in (heading, title, *absent) if line))
            made += save_figure(figure, folder, name)
    return tuple(made)


def _sizes(figure: Figure, table: ReadingsTable) -> None:
    """A bar per architecture, as long as its parameters are large."""
    figure.set_size_inches(5.6, 0.9 + 0.28 * len(table.rows))
    axis = figure.subplots()
    for place, row in enumerate(table.rows):
        size_mb = _value(row, "store_bytes") / 1e6
        axis.barh(place, size_mb, height=0.66, color=COLOURS[0], **_BAR)
        facts = f"{number('blocks', row.get('blocks'))} blocks, "
        facts += f"{_value(row, 'parameters') / 1e6:.1f} M parameters"
        axis.annotate(
            facts, (size_mb, place), xytext=(4, 0), textcoords="offset points", va="center",
            fontsize=7,
        )  # fmt: skip
    names = [labels.architecture(row.get("architecture")) for row in table.rows]
    axis.set_yticks(range(len(names)), names)
    axis.invert_yaxis()
    axis.margins(x=0.0)
    longest = max(_value(row, "store_bytes") for row in table.rows) / 1e6
    axis.set_xlim(0, 1.75 * longest)
    axis.set_xlabel("parameters and running statistics of the blocks in the store (MB)")
    _tidy(axis, grid="x")


def _blocks(figure: Figure, table: ReadingsTable) -> None:
    """A line of panels per architecture: parameters, time and output of each block."""
    groups = _series(table, without=("block",))
    figure.set_size_inches(7.2, 0.5 + 1.55 * len(groups))
    lines = figure.subplots(len(groups), 3, squeeze=False)
    for axes, (name, rows) in zip(lines, groups.items(), strict=True):
        blocks = [_value(row, "block") for row in rows]
        held = [_value(row, "parameters") / 1e6 for row in rows]
        axes[0].bar(blocks, held, width=0.85, color=COLOURS[0], linewidth=0)
        axes[0].set_ylabel(f"{name}\nparameters (M)")
        times_ms = [1e3 * _value(row, "item_time_s") for row in rows]
        errors = _errors(rows, "item_time_s", factor=1e3)
        axes[1].bar(
            blocks, times_ms, width=0.85, color=COLOURS[1], linewidth=0, yerr=errors,
            error_kw={**_ERROR, "elinewidth": 0.6, "capsize": 0},
        )  # fmt: skip
        axes[1].set_ylabel("time per item (ms)")
        edges = [-0.5, *(block + 0.5 for block in blocks)]
        given_kb = [_value(row, "output_bytes") / 1e3 for row in rows]
        axes[2].stairs(given_kb, edges, fill=True, color=COLOURS[2])
        read_kb = _value(rows[0], "input_bytes") / 1e3
        axes[2].axhline(read_kb, color="0.25", linewidth=0.9, linestyle="--")
        axes[2].annotate(
            "input of the model", (edges[-1], read_kb), xytext=(-2, 3),
            textcoords="offset points", ha="right", fontsize=6.5, color="0.25",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
        )  # fmt: skip
        axes[2].set_ylabel("output per item (kB)")
        for axis in axes:
            axis.set_xlim(edges[0], edges[-1])
            axis.set_ylim(bottom=0)
            axis.xaxis.get_major_locator().set_params(integer=True)
            _tidy(axis, grid="y")
    for axis in lines[-1]:
        axis.set_xlabel("block")


def _inference(figure: Figure, table: ReadingsTable) -> None:
    """Items per second over the batch size, a line per architecture."""
    figure.set_size_inches(4.8, 3.2)
    _rate_lines(figure.subplots(), table, x="batch_items", what="batch size (items)", base=2)


def _loading(figure: Figure, table: ReadingsTable) -> None:
    """Items per second over the workers, a line per batch size."""
    figure.set_size_inches(4.8, 3.2)
    _rate_lines(figure.subplots(), table, x="data_workers", what="threads that decode (0: in line)")


def _rate_lines(
    axis: Axes, table: ReadingsTable, *, x: str, what: str, base: int | None = None
) -> None:
    for place, (name, rows) in enumerate(_series(table, without=(x,)).items()):
        axis.errorbar(
            [_value(row, x) for row in rows],
            [_value(row, "items_per_s") for row in rows],
            yerr=_errors(rows, "items_per_s"),
            label=name or None, **_look(place), **_LINE,
        )  # fmt: skip
    ticks = sorted({_value(row, x) for row in table.rows})
    if base:
        axis.set_xscale("log", base=base)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axis.minorticks_off()
    axis.set_ylim(bottom=0)
    axis.set_xlabel(what)
    axis.set_ylabel("items per second")
    _tidy(axis, grid="both")
    _legend(axis)


def _heads(figure: Figure, table: ReadingsTable) -> None:
    """Time over the number of heads, a line per way; the gain beside it."""
    groups = _series(table, without=("models", "way"))
    figure.set_size_inches(6.6, 0.4 + 2.5 * len(groups))
    lines = figure.subplots(len(groups), 2, squeeze=False)
    for axes, (name, rows) in zip(lines, groups.items(), strict=True):
        ways = dict.fromkeys(str(row.get("way")) for row in rows)
        for place, way in enumerate(ways):
            own = [row for row in rows if row.get("way") == way]
            models = [_value(row, "models") for row in own]
            axes[0].errorbar(
                models, [_value(row, "time_s") for row in own], yerr=_errors(own, "time_s"),
                label=way, **_look(place), **_LINE,
            )  # fmt: skip
            gains = [_value(row, "speed_up") for row in own]
            axes[1].plot(models, gains, linewidth=1.2, markersize=4, **_look(place))
        axes[0].set_ylabel("time to train and evaluate (s)")
        log_scale(axes[0], "y", steps=(1.0, 2.0, 5.0))
        axes[1].set_ylabel("speed-up over one by one")
        axes[1].set_ylim(bottom=0)
        if name:
            axes[0].set_title(name, loc="left")
        ticks = sorted({_value(row, "models") for row in rows})
        for axis in axes:
            axis.set_xscale("log", base=2)
            axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.minorticks_off()
            axis.set_xlabel("heads")
            _tidy(axis, grid="both")
        _legend(axes[0])


def _composition(figure: Figure, table: ReadingsTable) -> None:
    """Bars per architecture: the time of each way as a share of the plain forward's."""
    notes = ("bits equal", "bits differ")
    _bars(
        figure, table, of="batch_time_s", what="time of a batch (ms)",
        note=lambda row: notes[0] if row.get("bit_identical") else notes[1],
    )  # fmt: skip


def _snapshot_loading(figure: Figure, table: ReadingsTable) -> None:
    """Bars per architecture and state of the cache: the time of each way."""
    _bars(
        figure, table, of="time_s", what="time (ms), and speed-up over the first",
        note=lambda row: labels.ratio(_value(row, "speed_up")),
    )  # fmt: skip


def _bars(
    figure: Figure, table: ReadingsTable, *, of: str, what: str, note: Callable[[Row], str]
) -> None:
    """A panel per group of ways, a bar per way."""
    groups = _series(table, without=("way",))
    columns = min(len(groups), 2)
    height = -(-len(groups) // columns)
    figure.set_size_inches(3.9 * columns, 0.4 + 1.35 * height)
    panels = figure.subplots(height, columns, squeeze=False).flatten()
    for panel, (name, rows) in zip(panels, groups.items(), strict=False):
        for place, row in enumerate(rows):
            value = _value(row, of)
            panel.barh(
                place, 1e3 * value, height=0.66, color=_look(place)["color"],
                xerr=_errors([row], of, factor=1e3), error_kw=_ERROR, **_BAR,
            )  # fmt: skip
            highest = 1e3 * _value(row, f"high_{of}")
            panel.annotate(
                f"{number(of, value)}, {note(row)}", (highest, place), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=7,
            )  # fmt: skip
        panel.set_yticks(range(len(rows)), [str(row.get("way")) for row in rows])
        panel.invert_yaxis()
        panel.set_xlim(0, 1.75 * max(1e3 * _value(row, f"high_{of}") for row in rows))
        panel.set_xlabel(what)
        panel.set_title(name, loc="left")
        _tidy(panel, grid="x")
    for panel in panels[len(groups) :]:
        panel.set_axis_off()


_KINDS: Mapping[str, Callable[[Figure, ReadingsTable], None]] = {
    "probe-sizes": _sizes,
    "probe-blocks": _blocks,
    "probe-inference": _inference,
    "probe-loading": _loading,
    "probe-heads": _heads,
    "probe-composition": _composition,
    "probe-snapshot-loading": _snapshot_loading,
}

_SETTINGS = ("architecture", "cache", "batch_size", "way", "batch_items", "data_workers", "models")
"""Columns of the probes' own by which rows form series, where they differ."""


def _series(table: ReadingsTable, *, without: Sequence[str]) -> dict[str, list[Row]]:
    """The rows by all that sets them apart but the columns ``without``, named in words."""
    settings = [*table.apart, *(name for name in table.own if name in _SETTINGS)]
    names = [name for name in settings if name not in without]
    differing = [n for n in names if len({repr(row.get(n)) for row in table.rows}) > 1]
    groups: dict[str, list[Row]] = {}
    for row in table.rows:
        words = [_words(name, row.get(name)) for name in differing if not _is_told(name, row)]
        groups.setdefault(", ".join(word for word in words if word), []).append(row)
    if "" in groups and "architecture" in table.columns:
        return {labels.architecture(table.rows[0].get("architecture")): groups[""]}
    return groups


def _is_told(name: str, row: Row) -> bool:
    """Whether the architecture's name says it already."""
    return name == "resolution" and "@" in str(row.get("architecture"))


def _words(name: str, value: Cell) -> str:
    if name == "cache":
        return f"{value} cache"
    if name == "batch_items":
        return f"batches of {value}"
    return labels.parameter(name, value) or ""


def _value(row: Row, name: str) -> float:
    value = row.get(name)
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _errors(rows: Sequence[Row], name: str, *, factor: float = 1.0) -> list[list[float]]:
    """Distances from the medians down and up to the quartiles."""
    down = [factor * (_value(row, name) - _value(row, f"low_{name}")) for row in rows]
    up = [factor * (_value(row, f"high_{name}") - _value(row, name)) for row in rows]
    return [[max(0.0, value) for value in side] for side in (down, up)]


def _look(place: int) -> dict[str, Any]:
    return {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[place % len(MARKERS)],
    }


def _legend(axis: Axes) -> None:
    handles, names = axis.get_legend_handles_labels()
    if any(names):
        axis.legend(handles, names, frameon=False)


def _tidy(axis: Axes, *, grid: str) -> None:
    axis.grid(visible=False)
    axis.grid(visible=True, axis=grid, color="0.88", linewidth=0.5)  # type: ignore[arg-type]
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
