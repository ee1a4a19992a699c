"""The families of checkpoints that can be searched (M_HF of the Alsatian paper); torch-free.

A family is a kind of model of the transformers library. Its checkpoints may have any
configuration (layers, widths, patch size): each different one is an architecture of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from systems.models.architectures import Family, Modality

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Mean and standard deviation of red, green and blue in 0 … 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SnapshotFamily:
    """A family of checkpoints, and what all its models have in common."""

    name: str
    """The name in scenario files and records."""
    label: str
    """The name in tables and figures."""
    model_type: str
    """What ``config.json`` calls it."""
    modality: Modality
    family: Family
    """Of the built-in architectures, the one whose blocks run at about the same rate."""
    module: str
    """Which module of ``systems.models`` builds it and splits it into blocks."""
    colours: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    """Mean and deviation where a checkpoint says none; None for text."""
    resolution: int | None = None
    """In pixels, where neither checkpoint nor configuration says one; None for text."""


# fmt: off
_TABLE = (
    SnapshotFamily(name="hf_vit", label="ViT (HF)", model_type="vit", modality="image",
                   family="vision_transformer", module="checkpoints.vision",
                   colours=HALF, resolution=224),
    SnapshotFamily(name="hf_dinov2", label="DINOv2 (HF)", model_type="dinov2", modality="image",
                   family="vision_transformer", module="checkpoints.vision",
                   colours=IMAGENET, resolution=224),
    SnapshotFamily(name="hf_detr", label="DETR (HF)", model_type="detr", modality="image",
                   family="resnet", module="checkpoints.detection",
                   colours=IMAGENET, resolution=800),
    SnapshotFamily(name="hf_conditional_detr", label="Conditional DETR (HF)",
                   model_type="conditional_detr", modality="image",
                   family="resnet", module="checkpoints.detection",
                   colours=IMAGENET, resolution=800),
    SnapshotFamily(name="hf_resnet", label="ResNet (HF)", model_type="resnet", modality="image",
                   family="resnet", module="checkpoints.resnet",
                   colours=IMAGENET, resolution=224),
    SnapshotFamily(name="hf_bert", label="BERT (HF)", model_type="bert", modality="text",
                   family="text_encoder", module="checkpoints.text"),
    SnapshotFamily(name="hf_roberta", label="RoBERTa (HF)", model_type="roberta", modality="text",
                   family="text_encoder", module="checkpoints.text"),
)
# fmt: on

SNAPSHOT_FAMILIES: Mapping[str, SnapshotFamily] = {entry.name: entry for entry in _TABLE}
"""All families by name, in the order in which they are listed to a person."""


def family_of_type(model_type: object) -> SnapshotFamily | None:
    """The family that ``config.json`` calls ``model_type``; None if it is none of ours."""
    return next((each for each in _TABLE if each.model_type == model_type), None)
