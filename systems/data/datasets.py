"""Which labelled datasets there are, and what every opened one offers.

Importing this module imports neither numpy, PIL nor torch; opening a dataset imports what
its kind needs (never torch).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from systems.data.published.catalogue import PUBLISHED
from systems.data.transform import Transform
from systems.errors import ConfigurationError, did_you_mean
from systems.plug_ins import imported, with_offered

if TYPE_CHECKING:
    import numpy as np

Modality = Literal["image", "text"]

LONGEST_SEQUENCE = 512
"""Tokens per item that BERT and RoBERTa have position embeddings for."""
LARGEST_RESOLUTION = 4096
ENTRY_POINT_GROUP = "alsatian_bench.datasets"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSpec:
    """A labelled dataset as a scenario asks for it. Inert: nothing is opened or checked."""

    name: str
    """Key into ``available_datasets``."""
    path: str | None = None
    """Folder of the data; only for kinds with ``needs_path``."""
    items: int | None
    """How many items to use, test and train together; chosen by class share and seed. None:
    all that there are."""
    seed: int = 0
    resolution: int | None = None
    """Side in pixels of the largest images that will be asked for; None for text."""
    sequence_length: int | None = None
    """Tokens per item, padded or truncated; None for images."""
    vocabulary: str | None = None
    """A ``vocab.txt`` of WordPiece tokens; None trains one on the texts. Only for text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetKind:
    """What can be known of a kind of dataset without opening one."""

    name: str
    modality: Modality
    summary: str
    opener: str
    """``module:function``, called as ``function(spec, cache_dir=…)``."""
    needs_path: bool = False
    path_holds: str = "one sub-folder per class"
    """What is in the folder, for a person; where ``needs_path``."""
    timing_only: bool = False
    """The labels mean nothing: times are real, scores and winners are not."""
    classes: int | None = None
    """How many there are; None where that shows when the data are opened."""


class Dataset(Protocol):
    """Labelled items that are decoded one at a time, for real, each time they are asked for.

    Decoding has two steps, so that several transforms can be made of one read. All methods
    may be called from several threads at once.
    """

    modality: Modality
    timing_only: bool
    classes: tuple[str, ...]
    """Names, by label."""
    labels: np.ndarray
    """int64 [items], indexes into ``classes``."""
    transform: Transform
    """The largest that can be asked for, as the specification has it. Pictures are decoded
    as large as it needs them, so that a smaller transform has the same bits whoever else
    asks for the item."""
    files: tuple[Path, ...]
    """The file of each item, in item order; empty where the items live in memory."""

    @property
    def content_id(self) -> str:
        """Hex digest of labels, order and stored content of the items and of how they are
        transformed. Computed when first asked for: it may read every file.
        """
        ...

    def describe(self, index: int) -> str:
        """Name item ``index`` for a person: its file, or its place in the collection."""
        ...

    def read(self, index: int) -> Any:
        """Read and decode item ``index``: a picture, or a text.

        Raises:
            DatasetError: the item is damaged; the sentence names the file.
        """
        ...

    def fit(self, source: Any, transform: Transform) -> np.ndarray:
        """Make what a model reads of what ``read`` gave.

        Returns:
            uint8 [R, R, 3] for images; int32 [L] token ids for text, where 0 is padding.
        """
        ...

    def decode(self, index: int) -> np.ndarray:
        """Read item ``index`` and fit it to ``transform``."""
        return self.fit(self.read(index), self.transform)


DATASETS: Mapping[str, DatasetKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            DatasetKind(
                name="digits",
                modality="image",
                summary="1797 real handwritten digits of scikit-learn, 10 classes, upscaled.",
                opener="systems.data.digits:open_digits",
                classes=10,
            ),
            DatasetKind(
                name="image_folder",
                modality="image",
                summary="A folder of images with one sub-folder per class.",
                opener="systems.data.image_folder:open_image_folder",
                needs_path=True,
            ),
            DatasetKind(
                name="fake",
                modality="image",
                summary="Seeded photo-sized JPEG files, 10 classes; for timing only.",
                opener="systems.data.fake:open_fake",
                timing_only=True,
                classes=10,
            ),
            DatasetKind(
                name="text_folder",
                modality="text",
                summary="A folder of .txt files with one sub-folder per class (pos/, neg/).",
                opener="systems.data.text_folder:open_text_folder",
                needs_path=True,
            ),
            DatasetKind(
                name="docstrings",
                modality="text",
                summary="Real docstrings of installed packages; the class is the package.",
                opener="systems.data.docstrings:open_docstrings",
            ),
            *(
                DatasetKind(
                    name=facts.name,
                    modality=facts.modality,
                    summary=facts.summary,
                    opener="systems.data.published.opening:open_published",
                    needs_path=True,
                    path_holds=f"the unpacked archive of {facts.title}",
                )
                for facts in PUBLISHED.values()
            ),
        )
    }
)
"""The kinds of dataset that are built in, by name."""


@functools.cache
def available_datasets() -> Mapping[str, DatasetKind]:
    """All kinds of dataset by name: the built-in ones, and those that installed packages offer.

    A package offers one through an entry point of the group ``alsatian_bench.datasets`` that
    names a ``DatasetKind``.
    """
    return with_offered(
        DATASETS.values(), group=ENTRY_POINT_GROUP, kind=DatasetKind, what="dataset"
    )


def dataset_kind(name: str) -> DatasetKind:
    """The kind of dataset called ``name``.

    Raises:
        ConfigurationError: there is none.
    """
    known = available_datasets()
    if name not in known:
        raise ConfigurationError(f"There is no dataset '{name}'. {did_you_mean(name, known)}")
    return known[name]


def open_dataset(spec: DatasetSpec, *, cache_dir: Path) -> Dataset:
    """Find and choose the items that ``spec`` asks for, without decoding them.

    Args:
        spec: what to open.
        cache_dir: where generated files (fake photos, docstrings, vocabularies) are kept
            between runs; created when needed.

    Raises:
        ConfigurationError: the specification contradicts itself.
        DatasetError: the data are missing, of one class, or fewer than asked for.
    """
    kind = dataset_kind(spec.name)
    _check(spec, kind)
    opener = imported(kind.opener, of=f"the dataset '{kind.name}'")
    return opener(spec, cache_dir=cache_dir)


def _check(spec: DatasetSpec, kind: DatasetKind) -> None:
    """Raise ConfigurationError where ``spec`` breaks a rule of its kind."""
    if spec.items is not None and spec.items < 1:
        raise ConfigurationError(f"items is {spec.items}; it must be at least 1.")
    if spec.seed < 0:
        raise ConfigurationError(f"The dataset's seed is {spec.seed}; it must not be negative.")
    if kind.needs_path and not spec.path:
        raise ConfigurationError(
            f"The dataset '{kind.name}' needs a path: the folder that holds {kind.path_holds}."
        )
    if not kind.needs_path and spec.path:
        raise ConfigurationError(
            f"The dataset '{kind.name}' takes no path, but '{spec.path}' was given. Remove it, "
            "or choose 'image_folder' or 'text_folder'."
        )
    if kind.modality == "image":
        _check_size(spec.resolution, "resolution", (1, LARGEST_RESOLUTION), kind)
        unfit = {"sequence_length": spec.sequence_length, "vocabulary": spec.vocabulary}
    else:
        _check_size(spec.sequence_length, "sequence_length", (3, LONGEST_SEQUENCE), kind)
        unfit = {"resolution": spec.resolution}
    for option, value in unfit.items():
        if value is not None:
            raise ConfigurationError(
                f"{option} is {value!r}, but the dataset '{kind.name}' holds {kind.modality}s: "
                f"remove {option}."
            )


def _check_size(value: int | None, option: str, limits: tuple[int, int], kind: DatasetKind) -> None:
    """Raise ConfigurationError unless ``value`` lies within ``limits``, ends included."""
    low, high = limits
    if value is None or not low <= value <= high:
        given = "missing" if value is None else value
        raise ConfigurationError(
            f"{option} is {given}; the dataset '{kind.name}' needs one from {low} to {high}."
        )
