"""How long the steps of a search take, from sizes and a machine's profile: no torch in here.

Linear in everything: a block over a batch takes a latency, its operations at the rate of its
architecture family, and the traffic of its activations at the memory's rate. That is what a
planner needs to compare ways of doing the same work; it knows no caches and no overlap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from systems.planning.hardware_profile import DEFAULT, FALLBACK, HardwareProfile


class BlockCosts(Protocol):
    """What one item costs in one block (``systems.models.profile.BlockProfile``)."""

    @property
    def family(self) -> str:
        """The architecture family whose rate of operations holds."""
        ...

    @property
    def operations(self) -> int:
        """Floating-point operations per item."""
        ...

    @property
    def traffic_bytes(self) -> int:
        """Bytes per item that the block's operators write, their inner results included."""
        ...

    @property
    def parameter_bytes(self) -> int:
        """Bytes of parameters and buffers."""
        ...


def moved_bytes(profile: BlockCosts, items: int) -> int:
    """Bytes of memory traffic of one block over one batch.

    Activations are written once and read once; parameters are read once per batch, but where
    nothing is multiplied (embeddings) hardly any of them are.
    """
    read_bytes = profile.parameter_bytes if profile.operations else 0
    return 2 * profile.traffic_bytes * items + read_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Scoring:
    """One training of heads: what its time depends on."""

    train_items: int
    test_items: int
    features: int
    classes: int
    minibatch_items: int
    epochs: int = 100

    @property
    def steps(self) -> int:
        """Minibatch steps."""
        return self.epochs * math.ceil(self.train_items / self.minibatch_items)

    @property
    def operations(self) -> int:
        """Floating-point operations of one head: forward and backward products, then the test."""
        product = 2 * self.features * self.classes
        return product * (2 * self.epochs * self.train_items + self.test_items)


@dataclass(frozen=True, kw_only=True, slots=True)
class CostModel:
    """Predicts seconds of single steps on one machine under one scenario's conditions."""

    hardware: HardwareProfile = FALLBACK
    store_bytes_per_s: float | None = None
    """The rate at which the scenario lets the store be read; None for no limit."""
    is_warm: bool = False
    """Whether all block files are in memory at the start."""
    dataset: str = DEFAULT

    @property
    def name(self) -> str:
        """Of the hardware profile."""
        return self.hardware.name

    @property
    def is_fallback(self) -> bool:
        """Whether the profile is the guess that stands in for a missing one."""
        return self.hardware.is_fallback

    def execution_s(self, profile: BlockCosts, items: int) -> float:
        """One block over one batch of ``items`` items.

        A latency, its operations, and the traffic of its memory.
        """
        hardware = self.hardware
        return (
            hardware.execution_s
            + profile.operations * items / hardware.operations_rate(profile.family)
            + moved_bytes(profile, items) / hardware.memory_bytes_per_s
        )

    def load_s(
        self, size_bytes: float, *, again: bool = False, in_model_file: bool = False
    ) -> float:
        """One block from the store to where it can run.

        ``again``: it was read before; ``in_model_file``: it is part of a whole model's file.
        """
        hardware = self.hardware
        is_cached = again or self.is_warm
        rate = hardware.reread_bytes_per_s if is_cached else hardware.store_bytes_per_s
        if in_model_file and hardware.model_file_bytes_per_s is not None and not is_cached:
            rate = hardware.model_file_bytes_per_s
        if self.store_bytes_per_s is not None and (not is_cached or hardware.paces_rereads):
            rate = min(rate, self.store_bytes_per_s)
        return hardware.block_read_s + size_bytes / rate

    def cache_s(self, size_bytes: float) -> float:
        """One write and one read of an intermediate of ``size_bytes``."""
        return 2 * size_bytes / self.hardware.memory_bytes_per_s

    def decode_s(self, items: int) -> float:
        """Reading and decoding ``items`` items on one core."""
        return items * self.hardware.decode_rate_s(self.dataset)

    def prepare_s(self, size_bytes: float) -> float:
        """Making inputs of ``size_bytes`` on the device out of decoded items."""
        return size_bytes / self.hardware.prepare_bytes_per_s

    def score_s(self, scoring: Scoring, *, heads: int = 1) -> float:
        """Training and evaluating a group of ``heads`` heads in common products."""
        hardware = self.hardware
        return (
            hardware.head_start_s
            + scoring.steps * hardware.head_step_s
            + heads * scoring.operations / hardware.head_operations_per_s
        )
