"""The one table of run parameters: what a scenario can say, with units and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from scenarios.parameter import Parameter, Value

__all__ = ["PARAMETERS", "SYSTEM_OPTIONS", "Parameter", "Value"]

_WHAT = (
    Parameter(
        name="system",
        kind="choice",
        required=True,
        meaning="The model search system, with options: alsatian+schedule=block_major.",
        vocabulary="systems",
    ),
    Parameter(
        name="architecture",
        kind="choice",
        required=True,
        meaning="What the models of the search are built as; several, as in "
        "resnet18+vit_ti_16@96, share the number of models evenly, each at its own resolution "
        "(@, in px), the one given for all, or the published one.",
        vocabulary="architectures",
    ),
    Parameter(
        name="distribution",
        kind="choice",
        required=True,
        meaning="How much of an earlier model each model shares (M_syn of the paper).",
        vocabulary="distributions",
    ),
    Parameter(
        name="models", kind="integer", default=35, minimum=1, meaning="Models to choose from."
    ),
    Parameter(name="model_seed", kind="integer", default=0, meaning="Seed of the model set."),
    Parameter(
        name="weights",
        kind="text",
        meaning="Of the base model: null for random ones, 'hub' for published ones, or a file.",
    ),
    Parameter(
        name="dataset",
        kind="choice",
        default="digits",
        meaning="The labelled data to find a model for.",
        vocabulary="datasets",
    ),
    Parameter(
        name="path",
        kind="text",
        meaning="Folder of the data, where the dataset reads one; relative to the scenario file.",
    ),
    Parameter(
        name="vocabulary",
        kind="text",
        meaning="File of WordPiece tokens for text; null trains one on the texts.",
    ),
    Parameter(
        name="items",
        kind="integer",
        default=400,
        minimum=1,
        unit="items",
        meaning="Items of the dataset to use, test and train together.",
    ),
    Parameter(
        name="test_fraction", kind="fraction", default=0.2, meaning="Share of the items to test on."
    ),
    Parameter(
        name="data_seed",
        kind="integer",
        default=0,
        meaning="Seed of the choice, split and order of the items.",
    ),
    Parameter(
        name="resolution",
        kind="integer",
        minimum=1,
        unit="px",
        meaning="Height and width of an image; null for each architecture's own.",
    ),
    Parameter(
        name="sequence_length",
        kind="integer",
        default=128,
        minimum=3,
        unit="tokens",
        meaning="Tokens of a text, padded or cut off.",
    ),
    Parameter(
        name="scorer",
        kind="choice",
        default="linear",
        meaning="The proxy that scores a model by its features.",
        vocabulary="scorers",
    ),
)

_HOW = (
    Parameter(
        name="batch_size",
        kind="integer",
        default=32,
        minimum=1,
        allows_auto=True,
        unit="items",
        meaning="Items that go through a block at once, and through a head in one step of its "
        "training; the same for all systems. auto: the fastest of 8 to 256 on this machine, "
        "measured once before the first run.",
    ),
    Parameter(
        name="device",
        kind="text",
        default="cpu",
        pattern=r"cpu|cuda|cuda:\d{1,3}",
        form="cpu, cuda, or cuda with a number such as cuda:1",
        meaning="Where the models run.",
    ),
    Parameter(
        name="threads",
        kind="integer",
        minimum=1,
        meaning="CPU threads; null for all cores that the process may use.",
    ),
    Parameter(
        name="fold_batch_norm",
        kind="boolean",
        default=False,
        meaning="Fold batch normalisation into the convolution before it, in all systems alike; "
        "features change by about 1e-6 of the largest.",
    ),
    Parameter(
        name="memory_format",
        kind="choice",
        default="channels_last",
        choices=("channels_last", "contiguous"),
        meaning="Layout of images and of convolution weights.",
    ),
    Parameter(
        name="data_workers",
        kind="integer",
        default=0,
        allows_auto=True,
        meaning="Threads that decode items ahead; 0 decodes in line, as texts for the CPU always "
        "are: threads cannot gain there.",
    ),
    Parameter(
        name="decoded_budget",
        kind="bytes",
        minimum=1,
        unit="bytes",
        meaning="Decoded items that decode_once keeps in memory, the rest goes to a temporary "
        "file; null for a share of the free memory.",
    ),
    Parameter(
        name="allow_tiny",
        kind="boolean",
        default=False,
        meaning="Allow a first halving chunk with fewer than two items of a class.",
    ),
    Parameter(
        name="cache",
        kind="choice",
        default="warm",
        choices=("warm", "cold"),
        meaning="Whether the store's and the data's files are in memory when the search starts.",
    ),
    Parameter(
        name="store_bandwidth",
        kind="rate",
        minimum=1,
        unit="bytes/s",
        meaning="Rate at which the store may be read, such as 200 MB/s; null for no limit.",
    ),
    Parameter(
        name="memory_limit",
        kind="bytes",
        minimum=1,
        unit="bytes",
        meaning="Memory of a run, its children and page cache included; null for no limit.",
    ),
    Parameter(
        name="gpu_allocator_cap",
        kind="bytes",
        minimum=1,
        unit="bytes",
        meaning="Device memory that PyTorch's allocator may take; null for no limit.",
    ),
    Parameter(
        name="cores",
        kind="integer",
        minimum=1,
        meaning="CPU cores that a run is pinned to; null for all that may be used.",
    ),
    Parameter(
        name="telemetry",
        kind="boolean",
        default=True,
        meaning="Sample the hardware and the host beside the run.",
    ),
    Parameter(
        name="profile",
        kind="boolean",
        default=False,
        meaning="Record PyTorch's own profile too; costs time, for looking only.",
    ),
    Parameter(
        name="wall_limit",
        kind="seconds",
        default=3600.0,
        unit="s",
        meaning="Time after which a run is ended, with the status timeout.",
        in_identity=False,
    ),
)

_OPTIONS = (
    Parameter(
        name="cache_budget",
        kind="bytes",
        minimum=1,
        unit="bytes",
        meaning="Intermediates that may be kept at once; null for no limit.",
        system_option=True,
    ),
    Parameter(
        name="schedule",
        kind="choice",
        choices=("auto", "block_major", "batch_major"),
        meaning="A whole chunk through one block (as published), a batch through all blocks, or "
        "what the planner finds cheapest, mixtures included.",
        system_option=True,
    ),
    Parameter(
        name="traversal",
        kind="choice",
        choices=("optimal", "depth_first", "dfs_plus"),
        meaning="Order of the task tree: of least memory, the best depth-first one, or DFS+ as "
        "published.",
        system_option=True,
    ),
    Parameter(
        name="in_place",
        kind="boolean",
        meaning="Count on a parent's batches giving way to its last child one by one.",
        system_option=True,
    ),
    Parameter(
        name="siblings_together",
        kind="boolean",
        meaning="Compute children right after a larger parent, so that it is not kept whole.",
        system_option=True,
    ),
    Parameter(
        name="recompute",
        kind="boolean",
        meaning="Compute intermediates again where that is cheaper than to keep them.",
        system_option=True,
    ),
    Parameter(
        name="memory_budget",
        kind="bytes",
        minimum=1,
        unit="bytes",
        meaning="Parameters and intermediates that may be kept together; null for no limit, and "
        "with schedule auto for what the machine has.",
        system_option=True,
    ),
    Parameter(
        name="decode_once",
        kind="boolean",
        meaning="Keep decoded items for later rounds and models.",
        system_option=True,
    ),
    Parameter(
        name="keep_blocks",
        kind="boolean",
        meaning="Keep parameters on the device until no surviving model needs them.",
        system_option=True,
    ),
    Parameter(
        name="prefetch",
        kind="boolean",
        meaning="Load blocks ahead of their use, while others compute.",
        system_option=True,
    ),
    Parameter(
        name="prefetch_budget",
        kind="bytes",
        minimum=1,
        unit="bytes",
        meaning="Blocks that may be loaded ahead and not used yet; null for 256 MiB. A larger "
        "block is loaded when it is used.",
        system_option=True,
    ),
    Parameter(
        name="batched_heads",
        kind="boolean",
        meaning="Train the heads of a round in batched matrix products.",
        system_option=True,
    ),
    Parameter(
        name="stop_when_decided",
        kind="boolean",
        meaning="Skip the round in which a single survivor would be scored.",
        system_option=True,
    ),
    Parameter(
        name="choose_search",
        kind="boolean",
        meaning="Halve only where the cost model says that the full search would take longer.",
        system_option=True,
    ),
)

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {parameter.name: parameter for parameter in (*_WHAT, *_HOW, *_OPTIONS)}
)
"""All run parameters by name."""

SYSTEM_OPTIONS: tuple[str, ...] = tuple(parameter.name for parameter in _OPTIONS)
"""What a system may share and in which order it works; null is its own default."""
