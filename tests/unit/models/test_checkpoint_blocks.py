"""Checkpoints as blocks: they compute what the library's own model computes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file

from systems.models.build import ModelShape, block_architectures
from systems.models.checkpoints.blocks import checkpoint_blocks, describe, load_plain
from systems.models.checkpoints.detection import renamed
from systems.models.checkpoints.finding import CheckpointError
from systems.models.profile import profile_model
from systems.models.skeleton import SkeletonPool
from tests.checkpoints import MODELS, save, small_model

FAMILIES = list(MODELS)


def inputs(family: str, pixels: int = 32) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    if family not in ("hf_bert", "hf_roberta"):
        images = torch.randn(3, 3, pixels, pixels, generator=generator)
        return (images.to(memory_format=torch.channels_last),)
    ids = torch.randint(5, 200, (3, 12), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    ids[1, 7:] = 1 if family == "hf_roberta" else 0
    return ids, mask


def own_features(family: str, model: torch.nn.Module, *given: torch.Tensor) -> torch.Tensor:
    """Features by the forward of the model that was saved, head and all left aside."""
    with torch.inference_mode():
        if family == "hf_vit":
            return model.vit(given[0], interpolate_pos_encoding=True).last_hidden_state[:, 0]
        if family == "hf_dinov2":
            return model.dinov2(given[0]).last_hidden_state[:, 0]
        if family == "hf_resnet":
            return model.resnet(given[0]).pooler_output.flatten(1)
        if family in ("hf_detr", "hf_conditional_detr"):
            return model.model(given[0]).encoder_last_hidden_state.mean(1)
        encoder = model.bert if family == "hf_bert" else model.roberta
        return encoder(input_ids=given[0], attention_mask=given[1]).last_hidden_state[:, 0]


def run_blocks(folder: Path, *given: torch.Tensor) -> torch.Tensor:
    """Features by skeletons that the checkpoint's blocks are bound to."""
    entry = describe(folder).entry
    pool = SkeletonPool()
    x, *side = given
    for content in checkpoint_blocks(folder, entry):
        skeleton = pool.skeleton(content.architecture)
        x = skeleton.bind(dict(content.tensors), memory_format=torch.channels_last)(x, *side)
    return x


@pytest.mark.parametrize("family", FAMILIES)
def test_blocks_give_the_same_bits_as_the_saved_model(family: str, tmp_path: Path) -> None:
    model = small_model(family)
    folder = save(model, tmp_path / "checkpoint")
    model = model.to(memory_format=torch.channels_last)

    given = inputs(family)
    assert torch.equal(run_blocks(folder, *given), own_features(family, model, *given))


@pytest.mark.parametrize("family", ["hf_vit", "hf_dinov2"])
def test_position_embeddings_are_interpolated_for_another_resolution(
    family: str, tmp_path: Path
) -> None:
    model = small_model(family)
    folder = save(model, tmp_path / "checkpoint")
    model = model.to(memory_format=torch.channels_last)

    given = inputs(family, pixels=48)
    assert torch.equal(run_blocks(folder, *given), own_features(family, model, *given))


@pytest.mark.parametrize("family", FAMILIES)
def test_profiles_say_what_runs_give(family: str, tmp_path: Path) -> None:
    folder = save(small_model(family), tmp_path / "checkpoint")
    shape = ModelShape(architecture=describe(folder).entry.name)
    is_text = family in ("hf_bert", "hf_roberta")

    profiles = profile_model(
        shape, resolution=None if is_text else 32, sequence_length=12 if is_text else None
    )

    assert len(profiles) == len(block_architectures(shape))
    given = inputs(family)
    assert profiles[-1].output_shape == tuple(run_blocks(folder, *given).shape[1:])
    assert all(profile.operations > 0 for profile in profiles[1:])  # looking up tokens is none


def test_checkpoints_of_one_configuration_are_one_architecture(tmp_path: Path) -> None:
    entries = []
    for name, labels in (("a", 2), ("b", 7)):
        model = small_model("hf_vit", seed=labels)
        model.config.num_labels = labels
        entries.append(describe(save(model, tmp_path / name)).entry)

    assert entries[0] == entries[1]


@pytest.mark.parametrize("kept", ["sharded", "pickled", "half"])
def test_every_way_of_saving_gives_the_same_blocks(kept: str, tmp_path: Path) -> None:
    model = small_model("hf_vit")
    whole = save(model, tmp_path / "whole")
    other = tmp_path / kept
    if kept == "sharded":
        save(model, other, max_shard_size="20KB")
        assert len(list(other.glob("*.safetensors"))) > 1
    elif kept == "pickled":
        save(model, other)
        tensors = load_file(other / "model.safetensors")
        (other / "model.safetensors").unlink()
        torch.save(tensors, other / "pytorch_model.bin")
    else:  # as exact as the file's own numbers
        save(small_model("hf_vit").half(), other)
        save(small_model("hf_vit").half().float(), whole)

    entry = describe(whole).entry
    for one, same in zip(
        checkpoint_blocks(whole, entry), checkpoint_blocks(other, entry), strict=True
    ):
        assert one.tensors.keys() == same.tensors.keys()
        assert all(torch.equal(one.tensors[name], same.tensors[name]) for name in one.tensors)


def test_a_backbone_of_timm_is_read_under_its_own_names(tmp_path: Path) -> None:
    """timm's ResNet has the layers and names of torchvision's."""
    torch.manual_seed(0)
    backbone = torchvision.models.resnet18().eval()
    model = small_model("hf_detr")
    config = json.loads(model.config.to_json_string()) | {
        "use_timm_backbone": True, "backbone": "resnet18", "backbone_config": None,
    }  # fmt: skip
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    rest = {n: t for n, t in model.state_dict().items() if ".backbone." not in n}
    rest["model.input_projection.weight"] = torch.randn(32, 512, 1, 1)
    prefix = "model.backbone.conv_encoder.model."
    own = {
        prefix + name: tensor
        for name, tensor in backbone.state_dict().items()
        if not name.startswith("fc.")
    }
    save_file({**rest, **own}, folder / "model.safetensors")

    plain = load_plain(folder, describe(folder).entry)

    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        backbone.avgpool = backbone.fc = torch.nn.Identity()
        expected = backbone(images).reshape(2, 512, 2, 2)
        (found,) = plain.backbone.model(images).feature_maps
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert renamed("model.encoder.layers.0.fc1.weight") == "model.encoder.layers.0.fc1.weight"


class Bomb:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)


def test_code_in_a_pickled_checkpoint_is_not_run(tmp_path: Path) -> None:
    folder = save(small_model("hf_vit"), tmp_path / "checkpoint")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"x": Bomb(tmp_path / "ran")}))

    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin"):
        load_plain(folder, describe(folder).entry)
    assert not (tmp_path / "ran").exists()


def cut_off(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def change_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    path = folder / "model.safetensors"
    tensors = {name: t.clone() for name, t in load_file(path).items()} | changes
    save_file({n: t for n, t in tensors.items() if t is not None}, path, {"format": "pt"})


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


LAST_NORM = "vit.layernorm.weight"


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (cut_off, r"model\.safetensors cannot be read"),
        (lambda f: change_weights(f, **{LAST_NORM: None}), r"1 tensors are missing.*layernorm"),
        (
            lambda f: change_weights(f, **{LAST_NORM: torch.ones(31)}),
            r"shape \(31,\) instead of \(32,\)",
        ),
        (
            lambda f: change_weights(f, **{LAST_NORM: torch.full((32,), torch.nan)}),
            "not finite",
        ),
        (lambda f: change_config(f, num_hidden_layers=2), "belong to no block"),
        (lambda f: change_config(f, num_hidden_layers=4), "missing|fewer numbers"),
        (lambda f: change_config(f, hidden_size=2**19), "fewer numbers"),
        (lambda f: change_config(f, num_hidden_layers=10**9), "num_hidden_layers is"),
        (lambda f: change_config(f, hidden_size="32"), "config.json"),
        (lambda f: change_config(f, hidden_act="os.system"), "config.json"),
        (lambda f: change_config(f, model_type="swin"), "its model_type is 'swin'"),
        (lambda f: (f / "config.json").write_text("{"), "is no JSON"),
        (lambda f: (f / "model.safetensors").unlink(), "has no weights"),
    ],
)
def test_what_cannot_be_used_says_why_and_names_the_file(
    break_it: object, said: str, tmp_path: Path
) -> None:
    folder = save(small_model("hf_vit"), tmp_path / "broken")
    break_it(folder)  # type: ignore[operator]

    with pytest.raises(CheckpointError, match=said) as caught:
        checkpoint_blocks(folder, describe(folder).entry)
    assert str(folder) in str(caught.value)


def test_an_index_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder = save(small_model("hf_vit"), tmp_path / "checkpoint")
    (folder / "model.safetensors").rename(tmp_path / "model-00001-of-00001.safetensors")
    index = {"weight_map": {"x": "../model-00001-of-00001.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(CheckpointError, match="no part beside it"):
        load_plain(folder, describe(folder).entry)
