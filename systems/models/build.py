"""Plain models and their blocks, by architecture. Imports torch only to build one."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from systems.errors import ConfigurationError
from systems.models.architectures import Architecture, Family, architecture, check_resolution
from systems.models.snapshot_families import SNAPSHOT_FAMILIES

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

_MODULES: dict[Family, str] = {
    "resnet": "convolutional",
    "mobilenet": "convolutional",
    "efficientnet": "convolutional",
    "vision_transformer": "vision_transformer",
    "text_encoder": "text_encoder",
}


class _FamilyModule(Protocol):
    """What each module of a family offers."""

    def build(self, name: str, resolution: int | None) -> nn.Module: ...

    def split(self, plain: nn.Module) -> tuple[nn.Module, ...]: ...

    def features(self, plain: nn.Module, inputs: Tensor, *side: Tensor) -> Tensor: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelShape:
    """What fixes the shapes of all parameters of a model.

    Raises ``ConfigurationError`` for an unknown architecture and for a resolution at which
    it cannot run.
    """

    architecture: str
    resolution: int | None = None
    """Pixels; kept only where parameters depend on it (vision transformers, whose default
    is the architecture's), so that equal shapes are equal objects."""

    def __post_init__(self) -> None:
        entry = architecture(self.architecture)
        if self.resolution is not None:
            check_resolution(entry.name, self.resolution)
        kept = (self.resolution or entry.resolution) if entry.depends_on_resolution else None
        object.__setattr__(self, "resolution", kept)

    @property
    def id(self) -> str:
        """The printable name of the shape, such as ``resnet18`` or ``vit_l_32@96``."""
        if self.resolution is None:
            return self.architecture
        return f"{self.architecture}@{self.resolution}"

    @classmethod
    def parse(cls, shape_id: str) -> ModelShape:
        """The shape whose ``id`` this is.

        Raises:
            ConfigurationError: it is none.
        """
        name, at, resolution = shape_id.partition("@")
        if at and not resolution.isdecimal():
            raise ConfigurationError(
                f"'{shape_id}' is not the name of a model shape: after '@' comes a resolution "
                "in pixels, as in 'vit_l_32@96'."
            )
        return cls(architecture=name, resolution=int(resolution) if at else None)


def shape_architecture(shape: ModelShape) -> Architecture:
    """The entry of the shape's architecture in the table."""
    return architecture(shape.architecture)


def block_architectures(shape: ModelShape) -> tuple[str, ...]:
    """Printable names of the architectures of the shape's blocks, such as ``resnet18/3``.

    Blocks of equal name run the same code on parameters of the same shapes.
    """
    count = shape_architecture(shape).block_count
    return tuple(f"{shape.id}/{position}" for position in range(count))


def build_plain(shape: ModelShape, *, device: torch.device | str = "cpu") -> nn.Module:
    """The plain published model with its classifier, on ``device``, in training mode.

    Parameters are initialised from torch's global random generator; on the ``meta`` device
    nothing is drawn and nothing allocated.
    """
    import torch

    with torch.device(device):
        return _family(shape).build(shape.architecture, shape.resolution)


def split(shape: ModelShape, plain: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of ``plain`` in order, sharing its submodules.

    A block is called as ``block(x, *side)``; its output is the next one's ``x``. ``side`` is
    empty for images and the attention mask [B, L] for text. The first ``x`` is images
    [B, 3, H, W] or token ids [B, L], the last output is features [B, feature_size]. Blocks
    never change their inputs, and outputs own their memory.
    """
    return _family(shape).split(plain)


def plain_features(shape: ModelShape, plain: nn.Module, inputs: Tensor, *side: Tensor) -> Tensor:
    """Features [B, feature_size] by the plain model's own forward, without its classifier.

    The reference for the blocks: composed, they give the same bits.
    """
    return _family(shape).features(plain, inputs, *side)


def block_tensors(shape: ModelShape, plain: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers of ``plain`` that belong to a block, by their name in it."""
    in_blocks = {
        id(tensor)
        for block in split(shape, plain)
        for tensor in block.state_dict(keep_vars=True).values()
    }
    state = plain.state_dict(keep_vars=True)
    return {name: tensor for name, tensor in state.items() if id(tensor) in in_blocks}


def _family(shape: ModelShape) -> _FamilyModule:
    entry = shape_architecture(shape)
    if entry.snapshot_family is None:
        module = _MODULES[entry.family]
    else:
        module = SNAPSHOT_FAMILIES[entry.snapshot_family].module
    return cast(_FamilyModule, importlib.import_module(f"systems.models.{module}"))
