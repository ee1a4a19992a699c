"""BERT and RoBERTa of transformers, built from configuration, and their blocks.

The first block embeds token ids; each further one is a transformer layer; the last one
gives the hidden state of the first token. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from systems.models.without import without

_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "bert": {},
    "bert_tiny": {
        "num_hidden_layers": 2,
        "hidden_size": 128,
        "num_attention_heads": 2,
        "intermediate_size": 512,
    },
    # Published RoBERTa counts positions from 2 and has one token type.
    "roberta": {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
}


class AttentionMasks:
    """Expands each batch's attention mask once for all layers of all models.

    To see that a batch has no padding takes a read of the mask, for which a GPU has to
    finish all its work: once per batch is fine, once per layer is not. Masks are told apart
    by identity and forgotten with their tensor, so they must not be changed in place.
    """

    def __init__(self) -> None:
        self._known: WeakTensorKeyDictionary = WeakTensorKeyDictionary()

    def expand(self, mask: Tensor) -> Tensor | None:
        """Mask [B, L], 0 = padding, to bool [B, 1, L, L]; None where nothing is padded."""
        if mask.is_meta:
            return None
        if mask not in self._known:
            keep = mask.to(torch.bool)
            self._known[mask] = None if keep.all() else keep[:, None, None, :]
        keep = self._known[mask]
        return None if keep is None else keep.expand(-1, -1, mask.shape[1], -1)


class TokenEmbeddings(nn.Module):
    """Token ids [B, L] to hidden states [B, L, D]."""

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        self.embeddings: Any = embeddings

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Embed; the mask is for the layers."""
        # Given explicitly, because the buffers with the same values are not persistent: a
        # skeleton has no values for them.
        return self.embeddings(
            input_ids=ids, token_type_ids=torch.zeros_like(ids), position_ids=self._positions(ids)
        )

    def _positions(self, ids: Tensor) -> Tensor:
        return torch.arange(ids.shape[1], device=ids.device)[None]


class PaddingAwareTokenEmbeddings(TokenEmbeddings):
    """The same for RoBERTa, whose positions count only tokens that are not padding."""

    def _positions(self, ids: Tensor) -> Tensor:
        return self.embeddings.create_position_ids_from_input_ids(ids, self.embeddings.padding_idx)


class Layer(nn.Module):
    """Hidden states [B, L, D] to hidden states [B, L, D]."""

    def __init__(self, layer: nn.Module, masks: AttentionMasks) -> None:
        super().__init__()
        self.layer = layer
        self._masks = masks

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Run the layer; ``mask`` is [B, L], 0 = padding."""
        return self.compute(hidden, self._masks.expand(mask))

    def compute(self, hidden: Tensor, keep: Tensor | None) -> Tensor:
        """Run the layer; ``keep`` is bool [B, 1, L, L], or None where nothing is padded."""
        return self.layer(hidden, keep)


class LastLayer(Layer):
    """Hidden states [B, L, D] to features [B, D]."""

    def compute(self, hidden: Tensor, keep: Tensor | None) -> Tensor:
        """Run the layer and give the first token."""
        # A view would keep the hidden states of all tokens in memory.
        return super().compute(hidden, keep)[:, 0].contiguous()


def build(name: str, resolution: int | None) -> nn.Module:
    """The published model with its pooler, randomly initialised."""
    settings: dict[str, Any] = {**_SETTINGS[name], "attn_implementation": "sdpa"}
    if name == "roberta":
        return RobertaModel(RobertaConfig(**settings))
    return BertModel(BertConfig(**settings))


def split(plain: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of ``plain``, ids [B, L] to [B, D], sharing its submodules.

    Each is called with the attention mask [B, L] as its second argument.
    """
    embeddings = PaddingAwareTokenEmbeddings if isinstance(plain, RobertaModel) else TokenEmbeddings
    masks = AttentionMasks()
    *middle, last = plain.get_submodule("encoder.layer").children()
    return (
        embeddings(plain.get_submodule("embeddings")),
        *(Layer(layer, masks) for layer in middle),
        LastLayer(last, masks),
    )


def features(plain: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Features [B, D] of ids [B, L] with mask [B, L] by the plain model's own forward."""
    with without(plain, "pooler", put=None):
        return plain(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
