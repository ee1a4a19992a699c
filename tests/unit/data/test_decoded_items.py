import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.data.datasets import Dataset
from systems.data.decoded_items import DecodedItems
from systems.data.halving import cut, halving_schedule
from systems.data.item_source import ItemSource, Work
from systems.data.transform import Transform
from systems.errors import DatasetError
from tests.small_disk import small_file_system

SMALL, LARGE = Transform(resolution=2), Transform(resolution=3)


def picture(item: int, transform: Transform) -> np.ndarray:
    """Of a value that says what it is."""
    return np.full(transform.shape, (7 * item + transform.shape[0]) % 251, dtype=np.uint8)


def read_back(kept: DecodedItems, item: int, transform: Transform) -> np.ndarray | None:
    out = np.zeros(transform.shape, dtype=np.uint8)
    return out if kept.read_into(item, transform, out) else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


@settings(max_examples=60, deadline=None)
@given(
    budget_bytes=st.integers(0, 300),
    calls=st.lists(
        st.tuples(
            st.sampled_from(["put", "read", "forget"]),
            st.integers(0, 12),
            st.sampled_from([SMALL, LARGE]),
        ),
        max_size=60,
    ),
)
def test_what_was_put_in_comes_out_wherever_it_was_kept(folder, budget_bytes, calls):
    kept = DecodedItems(budget_bytes=budget_bytes, folder=folder)
    known: set[tuple[int, Transform]] = set()
    forgotten: set[tuple[int, Transform]] = set()
    for call, item, transform in calls:
        key = (item, transform)
        if call == "put" and key not in known:
            kept.put(item, transform, picture(item, transform))
            known.add(key)
            forgotten.discard(key)
        elif call == "forget":
            kept.forget(item, transform)
            known.discard(key)
            forgotten.add(key)
        elif call == "read":
            found = read_back(kept, item, transform)
            if key in known:
                assert found is not None
                assert (found == picture(item, transform)).all()
            elif key not in forgotten:  # one in the file may still be there
                assert found is None
        assert 0 <= kept.memory_bytes <= budget_bytes
    kept.close()
    assert kept.memory_bytes == 0
    assert all(read_back(kept, item, transform) is None for item, transform in known)


def test_the_temporary_file_has_no_name_and_is_opened_only_when_needed(tmp_path):
    folder = tmp_path / "not" / "there" / "yet"
    kept = DecodedItems(budget_bytes=30, folder=folder)
    kept.put(0, LARGE, picture(0, LARGE))
    assert not folder.exists()
    kept.put(1, LARGE, picture(1, LARGE))
    assert list(folder.iterdir()) == []
    assert (kept.memory_bytes, kept.spilled_bytes) == (27, 27)
    assert (read_back(kept, 1, LARGE) == picture(1, LARGE)).all()
    del kept
    gc.collect()
    assert not [name for name in _open_files() if name.startswith(str(folder))]


def _open_files() -> list[str]:
    links = Path("/proc/self/fd").iterdir()
    return [os.fspath(link.readlink()) for link in links if link.is_symlink()]


def test_a_full_disk_is_a_sentence_and_what_is_there_stays_readable(tmp_path):
    photo = Transform(resolution=128)  # 48 KiB
    with small_file_system(tmp_path / "disk", size="256k") as disk:
        kept = DecodedItems(budget_bytes=0, folder=disk)
        for item in range(4):
            kept.put(item, photo, picture(item, photo))
        with pytest.raises(DatasetError, match=r"No space left.*decoded_budget more memory"):
            for item in range(4, 10):
                kept.put(item, photo, picture(item, photo))
        for item in range(4):
            found = read_back(kept, item, photo)
            assert found is not None
            assert (found == picture(item, photo)).all()
        kept.close()


def test_a_folder_that_cannot_be_used_is_a_sentence(tmp_path):
    (tmp_path / "scratch").write_text("in the way")
    kept = DecodedItems(budget_bytes=0, folder=tmp_path / "scratch")
    with pytest.raises(DatasetError, match="temporary file"):
        kept.put(0, SMALL, picture(0, SMALL))


def test_a_part_of_a_larger_array_does_not_keep_it_alive(tmp_path):
    kept = DecodedItems(budget_bytes=10**6, folder=tmp_path)
    whole = np.zeros((1000, *SMALL.shape), dtype=np.uint8)
    kept.put(0, SMALL, whole[3])
    (value,) = kept._in_memory.values()
    assert value.base is None


def test_threads_may_put_and_read_at_once(tmp_path):
    kept = DecodedItems(budget_bytes=200, folder=tmp_path)
    wrong: list[int] = []

    def work(first: int) -> None:
        for item in range(first, 200, 4):
            kept.put(item, SMALL, picture(item, SMALL))
            found = read_back(kept, item, SMALL)
            if found is None or (found != picture(item, SMALL)).any():
                wrong.append(item)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert kept.memory_bytes + kept.spilled_bytes == 200 * 12
    assert kept.memory_bytes == 192  # as many as the budget holds


class Photos(Dataset):
    """Counts what is done; pictures are as ``picture`` makes them."""

    modality = "image"
    timing_only = True
    classes = ("a", "b")
    files = ()

    def __init__(self, items: int) -> None:
        self.labels = np.zeros(items, dtype=np.int64)
        self.transform = LARGE
        self.reads = np.zeros(items, dtype=int)
        self.fits = {SMALL: np.zeros(items, dtype=int), LARGE: np.zeros(items, dtype=int)}

    def read(self, index: int) -> int:
        self.reads[index] += 1
        return index

    def fit(self, source: int, transform: Transform) -> np.ndarray:
        self.fits[transform][source] += 1
        return picture(source, transform)


@pytest.mark.parametrize("budget_bytes", [10**6, 30_000, 0])
def test_8000_photos_35_models_of_two_architectures_one_decode_each(tmp_path, budget_bytes):
    """As a search of the paper's size asks for them: halving, two resolutions, no models."""
    photos = Photos(8000)
    kept = DecodedItems(budget_bytes=budget_bytes, folder=tmp_path)
    source = ItemSource(photos, transforms=[SMALL, LARGE], kept=kept)
    order = np.random.default_rng(0).permutation(8000)
    test, train = order[:1600], order[1600:]
    work = Work()
    for number, chunk in enumerate(halving_schedule(35, train_items=6400).chunks):
        batches = cut(train[chunk.start : chunk.stop], 128) + (
            cut(test, 128) if number == 0 else []
        )
        for transform in (SMALL, LARGE):
            for items in batches:
                out = np.empty((len(items), *transform.shape), dtype=np.uint8)
                work += source.fill(items, transform, out, is_last_use=transform is LARGE)
                assert (out == np.stack([picture(i, transform) for i in items.tolist()])).all()
    assert work == Work(decoded=8000, fitted=16_000)
    assert (photos.reads == 1).all()
    assert all((fits == 1).all() for fits in photos.fits.values())
    assert kept.memory_bytes <= budget_bytes
    if budget_bytes == 0:
        assert kept.spilled_bytes == 8000 * (12 + 27)


def test_two_threads_that_want_one_item_decode_it_once(tmp_path):
    photos = Photos(64)
    reading = threading.Barrier(2, timeout=0.05)
    plain_read = photos.read

    def slow(index: int) -> int:
        try:  # the other thread would come here too, were it not held back
            reading.wait()
        except threading.BrokenBarrierError:
            reading.reset()
        return plain_read(index)

    photos.read = slow  # type: ignore[method-assign]
    kept = DecodedItems(budget_bytes=10**6, folder=tmp_path)
    source = ItemSource(photos, transforms=[SMALL, LARGE], kept=kept)

    def work(transform: Transform) -> None:
        out = np.empty((4, *transform.shape), dtype=np.uint8)
        source.fill(np.arange(4), transform, out, is_last_use=False)

    threads = [threading.Thread(target=work, args=(each,)) for each in (SMALL, LARGE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert photos.reads[:4].tolist() == [1, 1, 1, 1]
