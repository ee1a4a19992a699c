"""What a cell over checkpoints may ask for, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.inputs import files_fingerprint, model_groups
from harness.resolving import SpecError
from harness.spec import RunSpec
from scenarios.matrix import Cell
from systems.data.transform import Transform
from systems.errors import ConfigurationError
from systems.models.architectures import Architecture
from systems.store.stored import StoredModel

BASICS = {"system": "alsatian", "architecture": "hf_vit", "model_set": "snapshots"}


def spec_of(folder: Path, **parameters: object) -> RunSpec:
    return RunSpec.from_cell(Cell(parameters={**BASICS, **parameters}), folder=folder)  # type: ignore[dict-item]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Two ViT and a ResNet, as far as anybody can tell without reading weights."""
    for name, kind in (("a", "vit"), ("b", "vit"), ("c", "resnet"), ("d", "swin")):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "config.json").write_text(json.dumps({"model_type": kind}))
    return tmp_path / "models"


def test_no_more_models_are_claimed_than_there_are(models: Path) -> None:
    spec = spec_of(models.parent, models_path="models", models=35)
    assert (spec.models, spec.models_path) == (2, str(models))
    assert (spec.distribution, spec.resolution) == (None, None)
    assert "up to 2 × hf_vit" in spec.summary
    both = spec_of(models.parent, models_path="models", architecture="hf_vit+hf_resnet")
    assert (both.models, both.architecture) == (3, "hf_vit+hf_resnet")
    assert spec_of(models.parent, models_path="generated", models=5).models == 5


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"models_path": None}, "'models_path' is missing"),
        ({"models_path": "modles"}, "Did you mean 'models'"),
        ({"architecture": "hf_bert", "dataset": "docstrings"}, "None of the 4 checkpoints"),
        ({"architecture": "resnet18"}, "'resnet18' is none.*Did you mean"),
        ({"architecture": "hf_vit@64"}, "takes no resolution of its own"),
        ({"architecture": "hf_vit+hf_bert"}, "must read the same data"),
        ({"weights": "hub"}, "weights of their own"),
        ({"fold_batch_norm": True}, "folding is not offered"),
        ({"part": "last_3"}, "parts are not offered"),
        ({"batch_size": "auto"}, "give a number"),
        ({"resolution": 5000}, "at most 4096 px"),
    ],
)
def test_what_does_not_go_with_checkpoints_is_refused(
    models: Path, parameters: dict[str, object], said: str
) -> None:
    with pytest.raises(SpecError, match=said):
        spec_of(models.parent, **{"models_path": "models", **parameters})


def test_a_family_needs_its_model_set(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="model_set: snapshots"):
        spec_of(tmp_path, model_set="synthetic", distribution="top_50")


def test_changed_checkpoints_make_another_run(models: Path) -> None:
    listed = models.parent / "models.txt"
    listed.write_text("models/a\norg/name\n")
    keys = []
    for text in ('{"model_type": "vit"}', '{"model_type":  "vit"}'):
        (models / "a" / "config.json").write_text(text)
        for path in (models, listed):
            files_fingerprint.__globals__["_fingerprint"].cache_clear()
            keys.append(files_fingerprint({**NO_FILES, "models_path": str(path)}))
    assert len(set(keys)) == 4


NO_FILES = {"path": None, "vocabulary": None, "weights": None, "tasks": None}


def stored(name: str, width: int, *, resolution: int, mean: float) -> StoredModel:
    entry = {
        "name": f"hf_vit:{width}", "label": "ViT", "family": "vision_transformer",
        "modality": "image", "block_count": 1, "parameter_count": 1, "feature_size": width,
        "minimum_resolution": 8, "patch_size": 8, "snapshot_family": "hf_vit",
        "configuration": "{}",
    }  # fmt: skip
    metadata = {
        "architecture": entry, "resolution": resolution, "mean": [mean] * 3,
        "deviation": [0.5] * 3,
    }  # fmt: skip
    return StoredModel(id=name, architecture=f"hf_vit:{width}", blocks=(), metadata=metadata)


def test_models_that_want_the_same_inputs_are_a_group() -> None:
    models = [
        stored("a", 32, resolution=32, mean=0.5),
        stored("b", 32, resolution=32, mean=0.5),
        stored("c", 32, resolution=48, mean=0.5),
        stored("d", 64, resolution=48, mean=0.4),
    ]
    spec = {"model_set": "snapshots", "resolution": None, "sequence_length": None}

    groups = model_groups(spec, models)

    assert [(group.architecture, group.models) for group in groups] == [
        ("hf_vit:32", 2), ("hf_vit:32", 1), ("hf_vit:64", 1),
    ]  # fmt: skip
    halves = (0.5, 0.5, 0.5)
    assert groups[0].transform == Transform(resolution=32, mean=halves, deviation=halves)
    assert groups[0].shape.id == "hf_vit:32"  # its parameters fit any resolution
    at_64 = model_groups({**spec, "resolution": 64}, models)
    assert [(group.models, group.transform.resolution) for group in at_64] == [(3, 64), (1, 64)]
    with pytest.raises(ConfigurationError, match="known only when they have been imported"):
        model_groups(spec)


def test_architecture_of_a_stored_model_is_known_afterwards() -> None:
    model_groups(
        {"model_set": "snapshots", "resolution": None, "sequence_length": None},
        [stored("a", 99, resolution=32, mean=0.5)],
    )
    from systems.models.architectures import architecture

    assert isinstance(architecture("hf_vit:99"), Architecture)
