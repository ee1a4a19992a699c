"""One module per block architecture, to which the parameters of many models are bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from systems.errors import ConfigurationError
from systems.models.build import ModelShape, block_architectures, build_plain, split


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A parameter or buffer that a skeleton needs."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    trainable: bool
    """True for a parameter, False for a buffer."""


class Skeleton:
    """A block without values: its module on the meta device, in evaluation mode.

    ``bind`` makes it runnable with the tensors of one model. No module is built or copied
    for that: while a bound block runs, its tensors lie in the module's own dictionaries, and
    afterwards the placeholders are back, so nothing stays alive that its owner dropped. A
    skeleton therefore runs in one thread at a time.
    """

    def __init__(self, architecture: str, module: nn.Module) -> None:
        self.architecture = architecture
        """The block architecture's name, such as ``resnet18/3``."""
        self._module = module.eval()
        state = module.state_dict(keep_vars=True)
        self.slots = tuple(
            Slot(
                name=name,
                shape=tuple(tensor.shape),
                dtype=tensor.dtype,
                trainable=isinstance(tensor, nn.Parameter),
            )
            for name, tensor in state.items()
        )
        """In the order of the module's ``state_dict``."""
        self._by_name = {slot.name: slot for slot in self.slots}
        # Each of the module's dictionaries with the slots that fill it: key in it, slot name.
        self._homes: list[tuple[dict[str, Tensor | None], list[tuple[str, str]]]] = []
        for prefix, submodule in module.named_modules():
            for home in (submodule._parameters, submodule._buffers):
                names = [(key, f"{prefix}.{key}" if prefix else key) for key in home]
                filled = [(key, name) for key, name in names if name in self._by_name]
                if filled:
                    self._homes.append((home, filled))
        self._placeholders = [{key: home[key] for key, _ in filled} for home, filled in self._homes]

    def bind(
        self,
        tensors: Mapping[str, Tensor],
        *,
        device: torch.device | str = "cpu",
        memory_format: torch.memory_format = torch.contiguous_format,
    ) -> BoundBlock:
        """A runnable block with these tensors, one per slot, moved to ``device``.

        ``memory_format`` is for four-dimensional tensors (convolution weights). Tensors that
        are where and as they should be are used without a copy.

        Raises:
            ConfigurationError: a tensor is missing, is not known, or has another shape or
                data type than its slot.
        """
        self._check(tensors)
        moved = {}
        for name, tensor in tensors.items():
            layout = memory_format if tensor.dim() == 4 else torch.preserve_format
            placed = tensor.detach().to(device, memory_format=layout)
            # torch picks other kernels, with other last bits, for weights that require no
            # gradient, even in inference mode (matmul of a transposed input). Parameters
            # therefore stay what they are in the plain model.
            moved[name] = placed.requires_grad_(self._by_name[name].trainable)
        return BoundBlock(
            self,
            [
                (home, {key: moved[name] for key, name in filled}, placeholders)
                for (home, filled), placeholders in zip(
                    self._homes, self._placeholders, strict=True
                )
            ],
        )

    def _check(self, tensors: Mapping[str, Tensor]) -> None:
        unmatched = sorted(self._by_name.keys() ^ tensors.keys())
        if unmatched:
            what = "misses" if unmatched[0] in self._by_name else "does not know"
            raise ConfigurationError(
                f"The block {self.architecture} {what} the tensor '{unmatched[0]}' "
                f"({len(unmatched)} names differ). It needs exactly: {', '.join(self._by_name)}."
            )
        for name, slot in self._by_name.items():
            tensor = tensors[name]
            if tensor.shape != slot.shape or tensor.dtype != slot.dtype:
                raise ConfigurationError(
                    f"The tensor '{name}' of the block {self.architecture} has the shape "
                    f"{tuple(tensor.shape)} and type {tensor.dtype}, but has to have "
                    f"{slot.shape} and {slot.dtype}."
                )


class BoundBlock:
    """A runnable block: a skeleton with the tensors of one model."""

    __slots__ = ("_module", "_values", "skeleton")

    def __init__(
        self,
        skeleton: Skeleton,
        values: list[tuple[dict[str, Tensor | None], dict[str, Tensor], dict[str, Tensor | None]]],
    ) -> None:
        self.skeleton = skeleton
        self._module = skeleton._module
        self._values = values
        """Per dictionary of the module: the dictionary, what it is filled with while the
        block runs, what it holds otherwise."""

    def __call__(self, x: Tensor, *side: Tensor) -> Tensor:
        """Run the block on one batch, in inference mode."""
        for home, tensors, _ in self._values:
            home.update(tensors)
        try:
            with torch.inference_mode():
                return self._module(x, *side)
        finally:
            for home, _, placeholders in self._values:
                home.update(placeholders)


class SkeletonPool:
    """All skeletons that a search needs, each model built once, on the meta device."""

    def __init__(self) -> None:
        self._skeletons: dict[str, Skeleton] = {}

    def skeleton(self, block_architecture: str) -> Skeleton:
        """The skeleton of a block architecture, such as ``resnet18/3``.

        Raises:
            ConfigurationError: there is no such block.
        """
        if block_architecture not in self._skeletons:
            shape = ModelShape.parse(block_architecture.rpartition("/")[0])
            names = block_architectures(shape)
            if block_architecture not in names:
                raise ConfigurationError(
                    f"There is no block '{block_architecture}': the blocks of {shape.id} are "
                    f"{names[0]} to {names[-1]}."
                )
            blocks = split(shape, build_plain(shape, device="meta"))
            for name, block in zip(names, blocks, strict=True):
                self._skeletons[name] = Skeleton(name, block)
        return self._skeletons[block_architecture]
