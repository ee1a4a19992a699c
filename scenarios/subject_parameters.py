"""The parameters that say what is searched: models, data and the proxy."""

from __future__ import annotations

from scenarios.parameter import Parameter

SUBJECT: tuple[Parameter, ...] = (
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
        meaning="How much of an earlier model each model shares (M_syn of the paper); null for "
        "model_set snapshots.",
        vocabulary="distributions",
    ),
    Parameter(
        name="models",
        kind="integer",
        default=35,
        minimum=1,
        meaning="Models to choose from; of model_set snapshots, at most: the first that can be "
        "loaded, in the order of their names or of the list.",
    ),
    Parameter(name="model_seed", kind="integer", default=0, meaning="Seed of the model set."),
    Parameter(
        name="weights",
        kind="text",
        meaning="Of the base model: null for random ones, 'hub' for published ones, or a file.",
    ),
    Parameter(
        name="model_set",
        kind="choice",
        default="synthetic",
        choices=("synthetic", "trained", "snapshots"),
        meaning="Where the models come from: made from a base model by the distribution (M_syn), "
        "made so and really fine-tuned on tasks (M_train), or checkpoints on the disk or a hub "
        "(M_HF).",
    ),
    Parameter(
        name="models_path",
        kind="text",
        meaning="Of model_set snapshots: a folder of save_pretrained checkpoints, or a text file "
        "with a folder or hub id in each line, relative to the scenario file; or 'generated' for "
        "small random families made here.",
    ),
    Parameter(
        name="tasks",
        kind="text",
        default="digits",
        meaning="Of model_set trained: what models are fine-tuned on; digits, or dataset=folder, "
        "several joined by +.",
    ),
    Parameter(
        name="train_epochs",
        kind="integer",
        default=20,
        minimum=1,
        meaning="Of model_set trained: passes over a task's items.",
    ),
    Parameter(
        name="train_items",
        kind="integer",
        minimum=1,
        unit="items",
        meaning="Of model_set trained: items of each task; null for all.",
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
    Parameter(
        name="part",
        kind="choice",
        default="full",
        choices=("full", "last_50", "last_25", "last_3", "last_1"),
        meaning="Which blocks of each model are run: all, the last 50% or 25% of them, or the "
        "last 3 or 1. The models must share what is left out, unless its output is generated.",
    ),
    Parameter(
        name="part_input",
        kind="choice",
        default="computed",
        choices=("computed", "generated"),
        meaning="What a part reads: the items as the blocks before it make them, computed before "
        "the search and kept in a file, or random numbers of the same shape.",
    ),
    Parameter(
        name="head_classes",
        kind="integer",
        minimum=2,
        meaning="Outputs of the scoring layer; null for the classes of the dataset.",
    ),
)
