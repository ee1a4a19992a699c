"""The model search systems that can be run: built in, or from installed packages.

Torch-free: a system's module is imported only when the system is loaded.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from systems.errors import ConfigurationError, did_you_mean
from systems.plug_ins import imported, with_offered

if TYPE_CHECKING:
    from systems.api import SearchSystem
    from systems.probes import Probe

ENTRY_POINT_GROUP = "alsatian_bench.systems"
PROBE_PREFIX = "probe-"
"""Of the names of probes, and of no others: whoever reads a record knows what it is of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemInfo:
    """What can be known of a system without importing it."""

    name: str
    """The name in scenario files and records."""
    label: str
    """The name in tables and figures."""
    summary: str
    factory: str
    """``module:attribute`` of a callable that takes no argument and returns the system."""
    aliases: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    """The options that this system understands, with its defaults. An option that is not
    here does not apply to the system and is no part of its runs' identity."""
    kind: Literal["search", "probe"] = "search"
    """Whether it searches, or measures single steps of searches (``systems.probes``)."""

    def __post_init__(self) -> None:
        if self.name.startswith(PROBE_PREFIX) != (self.kind == "probe"):
            raise ConfigurationError(
                f"The system '{self.name}' is of the kind '{self.kind}': names that begin with "
                f"'{PROBE_PREFIX}' are for probes, and for all of them. Rename it."
            )


_EVERYTHING: Mapping[str, object] = {
    "schedule": "auto",
    "traversal": "optimal",
    "in_place": True,
    "siblings_together": True,
    "recompute": True,
    "cache_budget": None,
    "memory_budget": None,
    "decode_once": True,
    "keep_blocks": True,
    "prefetch": True,
    "prefetch_budget": None,
    "batched_heads": True,
}
"""Every addition of this project that does not depend on halving."""

BUILT_IN: tuple[SystemInfo, ...] = (
    SystemInfo(
        name="baseline",
        label="Base",
        summary="One model after another, all items, as published.",
        factory="systems.baseline:Baseline",
        aliases=("base",),
        options={"decode_once": False, "prefetch": False, "prefetch_budget": None},
    ),
    SystemInfo(
        name="joint",
        label="Joint",
        summary="All models executed as one, with shared blocks and without halving.",
        factory="systems.joint:Joint",
        options=_EVERYTHING,
    ),
    SystemInfo(
        name="shift",
        label="SHiFT",
        summary="Successive halving: more items for fewer models in each round.",
        factory="systems.successive_halving:SuccessiveHalving",
        aliases=("successive-halving",),
        options={
            "decode_once": False,
            "keep_blocks": False,
            "prefetch": False,
            "prefetch_budget": None,
            "stop_when_decided": False,
            "choose_search": False,
        },
    ),
    SystemInfo(
        name="alsatian-paper",
        label="Alsatian (paper)",
        summary="Shared blocks, DFS+ and an intermediate cache, exactly as published.",
        factory="systems.alsatian:Alsatian",
        options={
            "schedule": "block_major",
            "traversal": "dfs_plus",
            "in_place": False,
            "siblings_together": False,
            "recompute": False,
            "cache_budget": None,
            "memory_budget": None,
            "decode_once": False,
            "keep_blocks": False,
            "prefetch": False,
            "prefetch_budget": None,
            "batched_heads": False,
            "stop_when_decided": False,
        },
    ),
    SystemInfo(
        name="alsatian",
        label="Alsatian",
        summary="The same answers with every addition of this project switched on.",
        factory="systems.alsatian:Alsatian",
        aliases=("mosix",),
        options={**_EVERYTHING, "stop_when_decided": False},
    ),
)


PROBES: tuple[SystemInfo, ...] = (
    SystemInfo(
        name="probe-sizes",
        label="Sizes",
        summary="Blocks, parameters and bytes of each architecture (table 1).",
        factory="systems.probes.sizes:SizesProbe",
        kind="probe",
    ),
    SystemInfo(
        name="probe-blocks",
        label="Blocks",
        summary="Size, operations and time of each block (fig 12).",
        factory="systems.probes.blocks:BlocksProbe",
        kind="probe",
    ),
    SystemInfo(
        name="probe-inference",
        label="Inference",
        summary="Items per second through a whole model, at the batch size.",
        factory="systems.probes.inference:InferenceProbe",
        kind="probe",
    ),
    SystemInfo(
        name="probe-loading",
        label="Data loading",
        summary="Items per second read, decoded and batched, by data_workers and batch_size.",
        factory="systems.probes.loading:LoadingProbe",
        kind="probe",
    ),
    SystemInfo(
        name="probe-heads",
        label="Heads",
        summary="Heads of 1, 2, 4 … models trained one by one and in one product.",
        factory="systems.probes.heads:HeadsProbe",
        kind="probe",
    ),
    SystemInfo(
        name="probe-composition",
        label="Composition",
        summary="A plain model's own forward and its composed blocks: time and equal bits.",
        factory="systems.probes.composition:CompositionProbe",
        kind="probe",
    ),
    SystemInfo(
        name="probe-snapshot-loading",
        label="Snapshot loading",
        summary="A model from a state dict, a safetensors file and the store, cold and warm.",
        factory="systems.probes.snapshot_loading:SnapshotLoadingProbe",
        kind="probe",
    ),
)
"""What is measured beside searches; named on the same axis, never compared with them."""


@functools.cache
def available_systems() -> Mapping[str, SystemInfo]:
    """All systems by name: the built-in ones, the probes, those that installed packages offer.

    A package offers one through an entry point of the group ``alsatian_bench.systems``
    that names a ``SystemInfo``.
    """
    known = (*BUILT_IN, *PROBES)
    return with_offered(known, group=ENTRY_POINT_GROUP, kind=SystemInfo, what="system")


def system_info(name: str) -> SystemInfo:
    """The system called ``name``, or with that alias.

    Raises:
        ConfigurationError: no system has that name.
    """
    systems = available_systems()
    for info in systems.values():
        if name == info.name or name in info.aliases:
            return info
    raise ConfigurationError(f"There is no system '{name}'. {did_you_mean(name, systems)}")


def load_system(name: str) -> SearchSystem:
    """Import and create the search system called ``name``."""
    return _created(name)  # type: ignore[return-value]


def load_probe(name: str) -> Probe:
    """Import and create the probe called ``name``."""
    return _created(name)  # type: ignore[return-value]


def _created(name: str) -> object:
    return imported(system_info(name).factory, of=f"the system '{name}'")()
