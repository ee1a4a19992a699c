import threading
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from systems.data.datasets import DatasetSpec, open_dataset
from systems.data.halving import cut
from systems.data.loader import IMAGENET_MEAN, IMAGENET_STD, BatchLoader
from systems.errors import DatasetError
from systems.tracing import NoTracer

FORMATS = (torch.channels_last, torch.contiguous_format)


class Recorder(NoTracer):
    def __init__(self):
        self.counts = Counter()
        self.spans = []
        self.depth = 0

    @contextmanager
    def span(self, phase, **attributes):
        self.spans.append((phase, attributes))
        self.depth += 1
        yield
        self.depth -= 1

    def count(self, name, amount):
        self.counts[name] += amount


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    spec = DatasetSpec(name="digits", items=70, resolution=32)
    return open_dataset(spec, cache_dir=tmp_path_factory.mktemp("cache"))


def loader(dataset, *, decode_once=False, workers=0, memory_format=FORMATS[0], tracer=None):
    return BatchLoader(
        dataset,
        decode_once=decode_once,
        workers=workers,
        device="cpu",
        memory_format=memory_format,
        tracer=tracer or NoTracer(),
    )


@pytest.mark.parametrize("memory_format", FORMATS)
def test_images_are_normalised_as_imagenet_models_expect(digits, memory_format):
    items = np.array([5, 3, 60])
    batch = loader(digits, memory_format=memory_format).batch(items)
    assert batch.inputs.shape == (3, 3, 32, 32)
    assert batch.inputs.dtype == torch.float32
    assert batch.inputs.is_contiguous(memory_format=memory_format)
    assert batch.side == ()
    assert batch.items is items
    for row, item in enumerate(items.tolist()):
        pixels = digits.decode(item).astype(np.float64) / 255
        expected = ((pixels - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)
        np.testing.assert_allclose(batch.inputs[row].numpy(), expected, atol=1e-6)


def test_the_same_bits_whatever_the_options(digits):
    items = np.random.default_rng(0).permutation(70)
    cuts = cut(items, 16)  # the last batch has 6 items
    reference = [batch.inputs for batch in map(loader(digits).batch, cuts)]
    alone = loader(digits)
    for inputs, batch_items in zip(reference, cuts, strict=True):
        for row, item in enumerate(batch_items):
            assert torch.equal(alone.batch(np.array([item])).inputs[0], inputs[row])
    for memory_format in FORMATS:
        for decode_once in (False, True):
            for workers in (0, 1, 3, 20):
                options = {"decode_once": decode_once, "workers": workers}
                tested = loader(digits, memory_format=memory_format, **options)
                for _ in range(2):
                    batches = list(tested.batches(cuts))
                    assert len(batches) == len(reference)
                    for batch, inputs, batch_items in zip(batches, reference, cuts, strict=True):
                        assert torch.equal(batch.inputs, inputs)
                        assert batch.items is batch_items


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("decode_once", "decoded"), [(False, 140), (True, 70)])
def test_only_real_decodes_are_counted(digits, workers, decode_once, decoded):
    tracer = Recorder()
    tested = loader(digits, workers=workers, decode_once=decode_once, tracer=tracer)
    for _ in range(2):
        for _ in tested.batches(cut(np.arange(70), 16)):
            assert tracer.depth == 0  # the consumer's work is no data preparation
    assert tracer.counts["items_decoded"] == decoded
    assert {phase for phase, _ in tracer.spans} == {"prepare_data"}
    assert sum(attributes["items"] for _, attributes in tracer.spans) == 140


def test_a_batch_owns_its_memory(digits):
    tested = loader(digits, decode_once=True)
    first = tested.batch(np.arange(4)).inputs
    kept = first.clone()
    tested.batch(np.arange(4)).inputs.fill_(0)
    assert torch.equal(first, kept)


class Watched:
    """A dataset that notes how far decoding has come, and fails on one item."""

    modality = "image"
    timing_only = False
    classes = ("a", "b")
    labels = np.zeros(100, dtype=np.int64)
    item_shape = (8, 8, 3)
    files = ()

    def __init__(self, damaged=None):
        self.furthest = -1
        self.damaged = damaged

    def decode(self, index):
        if index == self.damaged:
            raise DatasetError(f"The image {index} cannot be decoded.")
        self.furthest = max(self.furthest, index)
        return np.full((8, 8, 3), index, dtype=np.uint8)


def test_decoding_ahead_is_bounded_and_stops_with_the_consumer():
    dataset = Watched()
    before = threading.active_count()
    batches = loader(dataset, workers=2).batches(cut(np.arange(100), 10))
    for _ in range(3):
        next(batches)
    batches.close()
    assert dataset.furthest <= 59
    assert threading.active_count() == before


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_item_is_an_error_when_its_batch_is_due(workers):
    batches = loader(Watched(damaged=25), workers=workers).batches(cut(np.arange(100), 10))
    assert [len(next(batches).items) for _ in range(2)] == [10, 10]
    with pytest.raises(DatasetError, match="image 25"):
        next(batches)


def test_no_batches_of_nothing(digits):
    assert list(loader(digits, workers=2).batches([])) == []


def test_texts_come_with_their_mask(review_root, tmp_path):
    spec = DatasetSpec(name="text_folder", path=str(review_root), items=16, sequence_length=12)
    dataset = open_dataset(spec, cache_dir=tmp_path)
    batch = loader(dataset).batch(np.array([0, 7]))
    (mask,) = batch.side
    assert batch.inputs.dtype == mask.dtype == torch.int64
    assert batch.inputs.shape == mask.shape == (2, 12)
    assert mask.tolist() == [[1] * 9 + [0] * 3, [1] * 12]
    assert batch.inputs[0].tolist() == dataset.decode(0).tolist()
