"""What a synthetic model set is asked to be, and its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from systems.errors import ConfigurationError
from systems.models.architectures import architecture
from systems.models.build import ModelShape
from systems.models.lineage import distribution
from systems.models.weights import HUB

_VERSION = 1  # of what the generator makes of a specification


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
            "base_weights": weights_identity(self.base_weights),
            "calibration": self.calibration if calibrated else None,
            "torch": torch.__version__,
            "instructions": torch.backends.cpu.get_cpu_capability() if calibrated else None,
        }
        return identity_hash(identity)

    def set_id(self) -> str:
        """Hash of the specification: the key of the generated set in a store."""
        return identity_hash({"family": self.family_id(), "count": self.count})


def weights_identity(base_weights: str | None) -> str | None:
    """A file of base weights by its content; ``hub`` and None are themselves.

    Raises ``ConfigurationError`` for a file that cannot be read.
    """
    if base_weights is None or base_weights == HUB:
        return base_weights
    try:
        with Path(base_weights).open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:40]
    except OSError as error:
        raise ConfigurationError(
            f"The weights file {base_weights} cannot be read: {error.strerror}."
        ) from error


def identity_hash(identity: Mapping[str, object]) -> str:
    """Hash of plain JSON values, in 20 hexadecimal digits."""
    canonical = json.dumps(identity, sort_keys=True).encode()
    return hashlib.blake2b(canonical, digest_size=10).hexdigest()
