"""Checkpoints brought into the store: shared blocks once, what is broken passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from systems.errors import ConfigurationError
from systems.models.architectures import architecture
from systems.models.checkpoints.finding import find_checkpoints
from systems.models.checkpoints.generated import generate_checkpoints
from systems.models.checkpoints.importing import ImportedSet, InputSize, import_checkpoints
from systems.store.store import BlockStore
from tests.checkpoints import save, small_model


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlockStore]:
    with BlockStore.open(tmp_path / "store") as opened:
        yield opened


def bring(source: Path, store: BlockStore, **changes: object) -> ImportedSet:
    arguments = {
        "families": ("hf_vit", "hf_resnet"), "most": 10, "size": InputSize(resolution=32),
        **changes,
    }  # fmt: skip
    return import_checkpoints(find_checkpoints(source), store=store, **arguments)


def fine_tuned(folder: Path, *, last_layers: int = 1) -> Path:
    """The checkpoint of seed 0 with its last layers anew."""
    model, other = small_model("hf_vit"), small_model("hf_vit", seed=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            layer = [part for part in name.split(".") if part.isdecimal()]
            if layer and int(layer[0]) >= 3 - last_layers:
                parameter.copy_(other.get_parameter(name))
    return save(model, folder)


def test_fine_tuned_checkpoints_share_what_was_left_as_it_was(
    tmp_path: Path, store: BlockStore
) -> None:
    root = tmp_path / "models"
    save(small_model("hf_vit"), root / "base")
    fine_tuned(root / "org" / "tuned", last_layers=2)

    imported = bring(root, store)

    base, tuned = (store.model(model_id) for model_id in imported.model_ids)
    assert base.id.startswith("base-")
    assert tuned.id.startswith("org--tuned-")
    same = [one.hash == other.hash for one, other in zip(base.blocks, tuned.blocks, strict=True)]
    assert same == [True, True, False, False]
    assert store.sizes().blocks == 6


def test_models_alike_stand_together_in_the_order_of_their_names(
    tmp_path: Path, store: BlockStore
) -> None:
    root = tmp_path / "models"
    for name, family in (("a", "hf_vit"), ("b", "hf_resnet"), ("c", "hf_vit"), ("d", "hf_vit")):
        save(small_model(family, seed=ord(name)), root / name)

    names = [model_id.partition("-")[0] for model_id in bring(root, store, most=3).model_ids]

    assert sorted(names) == ["a", "b", "c"]  # the first three, and no more
    assert names in (["a", "c", "b"], ["b", "a", "c"])


def test_an_import_goes_on_where_it_was_and_reads_nothing_twice(
    tmp_path: Path, store: BlockStore
) -> None:
    root = tmp_path / "models"
    save(small_model("hf_vit"), root / "a")
    save(small_model("hf_vit", seed=1), root / "b")
    first = bring(root, store, most=1)
    assert (first.new_models, first.new_bytes > 0) == (1, True)

    again = bring(root, store)
    assert again.new_models == 1
    assert again.model_ids[0] == first.model_ids[0]
    assert bring(root, store).new_models == 0
    # Other bytes under the same size and time of change are not looked at; a new time is.
    weights = root / "a" / "model.safetensors"
    changed = weights.stat()
    weights.write_bytes(bytes(changed.st_size))
    os.utime(weights, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    assert bring(root, store).model_ids == again.model_ids
    os.utime(weights, ns=(1, 1))
    assert [each.checkpoint for each in bring(root, store).skipped] == ["a"]


def test_broken_checkpoints_are_skipped_with_the_reason(tmp_path: Path, store: BlockStore) -> None:
    root = tmp_path / "models"
    save(small_model("hf_vit"), root / "good")
    save(small_model("hf_vit"), root / "cut")
    (root / "cut" / "model.safetensors").write_bytes(b"no tensors")
    save(small_model("hf_vit"), root / "nameless")
    (root / "nameless" / "config.json").unlink()
    save(small_model("hf_bert"), root / "text")

    imported = bring(root, store)

    assert len(imported.model_ids) == 1
    assert imported.other_families == 1
    reasons = {each.checkpoint: each.reason for each in imported.skipped}
    assert reasons.keys() == {"cut", "nameless"}
    assert str(root / "cut" / "model.safetensors") in reasons["cut"]
    assert str(root / "nameless" / "config.json") in reasons["nameless"]


def test_none_loadable_is_an_error_that_says_why(tmp_path: Path, store: BlockStore) -> None:
    save(small_model("hf_vit"), tmp_path / "models" / "a")

    with pytest.raises(ConfigurationError, match="a multiple of the patch size, 8"):
        bring(tmp_path / "models", store, size=InputSize(resolution=50))
    with pytest.raises(ConfigurationError, match=r"None of the 1 checkpoints is of hf_bert"):
        bring(tmp_path / "models", store, families=("hf_bert",))
    with pytest.raises(ConfigurationError, match="There are no checkpoints"):
        bring(tmp_path, store) if (tmp_path / "models" / "a").rename(tmp_path / ".a") else None


def test_a_list_names_folders_and_ids_on_the_hub(
    tmp_path: Path, store: BlockStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, an id is found in the hub's own cache, or skipped."""
    save(small_model("hf_vit"), tmp_path / "mine" / "a")
    kept = tmp_path / "hub" / "models--org--known"
    commit = "0" * 40
    save(small_model("hf_vit", seed=1), kept / "snapshots" / commit)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(commit)
    listed = tmp_path / "models.txt"
    listed.write_text("# mine\nmine/a  # the first\n\norg/known\norg/unknown\nmine/gone/far\n")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    imported = bring(listed, store)

    stems = sorted(model_id.rpartition("-")[0] for model_id in imported.model_ids)
    assert stems == ["mine--a", "org--known"]
    assert [each.checkpoint for each in imported.skipped] == ["org/unknown", "mine/gone/far"]
    assert "neither be downloaded" in imported.skipped[0].reason


def test_a_preprocessor_says_size_and_colours(tmp_path: Path, store: BlockStore) -> None:
    for name, text in (
        ("own", '{"size": {"height": 48, "width": 48}, "image_mean": [0.1, 0.2, 0.3]}'),
        ("cropped", '{"size": 99, "crop_size": 40, "do_center_crop": true}'),
        ("plain", '{"do_normalize": false}'),
        ("wrong", '{"image_std": [0, 0, 0]}'),
    ):
        folder = save(small_model("hf_vit"), tmp_path / "models" / name)
        (folder / "preprocessor_config.json").write_text(text)

    imported = bring(tmp_path / "models", store, size=InputSize())

    kept = {i.rpartition("-")[0]: store.model(i).metadata for i in imported.model_ids}
    assert kept["own"]["resolution"] == 48
    assert kept["own"]["mean"] == [0.1, 0.2, 0.3]
    assert kept["cropped"]["resolution"] == 40
    assert (kept["plain"]["mean"], kept["plain"]["deviation"]) == ([0.0] * 3, [1.0] * 3)
    assert kept["plain"]["resolution"] == 32  # the configuration's
    assert "image_std of 0" in imported.skipped[0].reason


def test_generated_families_descend_from_one_model_each(tmp_path: Path, store: BlockStore) -> None:
    families = ("hf_vit", "hf_detr")
    made = generate_checkpoints(tmp_path, families, models=5)
    longer = generate_checkpoints(tmp_path, families, models=6)

    assert [each.name for each in made] == [
        "hf_vit-000", "hf_vit-001", "hf_vit-002", "hf_detr-000", "hf_detr-001",
    ]  # fmt: skip
    assert set(made) < set(longer)
    imported = import_checkpoints(
        longer, families=families, most=6, size=InputSize(resolution=32), store=store
    )
    assert not imported.skipped
    for family in families:
        models = [store.model(i) for i in imported.model_ids if i.startswith(f"{family}-0")]
        assert len({model.blocks for model in models}) == 3
        assert len({model.blocks[0] for model in models}) == 1  # Top 25%: the stem is shared
        assert architecture(models[0].architecture).block_count == len(models[0].blocks)
