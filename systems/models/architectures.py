"""The architectures that can be searched, and what can be known of them without torch.

Block and parameter counts are those of the Alsatian paper (SIGMOD 2025, table 1) where it
gives them; all of them are checked against the built models by the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from systems.errors import ConfigurationError, did_you_mean

Modality = Literal["image", "text"]
Family = Literal["resnet", "mobilenet", "efficientnet", "vision_transformer", "text_encoder"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """One architecture: a fixed sequence of blocks, whatever its parameters."""

    name: str
    """The name in scenario files and records."""
    label: str
    """The name in tables and figures."""
    family: Family
    """Which code builds it and splits it into blocks."""
    modality: Modality
    block_count: int
    parameter_count: int
    """Of the whole published model with its classifier (text: with its pooler), at the
    default resolution."""
    feature_size: int
    """Numbers per item that the last block gives."""
    resolution: int | None = None
    """Default height and width of an input image in pixels; None for text."""
    minimum_resolution: int | None = None
    """Smallest height and width in pixels; None for text."""
    patch_size: int | None = None
    """Height and width of a patch in pixels, of which the resolution has to be a multiple;
    None for all but vision transformers."""
    maximum_sequence_length: int | None = None
    """Most tokens of an item; None for images."""
    vocabulary_size: int | None = None
    """Token ids are below this; None for images."""
    padding_id: int | None = None
    """The token id that the published model takes as padding; None for images."""
    hub_id: str | None = None
    """Where published weights are: a torchvision weights name or a Hugging Face model id;
    None where nobody publishes any."""
    snapshot_family: str | None = None
    """The family of checkpoints (``systems.models.snapshot_families``) that it is one
    configuration of; None for what stands in the table below."""
    configuration: str | None = None
    """That configuration, as JSON."""

    @property
    def depends_on_resolution(self) -> bool:
        """Whether the parameters of a model fit one resolution only (position embeddings)."""
        return self.patch_size is not None and self.configuration is None

    @property
    def has_batch_norm(self) -> bool:
        """Whether its models normalise by the statistics of a batch, kept from training."""
        return self.family in ("resnet", "mobilenet", "efficientnet")

    @property
    def needs_calibration(self) -> bool:
        """Whether a freshly initialised model needs statistics of real data."""
        return self.has_batch_norm


def _convolutional(
    name: str, label: str, family: Family, *, sizes: tuple[int, int, int], hub_id: str
) -> Architecture:
    block_count, parameter_count, feature_size = sizes
    return Architecture(
        name=name,
        label=label,
        family=family,
        modality="image",
        block_count=block_count,
        parameter_count=parameter_count,
        feature_size=feature_size,
        resolution=224,
        # All of them halve the input five times; torchvision gives 33 for EfficientNetV2.
        minimum_resolution=33 if family == "efficientnet" else 32,
        hub_id=hub_id,
    )


def _vision_transformer(
    name: str, label: str, *, patch_size: int, sizes: tuple[int, int, int], hub_id: str | None
) -> Architecture:
    block_count, parameter_count, feature_size = sizes
    return Architecture(
        name=name,
        label=label,
        family="vision_transformer",
        modality="image",
        block_count=block_count,
        parameter_count=parameter_count,
        feature_size=feature_size,
        resolution=224,
        minimum_resolution=patch_size,
        patch_size=patch_size,
        hub_id=hub_id,
    )


def _text_encoder(
    name: str, label: str, *, sizes: tuple[int, int, int], vocabulary: tuple[int, int], hub_id: str
) -> Architecture:
    block_count, parameter_count, feature_size = sizes
    vocabulary_size, padding_id = vocabulary
    return Architecture(
        name=name,
        label=label,
        family="text_encoder",
        modality="text",
        block_count=block_count,
        parameter_count=parameter_count,
        feature_size=feature_size,
        maximum_sequence_length=512,
        vocabulary_size=vocabulary_size,
        padding_id=padding_id,
        hub_id=hub_id,
    )


# sizes: blocks, parameters, features. vocabulary: size, padding id.
# fmt: off
_TABLE = (
    _convolutional("resnet18", "ResNet-18", "resnet",
                   sizes=(9, 11_689_512, 512), hub_id="ResNet18_Weights.IMAGENET1K_V1"),
    _convolutional("resnet34", "ResNet-34", "resnet",
                   sizes=(17, 21_797_672, 512), hub_id="ResNet34_Weights.IMAGENET1K_V1"),
    _convolutional("resnet50", "ResNet-50", "resnet",
                   sizes=(17, 25_557_032, 2048), hub_id="ResNet50_Weights.IMAGENET1K_V1"),
    _convolutional("resnet101", "ResNet-101", "resnet",
                   sizes=(34, 44_549_160, 2048), hub_id="ResNet101_Weights.IMAGENET1K_V1"),
    _convolutional("resnet152", "ResNet-152", "resnet",
                   sizes=(51, 60_192_808, 2048), hub_id="ResNet152_Weights.IMAGENET1K_V1"),
    _convolutional("mobilenet_v2", "MobileNetV2", "mobilenet",
                   sizes=(19, 3_504_872, 1280), hub_id="MobileNet_V2_Weights.IMAGENET1K_V1"),
    _convolutional("efficientnet_v2_s", "EfficientNetV2-S", "efficientnet",
                   sizes=(42, 21_458_488, 1280), hub_id="EfficientNet_V2_S_Weights.IMAGENET1K_V1"),
    _convolutional("efficientnet_v2_l", "EfficientNetV2-L", "efficientnet",
                   sizes=(81, 118_515_272, 1280), hub_id="EfficientNet_V2_L_Weights.IMAGENET1K_V1"),
    _vision_transformer("vit_ti_16", "ViT-Ti-16", patch_size=16,
                        sizes=(13, 5_717_416, 192), hub_id=None),
    _vision_transformer("vit_b_16", "ViT-B-16", patch_size=16,
                        sizes=(13, 86_567_656, 768), hub_id="ViT_B_16_Weights.IMAGENET1K_V1"),
    _vision_transformer("vit_b_32", "ViT-B-32", patch_size=32,
                        sizes=(13, 88_224_232, 768), hub_id="ViT_B_32_Weights.IMAGENET1K_V1"),
    _vision_transformer("vit_l_16", "ViT-L-16", patch_size=16,
                        sizes=(25, 304_326_632, 1024), hub_id="ViT_L_16_Weights.IMAGENET1K_V1"),
    _vision_transformer("vit_l_32", "ViT-L-32", patch_size=32,
                        sizes=(25, 306_535_400, 1024), hub_id="ViT_L_32_Weights.IMAGENET1K_V1"),
    _text_encoder("bert_tiny", "BERT-Tiny", sizes=(3, 4_385_920, 128),
                  vocabulary=(30_522, 0), hub_id="google/bert_uncased_L-2_H-128_A-2"),
    _text_encoder("bert", "BERT", sizes=(13, 109_482_240, 768),
                  vocabulary=(30_522, 0), hub_id="google-bert/bert-base-uncased"),
    _text_encoder("roberta", "RoBERTa", sizes=(13, 124_645_632, 768),
                  vocabulary=(50_265, 1), hub_id="FacebookAI/roberta-base"),
)
# fmt: on

ARCHITECTURES: Mapping[str, Architecture] = {entry.name: entry for entry in _TABLE}
"""All architectures by name, in the order in which they are listed to a person."""

_REGISTERED: dict[str, Architecture] = {}


def register(entry: Architecture) -> None:
    """Make the architecture of a checkpoint known in this process, under its own name.

    Its name is a hash of its configuration, so that equal names are equal architectures.
    """
    _REGISTERED[entry.name] = entry


def architecture(name: str) -> Architecture:
    """The architecture called ``name``.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise ConfigurationError(
            f"There is no architecture '{name}'. {did_you_mean(name, ARCHITECTURES)}"
        ) from None


def check_resolution(name: str, resolution: int) -> None:
    """Refuse a resolution (pixels) at which the image architecture ``name`` cannot run.

    Raises:
        ConfigurationError: the architecture is for text, the resolution is below its
            minimum, or is no multiple of its patch size.
    """
    entry = architecture(name)
    if entry.minimum_resolution is None:
        raise ConfigurationError(
            f"{name} reads text and has no resolution, but {resolution} px were given. "
            "Leave the resolution out."
        )
    if resolution < entry.minimum_resolution:
        raise ConfigurationError(
            f"A resolution of {resolution} px is too small for {name}: "
            f"it needs at least {entry.minimum_resolution} px."
        )
    if entry.patch_size is not None and resolution % entry.patch_size:
        lower = resolution // entry.patch_size * entry.patch_size
        raise ConfigurationError(
            f"A resolution of {resolution} px does not fit {name}: it has to be a multiple of "
            f"the patch size, {entry.patch_size} px. "
            f"The nearest are {lower} and {lower + entry.patch_size}."
        )
