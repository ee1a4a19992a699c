"""How much models share: blocks and bytes stored once, and how far from the start they agree.

Two models share the computation of their common *prefix*, and the storage of every block that
both have, wherever it stands (Alsatian, SIGMOD 2025, section 3).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports import labels

FILE_STEM = "overlap"
ALL = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelBlocks:
    """A model as the blocks that it consists of, in the order in which they run."""

    name: str
    family: str
    """Models of one family are reported together."""
    architecture: str
    """Only models of one can share blocks."""
    blocks: tuple[str, ...]
    """Hashes."""
    block_bytes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """What the models of a family share."""

    family: str
    models: int
    architectures: int
    blocks: int
    """Of all models, those of several models counted as often."""
    unique_blocks: int
    bytes: int
    unique_bytes: int
    mean_prefix: float | None
    """Blocks from the start that two models have in common, in the mean over all pairs; None
    for a single model."""
    mean_prefix_share: float | None
    """The same as a share of the shorter model's blocks."""

    @property
    def saved_bytes(self) -> int:
        """What storing each block once saves."""
        return self.bytes - self.unique_bytes

    @property
    def saved_share(self) -> float:
        """Of all bytes."""
        return self.saved_bytes / self.bytes if self.bytes else 0.0


def in_order(models: Iterable[ModelBlocks]) -> tuple[ModelBlocks, ...]:
    """By family and architecture, models that share much beside each other."""
    models = tuple(models)
    first: dict[str, int] = {}
    for model in models:
        for block in model.blocks:
            first.setdefault(block, len(first))
    return tuple(
        sorted(models, key=lambda m: (m.family, m.architecture, [first[b] for b in m.blocks]))
    )


def prefix_lengths(models: Sequence[ModelBlocks]) -> np.ndarray:
    """int32 [n, n]: blocks from the start that two models have in common.

    On the diagonal stands the number of a model's own blocks.
    """
    number: dict[str, int] = {}
    width = max(len(model.blocks) for model in models)
    # A padding that differs from row to row: beyond their ends, models have nothing in common.
    rows = np.repeat(-1 - np.arange(len(models)), width).reshape(len(models), width)
    for row, model in zip(rows, models, strict=True):
        row[: len(model.blocks)] = [number.setdefault(b, len(number)) for b in model.blocks]
    lengths = np.stack([np.cumprod(rows == row, axis=1).sum(axis=1) for row in rows])
    np.fill_diagonal(lengths, [len(model.blocks) for model in models])
    return lengths.astype(np.int32)


def overlaps(models: Sequence[ModelBlocks], lengths: np.ndarray) -> tuple[Overlap, ...]:
    """What the models of each family share, and, where there are several, all of them.

    ``lengths`` are the ``prefix_lengths`` of ``models``.
    """
    families = list(dict.fromkeys(model.family for model in models))
    places = [
        (family, [i for i, model in enumerate(models) if model.family == family])
        for family in families
    ]
    if len(families) > 1:
        places.append((ALL, list(range(len(models)))))
    return tuple(_overlap(family, models, own, lengths) for family, own in places)


def _overlap(
    family: str, models: Sequence[ModelBlocks], places: Sequence[int], lengths: np.ndarray
) -> Overlap:
    own = [models[place] for place in places]
    sizes = {b: size for m in own for b, size in zip(m.blocks, m.block_bytes, strict=True)}
    mean = share = None
    if len(own) > 1:
        above = np.triu_indices(len(own), k=1)
        common = lengths[np.ix_(places, places)][above]
        counts = np.array([len(model.blocks) for model in own])
        mean = float(common.mean())
        share = float((common / np.minimum.outer(counts, counts)[above]).mean())
    return Overlap(
        family=family,
        models=len(own),
        architectures=len({model.architecture for model in own}),
        blocks=sum(len(model.blocks) for model in own),
        unique_blocks=len(sizes),
        bytes=sum(sum(model.block_bytes) for model in own),
        unique_bytes=sum(sizes.values()),
        mean_prefix=mean,
        mean_prefix_share=share,
    )


def print_overlaps(console: Console, found: Sequence[Overlap]) -> None:
    """Print a row for each family."""
    table = Table(box=None, pad_edge=False)
    columns = (
        "family", "models", "architectures", "blocks", "unique", "MB", "unique MB", "saved",
        "shared prefix",
    )  # fmt: skip
    for column in columns:
        table.add_column(column, justify="left" if column == "family" else "right")
    for each in found:
        prefix = labels.UNKNOWN
        if each.mean_prefix is not None:
            prefix = f"{each.mean_prefix:.1f} ({labels.percent(each.mean_prefix_share)})"
        numbers = (each.models, each.architectures, each.blocks, each.unique_blocks)
        table.add_row(
            Text(labels.architecture(each.family)),
            *(f"{number:,}" for number in numbers),
            f"{each.bytes / 1e6:,.1f}",
            f"{each.unique_bytes / 1e6:,.1f}",
            labels.percent(each.saved_share),
            prefix,
        )
    console.print(table)


def write_overlaps(
    found: Sequence[Overlap],
    models: Sequence[ModelBlocks],
    lengths: np.ndarray,
    folder: Path,
) -> tuple[Path, Path]:
    """Write ``overlap.csv``, a row for each family, and ``overlap.json`` with all pairs too."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {**asdict(each), "saved_bytes": each.saved_bytes, "saved_share": each.saved_share}
        for each in found
    ]
    table = folder / f"{FILE_STEM}.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    whole = folder / f"{FILE_STEM}.json"
    content = {
        "families": rows,
        "models": [
            {"name": m.name, "family": m.family, "architecture": m.architecture} for m in models
        ],
        "prefix_lengths": lengths.tolist(),
    }
    whole.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return table, whole
