import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from systems.errors import ConfigurationError
from systems.models.build import ModelShape, build_plain
from systems.models.weights import load_weights
from tests.unit.models.conftest import small_shape

RESNET = ModelShape(architecture="resnet18")
BERT = ModelShape(architecture="bert_tiny")


def built(shape, seed):
    torch.manual_seed(seed)
    return build_plain(shape)


@pytest.mark.parametrize("name", ["resnet18", "vit_ti_16", "bert_tiny"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_saved_state_dict_is_loaded_but_for_the_classifier(name, suffix, tmp_path):
    shape = small_shape(name)
    saved, plain = built(shape, 1), built(shape, 2)
    file = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(saved.state_dict(), file)
    else:
        save_file(saved.state_dict(), file)
    load_weights(shape, plain, str(file))
    classifiers = ("fc.", "heads.", "pooler.")
    for key, tensor in plain.state_dict().items():
        if not key.startswith(classifiers):
            assert torch.equal(tensor, saved.state_dict()[key]), key


def test_a_fine_tuned_checkpoint_of_another_task_fits(tmp_path):
    # Wrapped by a training script, from several devices, with ten classes, in half precision.
    saved = built(RESNET, 1).half().state_dict()
    saved["fc.weight"], saved["fc.bias"] = torch.zeros(10, 512), torch.zeros(10)
    wrapped = {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in saved.items()}}
    torch.save(wrapped, tmp_path / "tuned.pt")
    plain = built(RESNET, 2)
    load_weights(RESNET, plain, str(tmp_path / "tuned.pt"))
    assert torch.equal(plain.layer1[0].conv1.weight, saved["layer1.0.conv1.weight"].float())
    assert plain.fc.weight.shape == (1000, 512)


def test_names_of_older_published_files_are_understood(tmp_path):
    saved = built(BERT, 1).state_dict()
    old = {
        "bert."
        + key.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for key, tensor in saved.items()
    }
    old["cls.predictions.bias"] = torch.zeros(5)
    save_file(old, tmp_path / "old.safetensors")
    plain = built(BERT, 2)
    load_weights(BERT, plain, str(tmp_path / "old.safetensors"))
    key = "encoder.layer.0.output.LayerNorm.weight"
    assert torch.equal(plain.state_dict()[key], saved[key])


def test_files_without_batch_counters_fit(tmp_path):
    saved = built(RESNET, 1).state_dict()
    old = {key: t for key, t in saved.items() if not key.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth")
    load_weights(RESNET, built(RESNET, 2), str(tmp_path / "old.pth"))


def test_position_embeddings_of_another_resolution_are_interpolated(tmp_path):
    large = ModelShape(architecture="vit_ti_16", resolution=64)
    small = ModelShape(architecture="vit_ti_16", resolution=32)
    saved = built(large, 1)
    torch.save(saved.state_dict(), tmp_path / "large.pth")
    plain = built(small, 2)
    load_weights(small, plain, str(tmp_path / "large.pth"))
    embedding = plain.encoder.pos_embedding
    assert embedding.shape == (1, 5, 192)
    assert torch.equal(embedding[:, 0], saved.encoder.pos_embedding[:, 0])  # class token


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_code_in_a_checkpoint_is_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"fc.weight": Malicious()}, "bad.pth")
    with pytest.raises(ConfigurationError, match="holds more than tensors"):
        load_weights(RESNET, built(RESNET, 1), "bad.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("file_name", "content", "message"),
    [
        ("missing.pth", None, "cannot be read"),
        ("missing.safetensors", None, "cannot be read"),
        ("empty.pth", b"", "cannot be read|holds more than tensors"),
        ("damaged.safetensors", b"\x08\0\0\0\0\0\0\0nonsense", "cannot be read"),
        ("weights.h5", b"", "ends in '.h5'"),
    ],
)
def test_files_that_cannot_be_read_are_refused(file_name, content, message, tmp_path):
    if content is not None:
        (tmp_path / file_name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=message):
        load_weights(RESNET, built(RESNET, 1), str(tmp_path / file_name))


def test_weights_of_another_architecture_are_refused(tmp_path):
    file = tmp_path / "resnet34.pth"
    torch.save(built(ModelShape(architecture="resnet34"), 1).state_dict(), file)
    with pytest.raises(ConfigurationError, match="do not belong to it"):
        load_weights(RESNET, built(RESNET, 2), str(file))
    torch.save(built(RESNET, 1).state_dict(), file)
    with pytest.raises(ConfigurationError, match="are missing"):
        load_weights(
            ModelShape(architecture="resnet34"),
            built(ModelShape(architecture="resnet34"), 2),
            str(file),
        )
    torch.save({**built(RESNET, 1).state_dict(), "bn1.bias": torch.zeros(3)}, file)
    with pytest.raises(ConfigurationError, match=r"'bn1.bias' has the shape \(3,\)"):
        load_weights(RESNET, built(RESNET, 2), str(file))


def test_architectures_that_nobody_publishes_are_refused():
    shape = small_shape("vit_ti_16")
    with pytest.raises(ConfigurationError, match="Nobody publishes"):
        load_weights(shape, built(shape, 1), "hub")


def test_an_unreachable_hub_is_said_so_for_images(monkeypatch, tmp_path):
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"ResNet18_Weights.* cannot be had"):
        load_weights(RESNET, built(RESNET, 1), "hub")


def test_an_unreachable_hub_is_said_so_for_text(tmp_path):
    # In a process of its own: the hub's client reads its settings when it is imported.
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from systems.models.build import ModelShape, build_plain\n"
            "from systems.models.weights import load_weights\n"
            "shape = ModelShape(architecture='bert_tiny')\n"
            "load_weights(shape, build_plain(shape), 'hub')",
        ],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "ConfigurationError: The published weights google/bert" in done.stderr
