"""Checkpoints of the ResNet of transformers, and their blocks.

The first block is the stem, each further one a residual layer; the last one ends with the
global average pool. The backbone of detection models is cut in the same way.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from transformers import ResNetConfig, ResNetModel

from systems.models.architectures import architecture
from systems.models.checkpoints.finding import CheckpointError
from systems.models.checkpoints.settings import chosen, three_channels

_KEYS = (
    "embedding_size", "hidden_sizes", "depths", "layer_type", "hidden_act",
    "downsample_in_first_stage", "downsample_in_bottleneck",
)  # fmt: skip


def settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """What of a ``config.json`` makes the architecture."""
    three_channels(found)
    kept = chosen(ResNetConfig, found, _KEYS)
    if len(kept["depths"]) != len(kept["hidden_sizes"]):
        raise CheckpointError(
            f"depths {kept['depths']} and hidden_sizes {kept['hidden_sizes']} are not one for "
            "each stage."
        )
    return kept


def describe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the architecture that these settings give."""
    return {
        "feature_size": settings["hidden_sizes"][-1],
        "resolution": 224,
        # Each stage but the first halves its input, and so do the stem's two layers.
        "minimum_resolution": 2 ** (len(settings["depths"]) + 1),
    }


def make(settings: Mapping[str, Any]) -> nn.Module:
    """The library's model of these settings, without a classifier."""
    given = dict(settings)
    del given["model_type"]
    return ResNetModel(ResNetConfig(**given))


def build(name: str, resolution: int | None) -> nn.Module:
    """The model of a registered architecture, randomly initialised."""
    return make(json.loads(architecture(name).configuration or "{}"))


def parts(plain: nn.Module) -> tuple[nn.Module, ...]:
    """The stem and the residual layers of a ResNet with or without a pool at its end."""
    stages = plain.get_submodule("encoder.stages").children()
    layers = [layer for stage in stages for layer in stage.get_submodule("layers").children()]
    return (plain.get_submodule("embedder"), *layers)


def split(plain: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of ``plain``, [B, 3, H, W] to [B, features], sharing its submodules."""
    *middle, last = parts(plain)
    pool = plain.get_submodule("pooler")
    end = nn.Sequential(OrderedDict(layer=last, pooler=pool, flatten=nn.Flatten(1)))
    return (*middle, end)


def features(plain: nn.Module, images: Tensor) -> Tensor:
    """Features [B, features] of images [B, 3, H, W] by the plain model's own forward."""
    return plain(images).pooler_output.flatten(1)
