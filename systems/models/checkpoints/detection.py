"""Checkpoints of DETR and conditional DETR as feature extractors: backbone and encoder.

The first block is the stem of the ResNet backbone, then come its residual layers (the last
one with the projection to the encoder's width), then the encoder's layers. Features are the
mean of the encoder's output over all places of the picture; the decoder, which looks for
objects, takes no part. Between blocks tokens keep the form of a picture, [B, D, H, W]: each
layer adds the position embedding, which is a function of height and width alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    ConditionalDetrConfig,
    ConditionalDetrModel,
    DetrConfig,
    DetrModel,
    ResNetConfig,
)

from systems.models.architectures import architecture
from systems.models.checkpoints import resnet
from systems.models.checkpoints.finding import CheckpointError
from systems.models.checkpoints.settings import chosen, three_channels

_KEYS = (
    "encoder_layers", "encoder_ffn_dim", "encoder_attention_heads", "activation_function",
    "d_model", "position_embedding_type",
)  # fmt: skip
_CLASSES: Mapping[str, tuple[Any, Any]] = {
    "detr": (DetrConfig, DetrModel),
    "conditional_detr": (ConditionalDetrConfig, ConditionalDetrModel),
}
_BASIC = {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512]}
_BOTTLENECK = {"layer_type": "bottleneck", "hidden_sizes": [256, 512, 1024, 2048]}
# The published checkpoints name a backbone of the package timm; the library's own ResNet has
# the same layers under other names.
_TIMM: Mapping[str, Mapping[str, Any]] = {
    "resnet18": {**_BASIC, "depths": [2, 2, 2, 2]},
    "resnet34": {**_BASIC, "depths": [3, 4, 6, 3]},
    "resnet50": {**_BOTTLENECK, "depths": [3, 4, 6, 3]},
    "resnet101": {**_BOTTLENECK, "depths": [3, 4, 23, 3]},
}
_BACKBONE = r"^((?:.*\.)?backbone\.(?:conv_encoder\.)?model\.)(?:_backbone\.)?"
_RENAMED = (
    (re.compile(_BACKBONE + r"conv1\."), r"\1embedder.embedder.convolution."),
    (re.compile(_BACKBONE + r"bn1\."), r"\1embedder.embedder.normalization."),
)
_IN_LAYER = re.compile(_BACKBONE + r"layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)\.")


class Projected(nn.Module):
    """The last residual layer, and the projection of its output to the encoder's width."""

    def __init__(self, layer: nn.Module, input_projection: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.input_projection = input_projection

    def forward(self, maps: Tensor) -> Tensor:
        """[B, C, H, W] to [B, D, H / 2, W / 2] or [B, D, H, W]."""
        return self.input_projection(self.layer(maps))


class EncoderLayer(nn.Module):
    """Tokens as a picture, [B, D, H, W], to the same."""

    def __init__(self, layer: nn.Module, positions: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.positions = positions  # has no parameters

    def forward(self, maps: Tensor) -> Tensor:
        """Run the layer on all places of the picture."""
        height, width = maps.shape[2:]
        return self.tokens(maps).transpose(1, 2).unflatten(2, (height, width))

    def tokens(self, maps: Tensor) -> Tensor:
        """[B, D, H, W] to [B, H · W, D], through the layer."""
        positions = self.positions(
            shape=torch.Size((1, *maps.shape[1:])), device=maps.device, dtype=maps.dtype
        )
        return self.layer(
            maps.flatten(2).transpose(1, 2),
            None,  # no place is masked: all pictures of a batch are of one size
            spatial_position_embeddings=positions.flatten(2).transpose(1, 2),
        )


class LastLayer(EncoderLayer):
    """Tokens as a picture, [B, D, H, W], to features [B, D]."""

    def forward(self, maps: Tensor) -> Tensor:
        """Run the layer and give the mean over all places."""
        return self.tokens(maps).mean(1)


def settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """What of a ``config.json`` makes the architecture."""
    three_channels(found)
    kept = chosen(_CLASSES[found["model_type"]][0], found, _KEYS)
    if kept["position_embedding_type"] != "sine":
        raise CheckpointError(
            f"position_embedding_type is {kept['position_embedding_type']!r}: only 'sine' is "
            "supported."
        )
    if found.get("dilation"):
        raise CheckpointError("dilation is on: only backbones without it are supported.")
    return kept | {"backbone": resnet.settings(_backbone(found))}


def describe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the architecture that these settings give."""
    backbone = resnet.describe(settings["backbone"])
    return {**backbone, "feature_size": settings["d_model"], "resolution": 800}


def make(settings: Mapping[str, Any]) -> nn.Module:
    """The library's model of these settings, with the least decoder that it allows."""
    # The backbone has no attention, and takes no other word for that.
    given = {**settings, "attn_implementation": {"": "sdpa", "backbone_config": "eager"}}
    config_class, model_class = _CLASSES[given.pop("model_type")]
    backbone = dict(given.pop("backbone"))
    del backbone["model_type"]
    backbone["out_features"] = [f"stage{len(backbone['depths'])}"]
    return model_class(
        config_class(
            **given,
            backbone_config=ResNetConfig(**backbone),
            num_queries=1,
            decoder_layers=1,
            decoder_ffn_dim=1,
            decoder_attention_heads=given["encoder_attention_heads"],
        )
    )


def build(name: str, resolution: int | None) -> nn.Module:
    """The model of a registered architecture, randomly initialised."""
    return make(json.loads(architecture(name).configuration or "{}"))


def split(plain: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of ``plain``, [B, 3, H, W] to [B, D], sharing its submodules."""
    positions = plain.get_submodule("position_embedding")
    *middle, last = resnet.parts(plain.get_submodule("backbone.model"))
    *layers, end = plain.get_submodule("encoder.layers").children()
    return (
        *middle,
        Projected(last, plain.get_submodule("input_projection")),
        *(EncoderLayer(layer, positions) for layer in layers),
        LastLayer(end, positions),
    )


def features(plain: nn.Module, images: Tensor) -> Tensor:
    """Features [B, D] of images [B, 3, H, W] by the plain model's own forward."""
    return plain(images).encoder_last_hidden_state.mean(1)


def renamed(name: str) -> str:
    """A tensor's name in a file, with a backbone of timm under the library's own names."""
    for pattern, replacement in _RENAMED:
        name = pattern.sub(replacement, name)
    found = _IN_LAYER.match(name)
    if found is None:
        return name
    front, stage, layer, kind, number = found.groups()
    inside = f"{front}encoder.stages.{int(stage) - 1}.layers.{layer}."
    if kind == "downsample.":
        inside += "shortcut." + ("convolution." if number == "0" else "normalization.")
    else:
        part = "convolution." if kind == "conv" else "normalization."
        inside += f"layer.{int(number) - 1}.{part}"
    return inside + name[found.end() :]


def _backbone(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of the backbone, whichever way it is written down."""
    given = found.get("backbone_config")
    if isinstance(given, dict) and given.get("model_type") == "resnet":
        return given
    named = given.get("backbone") if isinstance(given, dict) else found.get("backbone")
    name = str(named or "resnet50").partition(".")[0]
    if name not in _TIMM:
        raise CheckpointError(
            f"the backbone is {name!r}: only {', '.join(_TIMM)} and the library's own ResNet are "
            "supported."
        )
    return {"model_type": "resnet", **_TIMM[name]}
