"""What a machine can do, in a few numbers: the ground of every prediction.

A profile is measured (``alsatian-bench doctor --calibrate``), written by hand, fitted to
published results, or the fallback below, which is a guess and says so. No torch in here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from systems.errors import ConfigurationError

DEFAULT = "default"
"""The key in ``operations_per_s`` and ``decode_item_s`` that stands for all other names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HardwareProfile:
    """The speeds and latencies of one machine; SI units.

    Raises ``ConfigurationError`` for a number that is not positive (rates) or negative or not
    finite (times), and where a mapping has no ``default``.
    """

    name: str
    title: str = ""
    """What it describes and where the numbers come from, for a person."""
    operations_per_s: Mapping[str, float] = field(hash=False)
    """Floating-point operations per second of dense layers, by architecture family."""
    memory_bytes_per_s: float
    """Rate at which activations are written and read on the device."""
    memory_size_bytes: float = math.inf
    """The device's memory."""
    execution_s: float
    """Of one block over one batch, whatever its size: launching its operators."""
    store_bytes_per_s: float
    """Rate of the first read of a block's bytes, up to where it can run."""
    reread_bytes_per_s: float
    """Rate of a further read, from the operating system's cache."""
    paces_rereads: bool = False
    """Whether a limit of the store's rate holds for further reads too."""
    block_read_s: float
    """Of one read of a block, whatever its size."""
    decode_item_s: Mapping[str, float] = field(hash=False)
    """Of reading and decoding one item on one core, by dataset."""
    prepare_bytes_per_s: float
    """Rate at which decoded items become inputs on the device, in bytes of inputs."""
    loader_start_s: float = 0.0
    """Of starting to read one segment of the data with workers (the test items, a chunk)."""
    head_start_s: float
    """Of one training of a group of heads, whatever its size."""
    head_step_s: float
    """Of one minibatch step of a group of heads, whatever its size."""
    head_operations_per_s: float
    """Floating-point operations per second of training heads."""
    plan_vertex_s: float = 0.0
    """Of planning, per vertex of a task tree."""
    bookkeeping_s: float = 0.0
    """Of accounting for one block over one batch (phase ``cache``)."""
    page_cache_bytes: float = math.inf
    """Bytes of block files that stay in memory once read."""
    model_file_bytes_per_s: float | None = None
    """Rate of the first read of a model from a file of its own, as Base and SHiFT do it as
    published; None: they read the blocks that models share, like everybody."""
    data_workers: int = 0
    """That decode ahead, where a scenario does not say."""
    threads: int | None = None
    """CPU threads that the numbers hold for; None where that is not known."""
    is_fallback: bool = False
    """Whether nobody measured it."""

    def __post_init__(self) -> None:
        for name in ("operations_per_s", "decode_item_s"):
            if DEFAULT not in getattr(self, name):
                raise ConfigurationError(
                    f"The hardware profile '{self.name}' has no '{DEFAULT}' in {name}: give one "
                    "for names that are not listed."
                )
        for item in fields(self):
            value = getattr(self, item.name)
            for number in value.values() if isinstance(value, Mapping) else [value]:
                if isinstance(number, float | int) and not isinstance(number, bool):
                    self._check(item.name, float(number))

    def _check(self, name: str, number: float) -> None:
        is_rate = name.endswith("_per_s") or name in ("page_cache_bytes", "memory_size_bytes")
        if is_rate and not number > 0:
            raise ConfigurationError(
                f"{name} of the hardware profile '{self.name}' is {number:g}; a rate or a size "
                "must be above 0."
            )
        if not is_rate and not 0 <= number < math.inf:
            raise ConfigurationError(
                f"{name} of the hardware profile '{self.name}' is {number:g}; a time or a number "
                "must be 0 or more, and finite."
            )

    def operations_rate(self, family: str) -> float:
        """Operations per second of an architecture family."""
        return self.operations_per_s.get(family, self.operations_per_s[DEFAULT])

    def decode_rate_s(self, dataset: str) -> float:
        """Seconds that one core takes to decode one item of a dataset."""
        return self.decode_item_s.get(dataset, self.decode_item_s[DEFAULT])


FALLBACK = HardwareProfile(
    name="fallback",
    title="a guess at two CPU cores with vector instructions; nobody measured it",
    operations_per_s={
        DEFAULT: 120e9, "mobilenet": 60e9, "efficientnet": 60e9,
    },
    memory_bytes_per_s=8e9,
    execution_s=0.3e-3,
    store_bytes_per_s=1e9,
    reread_bytes_per_s=2e9,
    block_read_s=0.5e-3,
    decode_item_s={DEFAULT: 1e-3},
    prepare_bytes_per_s=1.5e9,
    head_start_s=3e-3,
    head_step_s=0.1e-3,
    head_operations_per_s=20e9,
    plan_vertex_s=3e-6,
    bookkeeping_s=20e-6,
    threads=2,
    paces_rereads=True,
    is_fallback=True,
)  # fmt: skip
"""Stands in where no profile is given or measured; of the right order of magnitude at best."""
