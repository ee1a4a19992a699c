"""Checkpoints of BERT and RoBERTa; they are cut into blocks like the built-in text encoders.

Features are the hidden state of the first token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from systems.models import text_encoder
from systems.models.architectures import architecture
from systems.models.checkpoints.finding import CheckpointError
from systems.models.checkpoints.settings import chosen

_KEYS = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
    "intermediate_size", "hidden_act", "max_position_embeddings", "type_vocab_size",
    "layer_norm_eps", "pad_token_id",
)  # fmt: skip
_CLASSES: Mapping[str, tuple[Any, Any]] = {
    "bert": (BertConfig, BertModel),
    "roberta": (RobertaConfig, RobertaModel),
}


def settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """What of a ``config.json`` makes the architecture."""
    if found.get("is_decoder") or found.get("position_embedding_type", "absolute") != "absolute":
        raise CheckpointError(
            "it is a decoder or has relative positions: only encoders with absolute ones are "
            "supported."
        )
    return chosen(_CLASSES[found["model_type"]][0], found, _KEYS)


def describe(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the architecture that these settings give."""
    padding_id = settings["pad_token_id"] or 0
    # RoBERTa counts positions from the one after its padding id.
    unused = padding_id + 1 if settings["model_type"] == "roberta" else 0
    return {
        "feature_size": settings["hidden_size"],
        "maximum_sequence_length": settings["max_position_embeddings"] - unused,
        "vocabulary_size": settings["vocab_size"],
        "padding_id": padding_id,
    }


def make(settings: Mapping[str, Any]) -> nn.Module:
    """The library's model of these settings, without its pooler."""
    given = {**settings, "attn_implementation": "sdpa"}
    config_class, model_class = _CLASSES[given.pop("model_type")]
    return model_class(config_class(**given), add_pooling_layer=False)


def build(name: str, resolution: int | None) -> nn.Module:
    """The model of a registered architecture, randomly initialised."""
    return make(json.loads(architecture(name).configuration or "{}"))


def split(plain: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of ``plain``, ids [B, L] to [B, D], sharing its submodules."""
    return text_encoder.split(plain)


def features(plain: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Features [B, D] of ids [B, L] with mask [B, L] by the plain model's own forward."""
    return plain(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
