"""Small families of checkpoints, made here: for machines without a network, and for tests.

Each family descends from one random model, as the synthetic model sets do (Top 25%), and each
model is written by the library's own ``save_pretrained``. They have the names, files and
blocks of real checkpoints, but nobody trained them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from systems.models.architectures import Architecture
from systems.models.build import ModelShape, build_plain, split
from systems.models.calibration import one_thread, set_statistics
from systems.models.checkpoints.blocks import checkpoint_blocks
from systems.models.checkpoints.configured import configured
from systems.models.checkpoints.finding import CONFIGURATION, Checkpoint
from systems.models.lineage import distribution, snapshot_lineage
from systems.models.snapshot_families import SNAPSHOT_FAMILIES

_VERSION = 1  # of what is made
_LINEAGE = "top_25"
_TRANSFORMER = {"hidden_size": 128, "num_attention_heads": 4, "intermediate_size": 512}
_IMAGES = {"image_size": 64, "patch_size": 16, "num_hidden_layers": 8}
_BACKBONE = {
    "model_type": "resnet", "layer_type": "basic", "embedding_size": 32,
    "hidden_sizes": [32, 64, 128, 256], "depths": [1, 1, 1, 1],
}  # fmt: skip
_DETECTION = {
    "backbone_config": _BACKBONE, "encoder_layers": 4, "encoder_ffn_dim": 512,
    "encoder_attention_heads": 4, "d_model": 128,
}  # fmt: skip
_TEXT = {**_TRANSFORMER, "num_hidden_layers": 4, "vocab_size": 30_522}
SMALL: Mapping[str, Mapping[str, Any]] = {
    "hf_vit": {**_TRANSFORMER, **_IMAGES},
    "hf_dinov2": {"hidden_size": 128, "num_attention_heads": 4, "mlp_ratio": 4, **_IMAGES},
    "hf_detr": _DETECTION,
    "hf_conditional_detr": _DETECTION,
    "hf_resnet": {**_BACKBONE, "depths": [2, 2, 2, 2]},
    "hf_bert": _TEXT,
    "hf_roberta": {**_TEXT, "max_position_embeddings": 514, "type_vocab_size": 1},
}
"""The configuration of each family's models, beside the library's defaults."""


def generate_checkpoints(
    root: Path,
    families: Sequence[str],
    *,
    models: int,
    seed: int = 0,
    progress: Callable[[int, str], None] = lambda *_: None,
) -> tuple[Checkpoint, ...]:
    """``models`` checkpoints below ``root``, shared evenly by ``families``.

    What is there already stays; more of a family begin with the fewer. ``progress`` is told
    how many are done, and the name of the next.
    """
    made: list[Checkpoint] = []
    share, remainder = divmod(models, len(families))
    for number, family in enumerate(families):
        entry = _entry(family)
        folder = root / _key(entry, seed)
        for index in range(share + (number < remainder)):
            name = f"{family}-{index:03d}"
            progress(len(made), name)
            _make(folder, entry, index=index, seed=seed, name=name)
            made.append(Checkpoint(name=name, folder=folder / name))
    return tuple(made)


def _entry(family: str) -> Architecture:
    return configured({**SMALL[family], "model_type": SNAPSHOT_FAMILIES[family].model_type})


def _key(entry: Architecture, seed: int) -> str:
    versions = (_VERSION, transformers.__version__, torch.__version__)
    text = json.dumps([*versions, entry.name, seed])
    return f"{entry.snapshot_family}-{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"


def _make(folder: Path, entry: Architecture, *, index: int, seed: int, name: str) -> None:
    """Write model ``index`` of a family, unless it is there; its parent is."""
    if (folder / name / CONFIGURATION).is_file():
        return
    shape = ModelShape(architecture=entry.name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed * 100_003 + index)
        plain = build_plain(shape)
        images = torch.randn(8, 3, 64, 64)
    blocks = split(shape, plain.eval())
    origin = snapshot_lineage(
        entry.block_count, count=index + 1, distribution=distribution(_LINEAGE), seed=seed
    )[index]
    first_new = entry.block_count - origin.depth
    if origin.parent is not None:
        parent = folder / f"{entry.snapshot_family}-{origin.parent:03d}"
        inherited = checkpoint_blocks(parent, entry)[:first_new]
        for block, content in zip(blocks, inherited, strict=False):
            block.load_state_dict(dict(content.tensors))
    if entry.snapshot_family == "hf_resnet":
        _calibrate(blocks, images, first_new)
    folder.mkdir(parents=True, exist_ok=True)
    # Whoever ends this in the middle leaves nothing that looks like a checkpoint.
    working = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    try:
        assert isinstance(plain, transformers.PreTrainedModel)
        transformers.logging.disable_progress_bar()
        plain.save_pretrained(working)
        working.rename(folder / name)
    finally:
        shutil.rmtree(working, ignore_errors=True)


def _calibrate(blocks: Sequence[nn.Module], images: torch.Tensor, first_new: int) -> None:
    """Give new normalisation layers the statistics of something."""
    x = images
    with one_thread(), torch.inference_mode():
        for position, block in enumerate(blocks):
            if position >= first_new:
                set_statistics(block, x)
            x = block(x)
