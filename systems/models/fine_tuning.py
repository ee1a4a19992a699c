"""Fine-tuning the last blocks of a model on a labelled task, the first ones frozen.

The recipe of M_train in the Alsatian paper (SIGMOD 2025): Adam, learning rate 0.001,
cross-entropy with a head of its own. Frozen blocks stay as they are in every bit: they run
in evaluation mode, so that their batch statistics stay too, and since their outputs never
change they are computed once, not in every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from systems.data.labelled_items import LabelledItems
from systems.data.model_inputs import Batch, InputMaker
from systems.models.calibration import one_thread

KEPT_BYTES = 2 * 2**30
"""Outputs of frozen blocks that are kept; where they take more, they are computed anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a model is fine-tuned."""

    epochs: int
    seed: int
    """Of the head, of the order of the items, and of what blocks draw in training."""
    learning_rate: float = 0.001
    batch_items: int = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class FineTuned:
    """What came of it; the blocks themselves were changed in place."""

    head: nn.Linear
    """[features] to [classes], on the device."""
    train_accuracy: float
    """Share of the items that it got right in the last epoch, while it learned."""


def fine_tune(
    blocks: Sequence[nn.Module],
    items: LabelledItems,
    recipe: Recipe,
    *,
    last: int,
    device: torch.device | str,
) -> FineTuned:
    """Fine-tune the ``last`` blocks on ``items``, in place; all end in evaluation mode.

    The blocks, [B, …] to features [B, D], are moved to ``device`` and stay there. On the CPU
    one thread computes, so that equal arguments give equal bits; on CUDA as far as PyTorch
    has deterministic kernels. The global random state is as before afterwards.
    """
    for block in blocks:
        block.to(device).eval().requires_grad_(False)
        if items.transform.resolution is not None:
            block.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    frozen, trained = blocks[: len(blocks) - last], blocks[len(blocks) - last :]
    with one_thread(), _deterministic(), torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        before = _Before(frozen, items, device=device, batch_items=recipe.batch_items)
        with torch.no_grad():
            size = _run(trained, *before.outputs(np.arange(1))).shape[1]
        head = nn.Linear(size, items.classes).to(device)
        for block in trained:
            block.train().requires_grad_(True)
        parameters = [p for part in (*trained, head) for p in part.parameters()]
        optimiser = torch.optim.Adam(parameters, lr=recipe.learning_rate, fused=True)
        right = 0
        for _ in range(recipe.epochs):
            right = 0
            for places in _minibatches(len(items), recipe.batch_items):
                labels = items.labels[places].to(device)
                logits = head(_run(trained, *before.outputs(places)))  # [B, C]
                optimiser.zero_grad(set_to_none=True)
                cross_entropy(logits, labels).backward()
                optimiser.step()
                right += int((logits.detach().argmax(1) == labels).sum())
        for block in trained:
            block.eval().requires_grad_(False)
    return FineTuned(head=head.requires_grad_(False), train_accuracy=right / len(items))


def accuracy(
    blocks: Sequence[nn.Module], head: nn.Linear, items: LabelledItems, *, batch_items: int = 128
) -> float:
    """The share of ``items`` that blocks and head, on one device, get right."""
    inputs = _Before((), items, device=head.weight.device, batch_items=batch_items)
    right = 0
    with one_thread(), torch.no_grad():
        for places in np.array_split(np.arange(len(items)), -(-len(items) // batch_items)):
            predicted = head(_run(blocks, *inputs.outputs(places))).argmax(1)
            right += int((predicted.cpu() == items.labels[places]).sum())
    return right / len(items)


class _Before:
    """What goes into the first trained block: outputs of the frozen ones, or the items."""

    def __init__(
        self,
        frozen: Sequence[nn.Module],
        items: LabelledItems,
        *,
        device: torch.device | str,
        batch_items: int,
    ) -> None:
        self._frozen = frozen
        self._items = items
        self._device = device
        self._maker = InputMaker(device=device, memory_format=torch.channels_last)
        self._kept = self._all_outputs(batch_items) if frozen else None

    def outputs(self, places: np.ndarray) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Of the items at ``places``: [B, …], and side inputs such as the attention mask."""
        if self._kept is None:
            return self._computed(places)
        is_image = self._items.transform.resolution is not None
        side = () if is_image else self._batch(places).side
        return self._kept[places].to(self._device), side

    def _all_outputs(self, batch_items: int) -> Tensor | None:
        """Of all items, [n, …] on the host; None where that takes too much memory."""
        kept: Tensor | None = None
        items = len(self._items)
        for start in range(0, items, batch_items):
            places = np.arange(start, min(start + batch_items, items))
            x = self._computed(places)[0].cpu()
            if kept is None:
                if x[0].nbytes * items > KEPT_BYTES:
                    return None
                kept = x.new_empty((items, *x.shape[1:]))
                if x.dim() == 4:
                    kept = kept.contiguous(memory_format=torch.channels_last)
            kept[places] = x
        return kept

    def _computed(self, places: np.ndarray) -> tuple[Tensor, tuple[Tensor, ...]]:
        batch = self._batch(places)
        with torch.no_grad():
            return _run(self._frozen, batch.inputs, batch.side), batch.side

    def _batch(self, places: np.ndarray) -> Batch:
        return self._maker.batch(places, self._items.transform, self._items.rows[places])


def _run(blocks: Sequence[nn.Module], x: Tensor, side: tuple[Tensor, ...]) -> Tensor:
    for block in blocks:
        x = block(x, *side)
    return x


def _minibatches(items: int, batch_items: int) -> list[np.ndarray]:
    """A random order, cut evenly: a rest of one item would have no batch statistics."""
    order = torch.randperm(items).numpy()
    return np.array_split(order, max(1, items // batch_items))


@contextmanager
def _deterministic() -> Iterator[None]:
    """Let CUDA take kernels that give the same bits again; on the CPU nothing changes."""
    cudnn = torch.backends.cudnn
    was = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = was
