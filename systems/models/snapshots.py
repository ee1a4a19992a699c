"""Synthetic model sets (M_syn of the Alsatian paper), generated into a block store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from systems.errors import ConfigurationError
from systems.models.architectures import architecture
from systems.models.build import ModelShape
from systems.models.generator import SnapshotGenerator
from systems.models.lineage import distribution
from systems.models.weights import HUB
from systems.store.store import BlockStore

_VERSION = 1  # of what this module makes of a specification
_LARGEST_CALIBRATION_BATCH = 64

CalibrationBatch = Tensor | Callable[[], Tensor]
"""Prepared images [B, 3, H, W] with 2 ≤ B ≤ 64, or what gives them when they are needed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotSetSpec:
    """A synthetic model set: equal specifications give equal block hashes.

    Raises ``ConfigurationError`` for an unknown architecture or distribution, a resolution
    that does not fit, and a count or seed out of range.
    """

    architecture: str
    resolution: int | None
    """Pixels of the calibration images, and of all images where parameters depend on it;
    None for text."""
    count: int
    distribution: str
    """``top_50``, ``top_25`` or ``top_layers``."""
    seed: int
    base_weights: str | None = None
    """None: random; ``hub``: published weights; else a file (see ``load_weights``)."""
    calibration: str = ""
    """What the calibration batch is: a name that changes whenever its content does. Without
    meaning for architectures without batch norm."""

    def __post_init__(self) -> None:
        distribution(self.distribution)
        if self.count < 1 or self.seed < 0:
            raise ConfigurationError(
                f"A model set of {self.count} models with seed {self.seed} cannot be made: it "
                "needs at least one model and a seed of 0 or more."
            )
        shape = self.shape  # refuses a wrong architecture or resolution
        if self.resolution is None and architecture(shape.architecture).modality == "image":
            raise ConfigurationError(
                f"A model set of {shape.architecture} needs a resolution in pixels."
            )

    @property
    def shape(self) -> ModelShape:
        """The shape of all models of the set."""
        return ModelShape(architecture=self.architecture, resolution=self.resolution)

    def family_id(self) -> str:
        """Hash of all but ``count``: a larger set of a family contains the smaller ones.

        A file of base weights counts by its content, which is read. PyTorch's version and
        the CPU's vector instructions count too, for results differ in their last bits.
        """
        calibrated = architecture(self.architecture).needs_calibration
        identity = {
            "version": _VERSION,
            "shape": self.shape.id,
            "resolution": self.resolution if calibrated else None,
            "distribution": self.distribution,
            "seed": self.seed,
            "base_weights": _weights_identity(self.base_weights),
            "calibration": self.calibration if calibrated else None,
            "torch": torch.__version__,
            "instructions": torch.backends.cpu.get_cpu_capability() if calibrated else None,
        }
        return _digest(identity)

    def set_id(self) -> str:
        """Hash of the specification: the key of the generated set in a store."""
        return _digest({"family": self.family_id(), "count": self.count})


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


def _weights_identity(base_weights: str | None) -> str | None:
    if base_weights is None or base_weights == HUB:
        return base_weights
    try:
        with Path(base_weights).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:40]
    except OSError as error:
        raise ConfigurationError(
            f"The weights file {base_weights} cannot be read: {error.strerror}."
        ) from error


def _digest(identity: Mapping[str, object]) -> str:
    canonical = json.dumps(identity, sort_keys=True).encode()
    return hashlib.blake2b(canonical, digest_size=10).hexdigest()
