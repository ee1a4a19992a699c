"""One module per block architecture, to which the parameters of many models are bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from systems.errors import ConfigurationError
from systems.models.build import ModelShape, block_architectures, build_plain, split
from systems.models.compilation import compiled
from systems.models.folding import foldable_pairs, folded, remove_folded
from systems.precision import reducible


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

    def __init__(
        self,
        architecture: str,
        module: nn.Module,
        *,
        fold_batch_norm: bool = False,
        number_type: torch.dtype = torch.float32,
        is_compiled: bool = False,
    ) -> None:
        """All three change what the block computes: ``fold_batch_norm`` and ``is_compiled``
        in its last bits (``systems.models.folding``, ``systems.models.compilation``), the
        ``number_type`` that it computes with by rounding (``systems.precision``)."""
        self.architecture = architecture
        """The block architecture's name, such as ``resnet18/3``."""
        self._module = module.eval()
        self.slots = _slots(module)
        """What is stored of a block, in the order of the module's ``state_dict``."""
        self._by_name = {slot.name: slot for slot in self.slots}
        self._folds = foldable_pairs(module) if fold_batch_norm else ()
        remove_folded(module, self._folds)
        self._trainable = {slot.name: slot.trainable for slot in _slots(module)}
        self._number_type = number_type
        self._reduced = frozenset() if number_type == torch.float32 else reducible(module)
        self.is_compiled = is_compiled
        self._run = compiled(module, name=architecture) if is_compiled else module
        # Each of the module's dictionaries with the slots that fill it: key in it, slot name.
        self._homes: list[tuple[dict[str, Tensor | None], list[tuple[str, str]]]] = []
        for prefix, submodule in module.named_modules():
            for home in (submodule._parameters, submodule._buffers):
                names = [(key, f"{prefix}.{key}" if prefix else key) for key in home]
                filled = [(key, name) for key, name in names if name in self._trainable]
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
        are where and as they should be are used without a copy; folding copies the weights
        that it changes, and so does another number type than the stored one.

        Raises:
            ConfigurationError: a tensor is missing, is not known, or has another shape or
                data type than its slot.
        """
        self._check(tensors)
        moved = {
            name: _placed(tensor.detach().to(device), memory_format)
            for name, tensor in tensors.items()
        }
        if self._folds:
            moved = folded(moved, self._folds)
        for name in self._reduced:
            moved[name] = moved[name].to(self._number_type)
        for name, tensor in moved.items():
            # torch picks other kernels, with other last bits, for weights that require no
            # gradient, even in inference mode (matmul of a transposed input). Parameters
            # therefore stay what they are in the plain model.
            tensor.requires_grad_(self._trainable[name])
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


def _slots(module: nn.Module) -> tuple[Slot, ...]:
    return tuple(
        Slot(
            name=name,
            shape=tuple(tensor.shape),
            dtype=tensor.dtype,
            trainable=isinstance(tensor, nn.Parameter),
        )
        for name, tensor in module.state_dict(keep_vars=True).items()
    )


def _placed(tensor: Tensor, memory_format: torch.memory_format) -> Tensor:
    """``tensor`` in that layout; a view of it where its bytes lie in the right order.

    A copy would have the strides that the layout says, also along dimensions of length one,
    and would start at a multiple of 64 bytes; kernels may go by both. A view does as well.
    """
    if tensor.dim() != 4:
        return tensor
    if tensor.data_ptr() % 64 or not tensor.is_contiguous(memory_format=memory_format):
        return tensor.to(memory_format=memory_format, copy=True)
    strides = torch.empty(tensor.shape, device="meta", memory_format=memory_format).stride()
    return tensor.as_strided(tensor.shape, strides)


class BoundBlock:
    """A runnable block: a skeleton with the tensors of one model."""

    __slots__ = ("_run", "_values", "skeleton")

    def __init__(
        self,
        skeleton: Skeleton,
        values: list[tuple[dict[str, Tensor | None], dict[str, Tensor], dict[str, Tensor | None]]],
    ) -> None:
        self.skeleton = skeleton
        self._run = skeleton._run
        self._values = values
        """Per dictionary of the module: the dictionary, what it is filled with while the
        block runs, what it holds otherwise."""

    def tensors(self) -> Iterator[Tensor]:
        """All parameters and buffers that the block runs with."""
        for _, tensors, _ in self._values:
            yield from tensors.values()

    def __call__(self, x: Tensor, *side: Tensor) -> Tensor:
        """Run the block on one batch, in inference mode."""
        for home, tensors, _ in self._values:
            home.update(tensors)
        try:
            with torch.inference_mode():
                return self._run(x, *side)
        finally:
            for home, _, placeholders in self._values:
                home.update(placeholders)


class SkeletonPool:
    """All skeletons that a search needs, each model built once, on the meta device.

    How blocks compute (see ``Skeleton``) is the same for all blocks of a search, and for all
    systems.
    """

    def __init__(
        self,
        *,
        fold_batch_norm: bool = False,
        number_type: torch.dtype = torch.float32,
        is_compiled: bool = False,
    ) -> None:
        self.folds_batch_norm = fold_batch_norm
        self.number_type = number_type
        self.is_compiled = is_compiled
        self._skeletons: dict[str, Skeleton] = {}

    def uncompiled(self) -> SkeletonPool:
        """An empty pool of blocks that compute in the same way, but are not compiled."""
        return SkeletonPool(fold_batch_norm=self.folds_batch_norm, number_type=self.number_type)

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
                self._skeletons[name] = Skeleton(
                    name,
                    block,
                    fold_batch_norm=self.folds_batch_norm,
                    number_type=self.number_type,
                    is_compiled=self.is_compiled,
                )
        return self._skeletons[block_architecture]
