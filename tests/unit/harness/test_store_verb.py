"""``alsatian-bench store``: the verb itself, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from harness.verbs.store import list_, overlap, verify
from systems.errors import ConfigurationError, StoreError
from systems.models.checkpoints.finding import find_checkpoints
from systems.models.checkpoints.importing import InputSize, import_checkpoints
from systems.store.store import BlockStore
from tests.checkpoints import save, small_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ViT of one origin, a ResNet, and one that is broken."""
    folder = tmp_path_factory.mktemp("models")
    save(small_model("hf_vit"), folder / "vit")
    tuned = small_model("hf_vit")
    tuned.vit.layernorm.weight.data += 1
    save(tuned, folder / "vit-tuned")
    save(small_model("hf_resnet"), folder / "resnet")
    save(small_model("hf_vit"), folder / "broken")
    (folder / "broken" / "model.safetensors").write_bytes(b"nothing")
    return folder


@pytest.mark.parametrize("is_imported", [False, True])
def test_overlap_of_a_folder(
    is_imported: bool, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same, whether the store knows the checkpoints or they are hashed for it."""
    cache = tmp_path / "cache"
    if is_imported:
        with BlockStore.open(cache / "store") as store:
            import_checkpoints(
                find_checkpoints(models), families=("hf_vit", "hf_resnet"), most=9,
                size=InputSize(resolution=32), store=store,
            )  # fmt: skip

    overlap([str(models)], output=tmp_path / "out", cache=cache)

    assert (cache / "store").exists() == is_imported  # nothing is stored for it
    content = json.loads((tmp_path / "out" / "overlap.json").read_text())
    by_family = {row["family"]: row for row in content["families"]}
    vit = by_family["hf_vit"]
    assert (vit["models"], vit["blocks"], vit["unique_blocks"]) == (2, 8, 5)
    assert (vit["mean_prefix"], by_family["all"]["unique_blocks"]) == (3.0, 9)
    assert 0 < vit["saved_bytes"] == vit["bytes"] - vit["unique_bytes"]
    assert (tmp_path / "out" / "overlap.png").stat().st_size > 0
    told = capsys.readouterr()
    assert "1 checkpoints were skipped" in told.out
    assert str(models / "broken" / "model.safetensors") in told.err.replace("\n", "")


def test_nothing_to_compare_is_a_sentence(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Not one of the 1 checkpoints"):
        overlap([str(models / "broken")], output=tmp_path, cache=tmp_path)
    with pytest.raises(StoreError, match="There is no block store"):
        list_(cache=tmp_path)


def test_a_changed_bit_in_the_store_is_found(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with BlockStore.open(tmp_path / "store") as store:
        import_checkpoints(
            find_checkpoints(models), families=("hf_vit",), most=1,
            size=InputSize(resolution=32), store=store,
        )  # fmt: skip
    verify(cache=tmp_path)
    assert "0 problems" in capsys.readouterr().out
    block = next((tmp_path / "store" / "blocks").rglob("*.safetensors"))
    content = bytearray(block.read_bytes())
    content[-1] ^= 1
    block.write_bytes(content)
    with pytest.raises(typer.Exit) as ended:
        verify(cache=tmp_path)
    assert ended.value.exit_code == 3
    assert "problem:" in capsys.readouterr().out
