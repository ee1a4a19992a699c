import gc
import weakref

import pytest
import torch

from systems.errors import ConfigurationError
from systems.models.build import block_architectures, build_plain, split
from systems.models.skeleton import SkeletonPool
from tests.unit.models.conftest import small_inputs, small_plain, small_shape


@pytest.fixture(scope="module")
def pool():
    return SkeletonPool()


def tensors_of(name, position):
    return split(small_shape(name), small_plain(name))[position].state_dict()


def test_slots_are_the_state_of_the_block(pool):
    state = tensors_of("resnet18", 3)
    slots = pool.skeleton("resnet18/3").slots
    assert [slot.name for slot in slots] == list(state)
    assert all(slot.shape == state[slot.name].shape for slot in slots)
    assert all(slot.dtype == state[slot.name].dtype for slot in slots)


def test_a_pool_builds_each_skeleton_once(pool):
    assert pool.skeleton("resnet18/3") is pool.skeleton("resnet18/3")


def test_models_bound_to_one_skeleton_do_not_disturb_each_other(pool):
    shape = small_shape("resnet18")
    (x,) = small_inputs("resnet18")
    torch.manual_seed(5)
    stems = [split(shape, build_plain(shape).eval())[0] for _ in range(3)]
    bound = [pool.skeleton("resnet18/0").bind(stem.state_dict()) for stem in stems]
    with torch.inference_mode():
        for index in (0, 2, 1, 0):
            assert torch.equal(bound[index](x), stems[index](x))


def test_outputs_need_no_gradient_even_outside_inference_mode(pool):
    bound = pool.skeleton("resnet18/0").bind(tensors_of("resnet18", 0))
    assert not bound(*small_inputs("resnet18")).requires_grad


def test_tensors_that_fit_are_bound_without_a_copy_and_stay_as_they_are(pool):
    state = tensors_of("resnet18", 3)
    bound = pool.skeleton("resnet18/3").bind(state)
    used = {t.data_ptr() for _, tensors, _ in bound._values for t in tensors.values()}
    assert used == {tensor.data_ptr() for tensor in state.values()}
    assert not any(tensor.requires_grad for tensor in state.values())


def test_nothing_stays_alive_after_its_owner_dropped_it(pool):
    state = {name: tensor.clone() for name, tensor in tensors_of("resnet18", 0).items()}
    storage = weakref.ref(state["conv1.weight"].untyped_storage())
    bound = pool.skeleton("resnet18/0").bind(state)
    bound(*small_inputs("resnet18"))
    del bound, state
    gc.collect()
    assert storage() is None


def test_placeholders_are_back_after_a_failure(pool):
    skeleton = pool.skeleton("resnet18/0")
    bound = skeleton.bind(tensors_of("resnet18", 0))
    with pytest.raises(RuntimeError):
        bound(torch.zeros(1, 5, 8, 8))
    assert all(tensor.is_meta for tensor in skeleton._module.state_dict().values())


def test_channels_last_is_applied_when_bound(pool):
    bound = pool.skeleton("resnet18/3").bind(
        tensors_of("resnet18", 3), memory_format=torch.channels_last
    )
    weights = [t for _, tensors, _ in bound._values for t in tensors.values() if t.dim() == 4]
    assert weights
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)


def test_missing_unknown_and_misshapen_tensors_are_refused(pool):
    state = tensors_of("resnet18", 3)
    skeleton = pool.skeleton("resnet18/3")
    with pytest.raises(ConfigurationError, match=r"misses the tensor 'bn1.bias'"):
        skeleton.bind({name: t for name, t in state.items() if name != "bn1.bias"})
    with pytest.raises(ConfigurationError, match="does not know the tensor 'extra'"):
        skeleton.bind({**state, "extra": torch.zeros(1)})
    with pytest.raises(ConfigurationError, match="has the shape"):
        skeleton.bind({**state, "bn1.bias": torch.zeros(3)})
    with pytest.raises(ConfigurationError, match=r"torch.float64"):
        skeleton.bind({**state, "bn1.bias": state["bn1.bias"].double()})


@pytest.mark.parametrize("block", ["resnet18/9", "resnet18", "resnet18/x", "resnet99/0"])
def test_unknown_blocks_are_refused(pool, block):
    with pytest.raises(ConfigurationError, match="There is no"):
        pool.skeleton(block)


def test_architecture_with_resolution_is_its_own(pool):
    names = block_architectures(small_shape("vit_ti_16"))
    assert names[0] == "vit_ti_16@32/0"
    slots = {slot.name: slot.shape for slot in pool.skeleton(names[0]).slots}
    assert slots["pos_embedding"] == (1, 1 + 4, 192)
