"""The parameters that say how all systems alike work, and under which conditions."""

from __future__ import annotations

from scenarios.parameter import Parameter

CONDITIONS: tuple[Parameter, ...] = (
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
    Parameter(
        name="precision",
        kind="choice",
        default="fp32",
        choices=("fp32", "tf32", "bf16"),
        meaning="Of the numbers that blocks compute with; features and heads are fp32.",
    ),
    Parameter(
        name="compile",
        kind="boolean",
        default=False,
        meaning="Compile each block architecture with torch.compile, in all systems alike; its "
        "time is the phase compile.",
    ),
    Parameter(
        name="warm_up",
        kind="integer",
        default=0,
        unit="batches",
        meaning="Batches of random numbers that go through the first model before the search "
        "starts; they are not timed.",
    ),
)
