"""The parameters that tell a system what it may share and in which order it works."""

from __future__ import annotations

from scenarios.parameter import Parameter

OPTIONS: tuple[Parameter, ...] = (
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
        meaning="Parameters, intermediates and what blocks hold while they compute that may be "
        "there together; null for no limit, and with schedule auto for what the machine has.",
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
