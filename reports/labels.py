"""How names, numbers and phases look to people: defined once, for tables and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from scenarios.parameters import PARAMETERS

UNKNOWN = "–"
TIMING_ONLY = "fake data: timing only"
"""Stands beside every number that was measured on made-up data."""

SYSTEM_ORDER = ("baseline", "joint", "shift", "alsatian-paper", "alsatian")
"""Rows in tables and figures; systems of other packages follow."""

_ARCHITECTURES = {
    "resnet18": "ResNet-18",
    "resnet34": "ResNet-34",
    "resnet50": "ResNet-50",
    "resnet101": "ResNet-101",
    "resnet152": "ResNet-152",
    "mobilenet_v2": "MobileNetV2",
    "efficientnet_v2_s": "EfficientNetV2-S",
    "efficientnet_v2_l": "EfficientNetV2-L",
    "vit_ti_16": "ViT-Ti-16",
    "vit_b_16": "ViT-B-16",
    "vit_b_32": "ViT-B-32",
    "vit_l_16": "ViT-L-16",
    "vit_l_32": "ViT-L-32",
    "bert": "BERT",
    "bert_tiny": "BERT-Tiny",
    "roberta": "RoBERTa",
    "hf_vit": "ViT (HF)",
    "hf_dinov2": "DINOv2 (HF)",
    "hf_detr": "DETR (HF)",
    "hf_conditional_detr": "Conditional DETR (HF)",
    "hf_resnet": "ResNet (HF)",
    "hf_bert": "BERT (HF)",
    "hf_roberta": "RoBERTa (HF)",
}
_DISTRIBUTIONS = {
    "top_50": "Top 50%",
    "top_25": "Top 25%",
    "top_layers": "Top Layers",
    "joint_50": "Joint 50%",
    "joint_25": "Joint 25%",
    "joint_3": "Joint 3",
    "joint_1": "Joint 1",
}
_PARTS = {
    "full": "all blocks",
    "last_50": "last 50% of blocks",
    "last_25": "last 25% of blocks",
    "last_3": "last 3 blocks",
    "last_1": "last block",
}
ARCHITECTURE_ORDER = tuple(_ARCHITECTURES)
DISTRIBUTION_ORDER = tuple(_DISTRIBUTIONS)
"""How searches are ordered: as the paper's figures are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseStyle:
    """How a phase is shown."""

    label: str
    short: str
    """At most six characters, for column heads."""
    colour: str
    """Colours for the colour-blind (Okabe and Ito 2008); neighbours differ in luminance."""
    hatch: str = ""


PHASES: Mapping[str, PhaseStyle] = {
    "prepare_data": PhaseStyle(label="prepare data", short="data", colour="#F0E442"),
    "prepare_model": PhaseStyle(label="prepare model", short="model", colour="#009E73"),
    "inference": PhaseStyle(label="inference", short="infer", colour="#56B4E9"),
    "proxy_scoring": PhaseStyle(label="proxy scoring", short="score", colour="#004C7A"),
    "plan": PhaseStyle(label="plan", short="plan", colour="#E69F00", hatch="////"),
    "cache": PhaseStyle(label="cache", short="cache", colour="#CC79A7", hatch="\\\\\\\\"),
    "compile": PhaseStyle(label="compile", short="comp.", colour="#D55E00", hatch="...."),
    "tune": PhaseStyle(label="tune", short="tune", colour="#F7F7F7", hatch="xxxx"),
    "other": PhaseStyle(label="other", short="other", colour="#EDEDED"),
}
"""All phases in their fixed order; ``other`` is wall time that no phase accounts for."""

PAPER_PHASES = ("prepare_data", "prepare_model", "inference", "proxy_scoring")
"""The four that every breakdown of the paper shows."""

STATUS_LABELS = {
    "failed": "failed",
    "timeout": "timeout",
    "out_of_memory": "out of memory",
    "crashed": "crashed",
    "invalid": "invalid",
    "skipped": "skipped",
    "interrupted": "interrupted",
    "missing": "not run",
}

_TITLE_PARAMETERS = (
    "dataset", "path", "architecture", "distribution", "models", "items", "resolution",
    "sequence_length", "device",
)  # fmt: skip
"""What a search's title always says, in this order (where it applies)."""

_COUNTED = {
    "models": "{} models",
    "items": "{} items",
    "resolution": "{} px",
    "sequence_length": "{} tokens",
    "threads": "{} threads",
    "batch_size": "batches of {}",
    "model_seed": "model seed {}",
    "data_seed": "data seed {}",
    "data_workers": "{} data workers",
    "scorer": "scorer {}",
    "part_input": "{} inputs",
    "head_classes": "heads of {} outputs",
    "warm_up": "{} batches to warm up",
}


def architecture(value: object) -> str:
    """The published names of a search's architectures; an unknown one as it is.

    ``ResNet-18 + ViT-Ti-16``, or ``ResNet-18 (64 px) + ViT-Ti-16 (96 px)``.
    """
    named = []
    for part in str(value).split("+"):
        name, at, pixels = part.partition("@")
        named.append(_ARCHITECTURES.get(name, name) + (f" ({pixels} px)" if at else ""))
    return " + ".join(named)


def distribution(name: object) -> str:
    """A distribution as the paper writes it; an unknown one as it is."""
    return _DISTRIBUTIONS.get(str(name), str(name))


def parameter(name: str, value: object) -> str | None:
    """One parameter as part of a title; None if there is nothing to say.

    Unknown parameters are written ``name value``.
    """
    if value is None:
        return None
    match name:
        case "architecture":
            return architecture(value)
        case "distribution":
            return distribution(value)
        case "part":
            return _PARTS.get(str(value), str(value))
        case "path":
            return PurePath(str(value)).name
        case "dataset" | "device" | "scenario" | "host_class":
            return str(value)
        case "scale":
            return f"scale {value}"
    words = name.replace("_", " ")
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if name in _COUNTED:
        counted = _COUNTED[name].format(value)
        return counted.removesuffix("s") if value == 1 else counted
    if name in PARAMETERS and isinstance(value, (str, int, float)):
        return f"{words} {PARAMETERS[name].text(value)}"
    text = value if isinstance(value, (str, int, float)) else json.dumps(value, sort_keys=True)
    return f"{words} {text}"


def title_parts(
    specs: Sequence[Mapping[str, object]],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """What all searches have in common, and what is particular to each, as words.

    The parameters of a title are always named; others only where the searches differ.
    """
    names = list(_TITLE_PARAMETERS)
    names += sorted({name for spec in specs for name in spec} - set(names))
    differs = {name for name in names if len({repr(spec.get(name)) for spec in specs}) > 1}
    common = [
        parameter(name, specs[0].get(name)) for name in _TITLE_PARAMETERS if name not in differs
    ]
    particular = [
        tuple(
            text for name in names if name in differs and (text := parameter(name, spec.get(name)))
        )
        for spec in specs
    ]
    return tuple(text for text in common if text), particular


def search_title(spec: Mapping[str, object], differing: Sequence[str] = ()) -> str:
    """One search in one line: its title parameters, then the ``differing`` other ones."""
    names = [*_TITLE_PARAMETERS, *(name for name in differing if name not in _TITLE_PARAMETERS)]
    return " · ".join(text for name in names if (text := parameter(name, spec.get(name))))


def seconds(value: float | None) -> str:
    """A time to three digits: ``0.042 s``, ``12.3 s``, ``95.0 min``, ``12.5 h``."""
    if value is None:
        return UNKNOWN
    if value >= 36_000:
        return f"{value / 3600:.1f} h"
    if value >= 600:
        return f"{value / 60:.1f} min"
    return f"{_three_digits(value)} s"


def ratio(value: float | None) -> str:
    """A factor to three digits: ``4.41×``."""
    return UNKNOWN if value is None else f"{_three_digits(value)}×"


def interval(low: float | None, high: float | None) -> str:
    """A confidence interval of factors: ``4.20–4.63``; empty if there is none."""
    if low is None or high is None:
        return ""
    return f"{_three_digits(low)}–{_three_digits(high)}"


def percent(share: float | None) -> str:
    """A share as whole percent; what is there but rounds to nothing is ``<1%``."""
    if share is None:
        return UNKNOWN
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def size(value: float | None) -> str:
    """Bytes in SI units to three digits: ``535 MB``."""
    if value is None:
        return UNKNOWN
    scaled = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if scaled < 999.5:
            return f"{scaled:.0f} B" if unit == "B" else f"{_three_digits(scaled)} {unit}"
        scaled /= 1000
    return f"{_three_digits(scaled)} TB"


def rounds(count: int) -> str:
    """``1 round``, ``3 rounds``."""
    return f"{count} round" if count == 1 else f"{count} rounds"


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    if value >= 99.95:
        return f"{value:.0f}"
    if value >= 9.995:
        return f"{value:.1f}"
    if value >= 0.0995:
        return f"{value:.2f}"
    return f"{value:.3f}"
