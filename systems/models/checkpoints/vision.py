"""Checkpoints of ViT and DINOv2, and their blocks.

The first block makes tokens of an image; each further one is a transformer layer; the last
one ends with the final layer norm and gives the first token. Position embeddings of another
resolution are interpolated as the library does it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTModel

from systems.models.architectures import architecture
from systems.models.checkpoints.settings import chosen, side, three_channels

_COMMON = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "layer_norm_eps",
    "image_size", "patch_size", "qkv_bias",
)  # fmt: skip
_KEYS: Mapping[str, tuple[str, ...]] = {
    "vit": (*_COMMON, "intermediate_size"),
    "dinov2": (*_COMMON, "mlp_ratio", "use_swiglu_ffn"),
}
_CONFIGS: Mapping[str, Any] = {"vit": ViTConfig, "dinov2": Dinov2Config}


class Tokens(nn.Module):
    """Image [B, 3, H, W] to tokens [B, 1 + patches, D], the class token first."""

    def __init__(self, embeddings: nn.Module, **arguments: Any) -> None:
        super().__init__()
        self.embeddings = embeddings
        self._arguments = arguments

    def forward(self, images: Tensor) -> Tensor:
        """Project patches, put the class token in front, add position embeddings."""
        return self.embeddings(images, **self._arguments)


class Layer(nn.Module):
    """Tokens [B, L, D] to tokens [B, L, D]."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, tokens: Tensor) -> Tensor:
        """Run the layer; no token is masked."""
        return self.layer(tokens, None)


class LastLayer(Layer):
    """Tokens [B, L, D] to features [B, D]: a layer, the final norm, the first token."""

    def __init__(self, layer: nn.Module, norm: nn.Module) -> None:
        super().__init__(layer)
        self.norm = norm

    def forward(self, tokens: Tensor) -> Tensor:
        """Run the last layer and give the first token."""
        # A view would keep the tokens of all patches in memory.
        return self.norm(super().forward(tokens))[:, 0].contiguous()


def settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """What of a ``config.json`` makes the architecture."""
    three_channels(found)
    model_type = found["model_type"]
    given = {
        **found,
        "image_size": side(found, "image_size", 224),
        "patch_size": side(found, "patch_size", 16 if model_type == "vit" else 14),
    }
    return chosen(_CONFIGS[model_type], given, _KEYS[model_type])


def describe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the architecture that these settings give."""
    return {
        "feature_size": settings["hidden_size"],
        "resolution": settings["image_size"],
        "minimum_resolution": settings["patch_size"],
        "patch_size": settings["patch_size"],
    }


def make(settings: Mapping[str, Any]) -> nn.Module:
    """The library's model of these settings, without a classifier."""
    given = {**settings, "attn_implementation": "sdpa"}
    if given.pop("model_type") == "vit":
        return ViTModel(ViTConfig(**given), add_pooling_layer=False)
    # The token that stands for masked patches in pre-training is never read.
    return Dinov2Model(Dinov2Config(**given, use_mask_token=False))


def build(name: str, resolution: int | None) -> nn.Module:
    """The model of a registered architecture, randomly initialised."""
    return make(json.loads(architecture(name).configuration or "{}"))


def split(plain: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of ``plain``, [B, 3, H, W] to [B, D], sharing its submodules."""
    is_vit = isinstance(plain, ViTModel)
    embeddings = plain.get_submodule("embeddings")
    # Asked for also where nothing is to be interpolated: it is then what is stored.
    first = Tokens(embeddings, interpolate_pos_encoding=True) if is_vit else Tokens(embeddings)
    *middle, last = layers(plain)
    return (first, *map(Layer, middle), LastLayer(last, plain.get_submodule("layernorm")))


def layers(plain: nn.Module) -> tuple[nn.Module, ...]:
    """The transformer layers, wherever the library's version keeps them."""
    kept = getattr(plain, "layers", None)
    return tuple((plain.get_submodule("encoder.layer") if kept is None else kept).children())


def features(plain: nn.Module, images: Tensor) -> Tensor:
    """Features [B, D] of images [B, 3, H, W] by the plain model's own forward."""
    if isinstance(plain, ViTModel):
        return plain(images, interpolate_pos_encoding=True).last_hidden_state[:, 0]
    return plain(images).last_hidden_state[:, 0]
