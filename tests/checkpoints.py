"""Checkpoints of small models, as people publish them: with heads, by save_pretrained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

_BACKBONE = transformers.ResNetConfig(
    layer_type="basic", embedding_size=8, hidden_sizes=[8, 16, 16, 32], depths=[1, 1, 1, 1],
    out_features=["stage4"],
)  # fmt: skip
_SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
_DETECTION: dict[str, Any] = {
    "backbone_config": _BACKBONE, "encoder_layers": 2, "encoder_ffn_dim": 32, "decoder_layers": 1,
    "decoder_ffn_dim": 32, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "d_model": 32, "num_queries": 3,
}  # fmt: skip
_WORDS = {**_SIZES, "intermediate_size": 64, "vocab_size": 200}

MODELS: dict[str, Any] = {
    "hf_vit": lambda: transformers.ViTForImageClassification(
        transformers.ViTConfig(**_SIZES, intermediate_size=64, image_size=32, patch_size=8)
    ),
    "hf_dinov2": lambda: transformers.Dinov2ForImageClassification(
        transformers.Dinov2Config(**_SIZES, mlp_ratio=2, image_size=32, patch_size=8)
    ),
    "hf_detr": lambda: transformers.DetrForObjectDetection(transformers.DetrConfig(**_DETECTION)),
    "hf_conditional_detr": lambda: transformers.ConditionalDetrForObjectDetection(
        transformers.ConditionalDetrConfig(**_DETECTION)
    ),
    "hf_resnet": lambda: transformers.ResNetForImageClassification(
        transformers.ResNetConfig(
            layer_type="bottleneck", embedding_size=8, hidden_sizes=[16, 32], depths=[1, 2]
        )
    ),
    "hf_bert": lambda: transformers.BertForSequenceClassification(
        transformers.BertConfig(**_WORDS)
    ),
    "hf_roberta": lambda: transformers.RobertaForMaskedLM(
        transformers.RobertaConfig(**_WORDS, max_position_embeddings=66)
    ),
}
"""A model of each family, tiny, with the head of some task."""


def small_model(family: str, seed: int = 0) -> transformers.PreTrainedModel:
    """The model in evaluation mode; normalisation layers know something of data."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MODELS[family]()
        for name, buffer in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    return model.eval()


def save(model: transformers.PreTrainedModel, folder: Path, **arguments: Any) -> Path:
    """Write it as a checkpoint."""
    transformers.logging.disable_progress_bar()
    model.save_pretrained(folder, **arguments)
    return folder
