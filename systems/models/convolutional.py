"""ResNet, MobileNetV2 and EfficientNetV2 of torchvision, and their blocks.

The first block is the stem, the last one ends with the global average pool.
"""

from __future__ import annotations

from collections import OrderedDict

import torchvision
from torch import Tensor, nn

from systems.models.without import without


def build(name: str, resolution: int | None) -> nn.Module:
    """The published model, randomly initialised; its parameters fit every resolution."""
    return torchvision.models.get_model(name)


def split(plain: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of ``plain``, [B, 3, H, W] to [B, features], sharing its submodules."""
    if isinstance(plain, torchvision.models.ResNet):
        return _split_resnet(plain)
    return _split_features(plain)


def features(plain: nn.Module, images: Tensor) -> Tensor:
    """Features [B, features] of images [B, 3, H, W] by the plain model's own forward."""
    classifier = "fc" if isinstance(plain, torchvision.models.ResNet) else "classifier"
    with without(plain, classifier, put=nn.Identity()):
        return plain(images)


def _split_resnet(plain: torchvision.models.ResNet) -> tuple[nn.Module, ...]:
    stem = nn.Sequential(
        OrderedDict(conv1=plain.conv1, bn1=plain.bn1, relu=plain.relu, maxpool=plain.maxpool)
    )
    stages = (plain.layer1, plain.layer2, plain.layer3, plain.layer4)
    *middle, last = [block for stage in stages for block in stage.children()]
    end = nn.Sequential(OrderedDict(block=last, avgpool=plain.avgpool, flatten=nn.Flatten(1)))
    return (stem, *middle, end)


def _split_features(plain: nn.Module) -> tuple[nn.Module, ...]:
    """MobileNetV2 has its blocks in a row, EfficientNet in a row of stages."""
    stem, *stages, last = plain.get_submodule("features").children()
    middle: list[nn.Module] = []
    for stage in stages:
        # A stage is an nn.Sequential itself; a MobileNetV2 block is not.
        middle.extend(stage.children() if type(stage) is nn.Sequential else [stage])
    pool = nn.AdaptiveAvgPool2d(1)
    end = nn.Sequential(OrderedDict(conv=last, avgpool=pool, flatten=nn.Flatten(1)))
    return (stem, *middle, end)
