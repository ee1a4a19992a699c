import pytest
import torch

from systems.errors import ConfigurationError
from systems.models.architectures import architecture
from systems.models.build import ModelShape, split
from systems.models.profile import OperatorMeter, profile_model
from tests.unit.models.conftest import small_inputs, small_plain, small_shape


@pytest.mark.parametrize(
    ("name", "giga_multiply_adds"),
    # Published by torchvision with its weights, less the classifier (features × 1000).
    [
        ("resnet18", 1.814 - 0.0005),
        ("resnet152", 11.514 - 0.002),
        ("mobilenet_v2", 0.301 - 0.0013),
        ("vit_l_32", 15.378 - 0.001),
    ],
)
def test_operations_are_those_published(name, giga_multiply_adds):
    profiles = profile_model(ModelShape(architecture=name), resolution=224)
    operations = sum(profile.operations for profile in profiles)
    assert operations / 2e9 == pytest.approx(giga_multiply_adds, abs=0.0006)


def test_operations_of_a_basic_block_by_hand():
    # Two 3×3 convolutions, 64 to 64 channels, on 56×56 positions; 2 operations each.
    first_after_stem = profile_model(ModelShape(architecture="resnet18"), resolution=224)[1]
    assert first_after_stem.operations == 2 * (2 * 56 * 56 * 64 * 64 * 9)


def test_scratch_memory_by_hand():
    stem, block, *_ = profile_model(ModelShape(architecture="resnet18"), resolution=64)
    # Convolution and its normalisation stand together; the pooled result is a quarter of one.
    assert stem.scratch_bytes == 2 * 4 * 64 * 32 * 32 - 4 * 64 * 16 * 16
    # Two inner results of the output's size stand together, and the last one is the output.
    assert block.scratch_bytes == 4 * 64 * 16 * 16


def test_operations_of_a_transformer_layer_by_hand():
    length, size = 128, 768
    layer = profile_model(ModelShape(architecture="bert"), sequence_length=length)[3]
    projections = 4 * length * size * size
    attention = 2 * length * length * size
    feed_forward = 2 * length * size * 4 * size
    assert layer.operations == 2 * (projections + attention + feed_forward)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "efficientnet_v2_s"])
def test_scratch_memory_is_that_of_a_real_run(name):
    shape, (x,) = small_shape(name), small_inputs(name, items=3)
    profiles = profile_model(shape, resolution=x.shape[-1])
    for block, profile in zip(split(shape, small_plain(name)), profiles, strict=True):
        there = [x, *block.parameters(), *block.buffers()]
        with torch.inference_mode(), OperatorMeter(there) as meter:
            x = block(x)
        assert meter.peak_bytes == 3 * (profile.scratch_bytes + profile.output_bytes)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vit_ti_16", "bert_tiny"])
def test_sizes_are_those_of_a_real_run(name):
    shape = small_shape(name)
    x, *side = small_inputs(name)
    size = {"resolution": x.shape[-1]} if x.dim() == 4 else {"sequence_length": x.shape[1]}
    profiles = profile_model(shape, **size)
    assert len(profiles) == architecture(name).block_count
    for block, profile in zip(split(shape, small_plain(name)), profiles, strict=True):
        assert profile.input_bytes == x.nbytes // len(x)
        with torch.inference_mode():
            x = block(x, *side)
        assert profile.output_shape == tuple(x.shape[1:])
        assert profile.output_bytes == x.nbytes // len(x)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("resnet18", {}, "needs a resolution"),
        ("resnet18", {"resolution": 8}, "at least 32 px"),
        ("vit_ti_16", {"resolution": 64}, "take images of 224 px only"),
        ("bert_tiny", {}, "1 to 512 tokens"),
        ("bert_tiny", {"sequence_length": 513}, "1 to 512 tokens"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(name, size, message):
    with pytest.raises(ConfigurationError, match=message):
        profile_model(ModelShape(architecture=name), **size)


def test_traffic_and_parameters_of_a_basic_block_by_hand():
    block = profile_model(ModelShape(architecture="resnet18"), resolution=224)[1]
    # Two convolutions, two normalisations, two activations and a sum, each of 64·56·56 numbers.
    assert block.traffic_bytes == 7 * 4 * 64 * 56 * 56
    # Of a normalisation four vectors, and the number of batches seen.
    assert block.parameter_bytes == 2 * (4 * 64 * 64 * 9 + 4 * 4 * 64 + 8)
    assert block.family == "resnet"


def test_views_are_no_traffic():
    # Token ids to embeddings: three of them are looked up, added and normalised.
    first = profile_model(ModelShape(architecture="bert_tiny"), sequence_length=16)[0]
    assert 5 * first.output_bytes <= first.traffic_bytes <= 8 * first.output_bytes
