"""Composed blocks against the plain model, bit by bit, for every architecture."""

import pytest
import torch

from systems.models.architectures import architecture
from systems.models.build import (
    ModelShape,
    block_architectures,
    build_plain,
    plain_features,
    split,
)
from systems.models.skeleton import SkeletonPool
from tests.unit.models.conftest import small_inputs, small_plain, small_shape


def formats(name):
    if architecture(name).modality == "text":
        return [torch.contiguous_format]
    return [torch.contiguous_format, torch.channels_last]


def test_blocks_and_bound_skeletons_give_the_bits_of_the_plain_model(name):
    shape, plain = small_shape(name), small_plain(name)
    inputs, *side = small_inputs(name)
    skeletons = SkeletonPool()
    for memory_format in formats(name):
        x = inputs
        if inputs.dim() == 4:
            plain.to(memory_format=memory_format)
            x = inputs.to(memory_format=memory_format)
        with torch.inference_mode():
            expected = plain_features(shape, plain, x, *side)
        assert expected.shape == (len(inputs), architecture(name).feature_size)
        composed = bound = x
        for block_id, block in zip(block_architectures(shape), split(shape, plain), strict=True):
            before = composed.clone()
            runnable = skeletons.skeleton(block_id).bind(
                block.state_dict(), memory_format=memory_format
            )
            with torch.inference_mode():
                given, composed = composed, block(composed, *side)
                bound = runnable(bound, *side)
            assert torch.equal(given, before), "a block changed its input"
            # What is cached must be what is counted: no view of something larger.
            assert composed.untyped_storage().nbytes() == composed.nbytes
        assert torch.equal(composed, expected)
        assert torch.equal(bound, expected)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vit_ti_16", "bert_tiny"])
def test_plain_features_leave_the_model_whole(name):
    plain = small_plain(name)
    before = list(plain.state_dict())
    with torch.inference_mode():
        plain_features(small_shape(name), plain, *small_inputs(name))
    assert list(plain.state_dict()) == before


@pytest.mark.parametrize("name", ["resnet18", "vit_ti_16", "bert_tiny"])
def test_features_are_what_the_classifier_is_given(name):
    # The reference itself, checked against the published model's own last layers.
    plain, inputs = small_plain(name), small_inputs(name)
    with torch.inference_mode():
        features = plain_features(small_shape(name), plain, *inputs)
        if name == "bert_tiny":
            whole = plain(input_ids=inputs[0], attention_mask=inputs[1]).pooler_output
            again = torch.tanh(plain.pooler.dense(features))
        else:
            whole = plain(*inputs)
            again = (plain.fc if name == "resnet18" else plain.heads)(features)
    assert torch.equal(whole, again)


@pytest.mark.parametrize("name", ["bert_tiny"])
def test_text_without_padding_has_the_bits_of_the_plain_model(name):
    shape, plain = small_shape(name), small_plain(name)
    ids, _ = small_inputs(name)
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        x = ids
        for block in split(shape, plain):
            x = block(x, mask)
        assert torch.equal(x, plain_features(shape, plain, ids, mask))


def test_masks_of_different_batches_are_not_mixed_up():
    shape, plain = small_shape("bert_tiny"), small_plain("bert_tiny")
    blocks = split(shape, plain)
    ids, _ = small_inputs("bert_tiny")
    for padded_from in (4, 8, 16, 4):
        mask = torch.ones_like(ids)
        mask[:, padded_from:] = 0
        with torch.inference_mode():
            x = ids
            for block in blocks:
                x = block(x, mask)
            assert torch.equal(x, plain_features(shape, plain, ids, mask))


@pytest.mark.parametrize("name", ["resnet18", "vit_ti_16", "bert_tiny"])
def test_building_on_meta_draws_no_random_number(name):
    before = torch.get_rng_state()
    build_plain(ModelShape(architecture=name), device="meta")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["mobilenet_v2", "vit_ti_16", "bert_tiny"])
def test_building_is_reproducible_from_the_global_seed(name):
    shape = small_shape(name)
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        states.append(build_plain(shape).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert any(not torch.equal(states[0][key], states[2][key]) for key in states[0])
