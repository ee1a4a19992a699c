"""Fine-tuning for real, on small digits."""

import copy

import numpy as np
import pytest
import torch

from systems.data.datasets import DatasetSpec, open_dataset
from systems.data.labelled_items import LabelledItems, read_labelled
from systems.data.transform import Transform
from systems.models import fine_tuning
from systems.models.build import ModelShape, build_plain, split
from systems.models.fine_tuning import Recipe, accuracy, fine_tune

PIXELS = 32
RECIPE = Recipe(epochs=1, seed=5)


@pytest.fixture(scope="module")
def items(tmp_path_factory) -> LabelledItems:
    """Zeros and ones."""
    spec = DatasetSpec(name="digits", items=None, resolution=PIXELS)
    digits = open_dataset(spec, cache_dir=tmp_path_factory.mktemp("cache"))
    few = np.flatnonzero(digits.labels < 2)[:32]
    read = read_labelled(digits, few, transform=Transform(resolution=PIXELS))
    return read.with_labels(digits.labels[few], classes=2)


def fresh(architecture="vit_ti_16", resolution=PIXELS):
    shape = ModelShape(architecture=architecture, resolution=resolution)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return split(shape, build_plain(shape).eval())


def states(blocks):
    return [copy.deepcopy(block.state_dict()) for block in blocks]


def equal(a, b) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_frozen_blocks_keep_every_bit_statistics_included(items) -> None:
    blocks = fresh("mobilenet_v2")
    before = states(blocks)
    fine_tune(blocks, items, RECIPE, last=2, device="cpu")
    after = states(blocks)
    same = [equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True] * 17 + [False] * 2
    name = "conv.1.running_mean"  # of the last normalisation, which was trained
    assert not torch.equal(before[-1][name], after[-1][name])
    assert not any(block.training for block in blocks)


def test_what_is_learned_can_be_told(items) -> None:
    blocks = fresh()
    tuned = fine_tune(blocks, items, Recipe(epochs=8, seed=0), last=2, device="cpu")
    assert tuned.train_accuracy > 0.9  # zeros and ones are easily told apart
    assert accuracy(blocks, tuned.head, items, batch_items=10) > 0.9
    wrong = items.with_labels(1 - items.labels.numpy(), classes=2)
    assert accuracy(blocks, tuned.head, wrong) < 0.1


def test_equal_arguments_give_equal_bits_whatever_the_threads(items) -> None:
    first, second = fresh("mobilenet_v2"), fresh("mobilenet_v2")
    random_state = torch.get_rng_state()
    fine_tune(first, items, RECIPE, last=3, device="cpu")
    assert torch.equal(torch.get_rng_state(), random_state)  # nobody else's numbers change
    torch.manual_seed(99)
    torch.set_num_threads(2)
    fine_tune(second, items, RECIPE, last=3, device="cpu")
    assert torch.get_num_threads() == 2
    assert all(map(equal, states(first), states(second)))


def test_another_seed_gives_another_model(items) -> None:
    first, second = fresh(), fresh()
    fine_tune(first, items, Recipe(epochs=1, seed=1), last=1, device="cpu")
    fine_tune(second, items, Recipe(epochs=1, seed=2), last=1, device="cpu")
    assert not equal(first[-1].state_dict(), second[-1].state_dict())


def test_outputs_that_are_not_kept_give_the_same_model(items, monkeypatch) -> None:
    kept, computed = fresh(), fresh()
    fine_tune(kept, items, RECIPE, last=1, device="cpu")
    monkeypatch.setattr(fine_tuning, "KEPT_BYTES", 0)
    fine_tune(computed, items, RECIPE, last=1, device="cpu")
    for name, value in kept[-1].state_dict().items():
        # A batch and its slices may differ in the last bits, and Adam magnifies them.
        torch.testing.assert_close(computed[-1].state_dict()[name], value, rtol=1e-2, atol=1e-3)


def test_texts_are_learned_with_their_masks() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(33) % 2
    rows = torch.randint(5, 100, (33, 12), generator=generator, dtype=torch.int32)
    rows[:, 1] = 200 + labels  # the word that tells the classes apart
    rows[::3, 8:] = 0  # padding
    texts = LabelledItems(
        rows=rows, labels=labels, classes=2, transform=Transform(sequence_length=12)
    )
    blocks = fresh("bert_tiny", None)
    tuned = fine_tune(blocks, texts, Recipe(epochs=8, seed=0), last=2, device="cpu")
    assert accuracy(blocks, tuned.head, texts) > 0.9


def test_no_batch_is_left_with_one_item() -> None:
    for items in (2, 31, 32, 33, 65, 97):
        batches = fine_tuning._minibatches(items, 32)
        assert min(map(len, batches)) >= min(items, 32)
        assert sorted(np.concatenate(batches).tolist()) == list(range(items))
