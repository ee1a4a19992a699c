"""Synthetic model sets (M_syn of the Alsatian paper), generated into a block store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeAlias

from torch import Tensor

from systems.errors import ConfigurationError
from systems.models.architectures import architecture
from systems.models.generator import SnapshotGenerator
from systems.models.snapshot_spec import SnapshotSetSpec
from systems.store.store import BlockStore

_LARGEST_CALIBRATION_BATCH = 64

CalibrationBatch: TypeAlias = Tensor | Callable[[], Tensor]
"""Prepared images [B, 3, H, W] with 2 ≤ B ≤ 64, or what gives them when they are needed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotSet:
    """A model set in a store."""

    set_id: str
    model_ids: tuple[str, ...]
    """The base model first, in the order of generation."""
    generated: bool
    """False if the store had it already."""
    new_bytes: int
    """Bytes of tensors that were written for it now."""
    training_s: float | None = None
    """Spent on training it, whenever that was; None if it was not trained, or not known."""
    store_s: float | None = None
    """Spent on hashing and writing it, likewise."""


def generate(
    spec: SnapshotSetSpec,
    *,
    store: BlockStore,
    calibration_batch: CalibrationBatch | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SnapshotSet:
    """The model set of ``spec`` in ``store``, generated if it is not there.

    ``progress`` is called with (models done, models of the set). The global random state
    and number of threads are as before afterwards. While it runs, one plain model is in
    memory, and the activations of the calibration batch that later models start from.

    Raises:
        ConfigurationError: base weights cannot be loaded, or there is no suitable
            calibration batch for an architecture that needs one.
        StoreError: the store cannot take the models.
    """
    set_id = spec.set_id()
    known = store.model_set(set_id)
    if known is not None:
        return SnapshotSet(set_id=set_id, model_ids=known, generated=False, new_bytes=0)
    generator = SnapshotGenerator(spec, store, _calibration_images(spec, calibration_batch))
    new_bytes = 0
    for index in range(spec.count):
        new_bytes += generator.add(index)
        if progress is not None:
            progress(index + 1, spec.count)
    store.put_model_set(set_id, asdict(spec), generator.model_ids)
    return SnapshotSet(
        set_id=set_id, model_ids=tuple(generator.model_ids), generated=True, new_bytes=new_bytes
    )


def _calibration_images(spec: SnapshotSetSpec, batch: CalibrationBatch | None) -> Tensor | None:
    """The calibration batch on the CPU, or None where nothing is to be calibrated."""
    if not architecture(spec.architecture).needs_calibration:
        return None
    if batch is None:
        raise ConfigurationError(
            f"Snapshots of {spec.architecture} need a calibration batch of real images: its "
            "normalisation layers know nothing about data when they are initialised."
        )
    images = (batch if isinstance(batch, Tensor) else batch()).cpu().contiguous()
    expected = (3, spec.resolution, spec.resolution)
    if images.shape[1:] != expected or not 2 <= len(images) <= _LARGEST_CALIBRATION_BATCH:
        raise ConfigurationError(
            f"A calibration batch of shape {tuple(images.shape)} does not fit: it has to be 2 to "
            f"{_LARGEST_CALIBRATION_BATCH} images of shape {expected}."
        )
    return images
