import threading
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from systems.data.datasets import Dataset, DatasetSpec, open_dataset
from systems.data.decoded_items import DecodedItems
from systems.data.halving import cut
from systems.data.item_source import ItemSource
from systems.data.loader import BatchLoader
from systems.data.model_inputs import IMAGENET_MEAN, IMAGENET_STD, InputMaker
from systems.data.transform import Transform
from systems.errors import DatasetError
from systems.tracing import NoTracer

FORMATS = (torch.channels_last, torch.contiguous_format)
SMALL, LARGE = Transform(resolution=16), Transform(resolution=32)


class Recorder(NoTracer):
    def __init__(self):
        self.counts = Counter()
        self.spans = []
        self.background = []
        self.depth = 0
        self.thread = threading.get_ident()

    @contextmanager
    def span(self, phase, **attributes):
        if threading.get_ident() != self.thread:
            self.background.append((phase, attributes))
            yield
            return
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


@pytest.fixture
def loader(tmp_path):
    def made(dataset, *, transforms=None, budget_bytes=None, **options):
        kept = None
        if budget_bytes is not None:
            kept = DecodedItems(budget_bytes=budget_bytes, folder=tmp_path)
        memory_format = options.pop("memory_format", torch.channels_last)
        source = ItemSource(dataset, transforms=transforms or [dataset.transform], kept=kept)
        inputs = InputMaker(device="cpu", memory_format=memory_format)
        return BatchLoader(source, inputs, **{"workers": 0, "tracer": NoTracer(), **options})

    return made


@pytest.mark.parametrize("memory_format", FORMATS)
def test_images_are_normalised_as_imagenet_models_expect(digits, loader, memory_format):
    items = np.array([5, 3, 60])
    batch = loader(digits, memory_format=memory_format).batch(items, transform=LARGE)
    assert batch.inputs.shape == (3, 3, 32, 32)
    assert batch.inputs.dtype == torch.float32
    assert batch.inputs.is_contiguous(memory_format=memory_format)
    assert batch.side == ()
    assert batch.items is items
    for row, item in enumerate(items.tolist()):
        pixels = digits.decode(item).astype(np.float64) / 255
        expected = ((pixels - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)
        np.testing.assert_allclose(batch.inputs[row].numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("transform", [SMALL, LARGE])
def test_the_same_bits_whatever_the_options(digits, loader, transform):
    items = np.random.default_rng(0).permutation(70)
    cuts = cut(items, 16)  # the last batch has 6 items
    plain = loader(digits)
    reference = [plain.batch(part, transform=transform).inputs for part in cuts]
    for inputs, batch_items in zip(reference, cuts, strict=True):
        for row, item in enumerate(batch_items):
            alone = plain.batch(np.array([item]), transform=transform)
            assert torch.equal(alone.inputs[0], inputs[row])
    options = [
        (memory_format, budget_bytes, workers)
        for memory_format in FORMATS
        for budget_bytes in (None, 0, 40_000, 10**9)
        for workers in (0, 1, 3, 20)
    ]
    for memory_format, budget_bytes, workers in options:
        tested = loader(
            digits, transforms=[SMALL, LARGE], memory_format=memory_format, workers=workers,
            budget_bytes=budget_bytes,
        )  # fmt: skip
        for is_last_use in (False, True):
            batches = list(tested.batches(cuts, transform=transform, is_last_use=is_last_use))
            assert len(batches) == len(reference)
            for batch, inputs, batch_items in zip(batches, reference, cuts, strict=True):
                assert torch.equal(batch.inputs, inputs)
                assert batch.items is batch_items


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("budget_bytes", "decoded", "resized"), [(None, 280, 280), (10**9, 70, 140), (9_999, 70, 140)]
)
def test_only_real_work_is_counted(digits, loader, workers, budget_bytes, decoded, resized):
    tracer = Recorder()
    tested = loader(
        digits, transforms=[SMALL, LARGE], workers=workers, budget_bytes=budget_bytes, tracer=tracer
    )
    for _ in range(2):
        for transform in (SMALL, LARGE):
            for _ in tested.batches(cut(np.arange(70), 16), transform=transform):
                assert tracer.depth == 0  # the consumer's work is no data preparation
    assert tracer.counts["items_decoded"] == decoded
    assert tracer.counts["items_resized"] == resized
    assert {phase for phase, _ in tracer.spans} == {"prepare_data"}
    assert sum(attributes["items"] for _, attributes in tracer.spans) == 280
    background = sum(attributes["items"] for _, attributes in tracer.background)
    assert background == (280 if workers else 0)


@pytest.mark.parametrize("workers", [0, 3])
def test_what_is_used_for_the_last_time_is_not_kept(digits, loader, workers):
    tracer = Recorder()
    tested = loader(
        digits, transforms=[SMALL, LARGE], workers=workers, budget_bytes=10**9, tracer=tracer
    )
    kept = tested._source.kept
    cuts = cut(np.arange(70), 16)
    list(tested.batches(cuts, transform=SMALL, is_last_use=True))
    assert kept.memory_bytes == 70 * 32 * 32 * 3
    list(tested.batches(cuts, transform=LARGE, is_last_use=True))
    assert kept.memory_bytes == 0
    assert tracer.counts["items_decoded"] == 70


def test_what_nobody_asks_for_any_more_is_not_made(digits, loader):
    tracer = Recorder()
    tested = loader(digits, transforms=[SMALL, LARGE], budget_bytes=10**9, tracer=tracer)
    first, second = cut(np.arange(70), 35)
    tested.batch(first, transform=SMALL)
    tested.retain([LARGE])
    tested.batch(first, transform=LARGE)
    tested.batch(second, transform=LARGE)
    assert tracer.counts == {"items_decoded": 70, "items_resized": 35 * 2 + 35}


def test_a_batch_that_comes_twice_in_one_pass_is_decoded_once(digits, loader):
    tracer = Recorder()
    tested = loader(digits, workers=3, budget_bytes=10**9, tracer=tracer)
    first, second = cut(np.arange(70), 35)
    order = [first, second, first, first, second]
    batches = list(tested.batches(order, transform=LARGE, is_last_use=True))
    assert torch.equal(batches[0].inputs, batches[3].inputs)
    assert tracer.counts["items_decoded"] == 70


def test_a_batch_owns_its_memory(digits, loader):
    tested = loader(digits, budget_bytes=10**9)
    first = tested.batch(np.arange(4), transform=LARGE).inputs
    kept = first.clone()
    tested.batch(np.arange(4), transform=LARGE).inputs.fill_(0)
    assert torch.equal(first, kept)


class Watched(Dataset):
    """A dataset that notes how far decoding has come, and fails on one item."""

    modality = "image"
    timing_only = False
    classes = ("a", "b")
    labels = np.zeros(100, dtype=np.int64)
    transform = Transform(resolution=8)
    files = ()

    def __init__(self, damaged=None):
        self.furthest = -1
        self.damaged = damaged

    def read(self, index):
        if index == self.damaged:
            raise DatasetError(f"The image {index} cannot be decoded.")
        self.furthest = max(self.furthest, index)
        return index

    def fit(self, source, transform):
        return np.full(transform.shape, source, dtype=np.uint8)


def test_decoding_ahead_is_bounded_and_stops_with_the_consumer(loader):
    dataset = Watched()
    before = threading.active_count()
    tested = loader(dataset, workers=2)
    batches = tested.batches(cut(np.arange(100), 10), transform=dataset.transform)
    for _ in range(3):
        next(batches)
    batches.close()
    assert dataset.furthest <= 59
    assert threading.active_count() == before


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("budget_bytes", [None, 10**9])
def test_a_damaged_item_is_an_error_when_its_batch_is_due(loader, workers, budget_bytes):
    dataset = Watched(damaged=25)
    tested = loader(dataset, workers=workers, budget_bytes=budget_bytes)
    batches = tested.batches(cut(np.arange(100), 10), transform=dataset.transform)
    assert [len(next(batches).items) for _ in range(2)] == [10, 10]
    with pytest.raises(DatasetError, match="image 25"):
        next(batches)


def test_no_batches_of_nothing(digits, loader):
    assert list(loader(digits, workers=2).batches([], transform=LARGE)) == []


@pytest.mark.parametrize(("padding_id", "expected"), [(0, 0), (1, 1)])
def test_texts_come_with_their_mask_and_the_models_padding(
    review_root, tmp_path, loader, padding_id, expected
):
    spec = DatasetSpec(name="text_folder", path=str(review_root), items=16, sequence_length=12)
    dataset = open_dataset(spec, cache_dir=tmp_path)
    transform = Transform(sequence_length=12, padding_id=padding_id)
    batch = loader(dataset).batch(np.array([0, 7]), transform=transform)
    (mask,) = batch.side
    assert batch.inputs.dtype == mask.dtype == torch.int64
    assert batch.inputs.shape == mask.shape == (2, 12)
    assert mask.tolist() == [[1] * 9 + [0] * 3, [1] * 12]
    tokens = dataset.decode(0).tolist()
    assert batch.inputs[0].tolist() == tokens[:9] + [expected] * 3


def test_text_models_that_differ_in_padding_only_share_what_is_kept(review_root, tmp_path, loader):
    spec = DatasetSpec(name="text_folder", path=str(review_root), items=16, sequence_length=12)
    dataset = open_dataset(spec, cache_dir=tmp_path)
    tracer = Recorder()
    transforms = [Transform(sequence_length=12, padding_id=padding) for padding in (0, 1)]
    tested = loader(dataset, transforms=transforms, budget_bytes=10**6, tracer=tracer)
    for transform in transforms:
        tested.batch(np.arange(16), transform=transform)
    assert tracer.counts == {"items_decoded": 16, "items_resized": 16}
