"""What runs share, and what makes a run another one."""

from __future__ import annotations

import os
from pathlib import Path

from harness import inputs
from harness.inputs import dataset_spec, files_fingerprint, model_groups, preparation_key
from systems.data.transform import Transform
from tests.searching import DEFAULTS, TEXT


def test_systems_share_what_is_prepared() -> None:
    assert preparation_key({**DEFAULTS, "batch_size": 1}) == preparation_key(DEFAULTS)
    assert preparation_key({**DEFAULTS, "model_seed": 1}) != preparation_key(DEFAULTS)


def test_one_architecture_has_all_models() -> None:
    (group,) = model_groups(DEFAULTS)
    assert (group.architecture, group.models) == ("resnet18", DEFAULTS["models"])
    assert group.transform == Transform(resolution=32)
    assert dataset_spec(DEFAULTS).resolution == 32


def test_several_architectures_share_the_models_evenly_each_with_its_inputs() -> None:
    spec = {
        **DEFAULTS, "architecture": "resnet18@64+vit_ti_16@96+resnet34@64", "resolution": None,
        "models": 35,
    }  # fmt: skip
    groups = model_groups(spec)
    assert [group.models for group in groups] == [12, 12, 11]
    assert [group.transform.resolution for group in groups] == [64, 96, 64]
    assert groups[0].transform == groups[2].transform
    assert [group.shape.id for group in groups] == ["resnet18", "vit_ti_16@96", "resnet34"]
    assert dataset_spec(spec).resolution == 96


def test_text_models_have_the_padding_of_their_architecture() -> None:
    spec = {**DEFAULTS, **TEXT, "architecture": "bert_tiny+roberta"}
    assert [group.transform for group in model_groups(spec)] == [
        Transform(sequence_length=24, padding_id=0),
        Transform(sequence_length=24, padding_id=1),
    ]
    assert dataset_spec(spec).resolution is None


def test_changed_files_make_another_run(tmp_path: Path) -> None:
    file = tmp_path / "class" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"abc")
    os.utime(file, ns=(1, 1))
    spec = {**DEFAULTS, "path": str(tmp_path)}
    before = files_fingerprint(spec)
    assert files_fingerprint(spec) == before
    file.write_bytes(b"abd")
    os.utime(file, ns=(2, 2))
    inputs._fingerprint.cache_clear()  # as a new command would begin
    changed = files_fingerprint(spec)
    assert changed != before
    (tmp_path / "class" / "b.png").write_bytes(b"")
    inputs._fingerprint.cache_clear()
    assert files_fingerprint(spec) not in (before, changed)
    assert files_fingerprint(DEFAULTS) == files_fingerprint({**DEFAULTS, "path": None})
