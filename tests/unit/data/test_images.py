import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from systems.data import photos
from systems.data.datasets import DatasetSpec, open_dataset
from systems.data.photos import fit_photo, read_photo
from systems.data.validation import validate_items
from systems.errors import DatasetError


def decode_photo(path: Path, *, resolution: int) -> np.ndarray:
    return fit_photo(read_photo(path, resolution=resolution), resolution=resolution)


def opened(root: Path, items: int = 12, **changes):
    spec = DatasetSpec(name="image_folder", path=str(root), items=items, resolution=32, **changes)
    return open_dataset(spec, cache_dir=root.parent / "cache")


def test_an_image_folder_of_any_formats(image_root):
    dataset = opened(image_root)
    assert dataset.classes == ("cat", "dog", "owl")
    assert dataset.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    validate_items(dataset)
    brightness = [dataset.decode(index).mean() for index in range(12)]
    assert np.corrcoef(brightness, dataset.labels)[0, 1] > 0.95
    assert dataset.decode(3).shape == (32, 32, 3)
    assert dataset.describe(0).endswith("animals/cat/a.jpg")


def test_a_sample_is_stratified(image_root):
    assert np.bincount(opened(image_root, items=6).labels).tolist() == [2, 2, 2]


def test_the_identity_follows_content_not_place(image_root):
    first = opened(image_root).content_id
    moved = image_root.rename(image_root.parent / "moved")
    assert opened(moved).content_id == first
    path = moved / "owl" / "a.jpg"
    path.write_bytes(path.read_bytes() + b"\0")
    assert opened(moved).content_id != first


def test_rules_of_class_folders(image_root):
    (image_root / "yak").mkdir()
    with pytest.raises(DatasetError, match=r"class folder .*/yak has no images"):
        opened(image_root)
    (image_root / "yak").rmdir()
    parent = image_root.parent / "outer"
    parent.mkdir()
    image_root.rename(parent / "train")
    with pytest.raises(DatasetError, match=r"parts of a dataset.*point the path at one of them"):
        opened(parent)
    with pytest.raises(DatasetError, match="no sub-folders"):
        opened(parent / "train" / "cat" / "deep")
    with pytest.raises(DatasetError, match="at most 12"):
        opened(parent / "train", items=13)


def test_one_class_is_refused(image_root):
    for name in ("dog", "owl"):
        (image_root / name).rename(image_root / f".{name}")
    with pytest.raises(DatasetError, match=r"animals: The data have one class only \(cat\)"):
        opened(image_root, items=4)


def test_damaged_images_are_all_named_before_any_model_runs(image_root):
    truncated = image_root / "cat" / "a.jpg"
    truncated.write_bytes(truncated.read_bytes()[:200])
    (image_root / "dog" / "c.gif").write_bytes(b"")
    dataset = opened(image_root)
    with pytest.raises(DatasetError) as caught:
        validate_items(dataset)
    assert "cat/a.jpg cannot be decoded" in str(caught.value)
    assert "dog/c.gif cannot be decoded" in str(caught.value)


def test_many_damaged_images_are_counted(image_root):
    for path in opened(image_root).files:
        path.write_bytes(b"x")
    with pytest.raises(DatasetError, match="And 9 more"):
        validate_items(opened(image_root))


def test_what_was_validated_is_not_decoded_again_until_it_changes(image_root, tmp_path):
    dataset = opened(image_root)
    validate_items(dataset, cache_dir=tmp_path / "cache")
    damaged = dataset.files[0]
    dataset.read = None  # a second validation must not get here
    validate_items(dataset, cache_dir=tmp_path / "cache")
    damaged.write_bytes(b"x")
    with pytest.raises(DatasetError, match=str(damaged)):
        validate_items(opened(image_root), cache_dir=tmp_path / "cache")


def test_a_decompression_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    assert path.stat().st_size < 100_000
    with pytest.raises(DatasetError, match=r"bomb.png claims .*pixels"):
        decode_photo(path, resolution=32)


def test_large_claims_below_pils_own_limit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(photos, "LARGEST_IMAGE_PIXELS", 9_999)
    path = tmp_path / "large.png"
    Image.new("RGB", (100, 100)).save(path)
    with pytest.raises(DatasetError, match="claims 100 × 100 pixels; at most 9,999"):
        decode_photo(path, resolution=32)


def test_files_that_are_no_picture_formats_are_not_tried(tmp_path):
    path = tmp_path / "trick.jpg"
    Image.new("RGB", (8, 8)).save(path, format="ICO")
    with pytest.raises(DatasetError, match="cannot be decoded"):
        decode_photo(path, resolution=32)


def test_large_photos_are_cut_in_the_centre_and_scaled(tmp_path):
    pixels = np.zeros((900, 1600, 3), dtype=np.uint8)
    pixels[:, 400:1200] = 255  # the central square is white, what is cut away black
    path = tmp_path / "photo.jpg"
    Image.fromarray(pixels).save(path, quality=95)
    assert decode_photo(path, resolution=64).min() > 250


def test_several_sizes_come_from_one_read_as_large_as_the_largest_needs(tmp_path):
    grain = np.random.default_rng(0).integers(0, 255, (1200, 1600, 3), dtype=np.uint8)
    path = tmp_path / "photo.jpg"
    Image.fromarray(grain).save(path, quality=95)
    assert min(read_photo(path, resolution=32).size) == 150  # an eighth of 1200 px
    large = read_photo(path, resolution=512)
    assert min(large.size) == 600
    small = fit_photo(large, resolution=32)
    assert (small == fit_photo(read_photo(path, resolution=512), resolution=32)).all()
    assert (fit_photo(large, resolution=512) == decode_photo(path, resolution=512)).all()


def encoded(form: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format=form)
    return file.getvalue()


PICTURES = {form: encoded(form) for form in photos.FORMATS}


@given(
    st.sampled_from(photos.FORMATS),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=6),
    st.integers(0, 3000),
)
@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.filterwarnings("ignore")
def test_damage_of_any_kind_gives_pixels_or_a_sentence(tmp_path, form, changes, length):
    content = bytearray(PICTURES[form])
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path / "picture"
    path.write_bytes(content[: len(content) - length % 100])
    try:
        shape = decode_photo(path, resolution=16).shape
    except DatasetError as error:
        sentence = str(error)
    else:
        assert shape == (16, 16, 3)
        return
    assert str(path) in sentence


def test_fake_photos_are_seeded_shared_and_sized_like_photos(tmp_path):
    def fake(items: int, seed: int = 0):
        spec = DatasetSpec(name="fake", items=items, seed=seed, resolution=64)
        return open_dataset(spec, cache_dir=tmp_path)

    few = fake(20)
    before = [path.read_bytes() for path in few.files]
    written = few.files[0].stat().st_mtime_ns
    many = fake(30)
    assert many.timing_only
    assert many.files[:20] == few.files
    assert [path.read_bytes() for path in few.files] == before
    assert few.files[0].stat().st_mtime_ns == written
    assert np.bincount(many.labels).tolist() == [3] * 10
    assert fake(20, seed=1).files[0].read_bytes() != before[0]
    assert 60_000 < np.mean([len(content) for content in before]) < 180_000
    with Image.open(io.BytesIO(before[0])) as picture:
        assert {333, 375} & set(picture.size)
    few.files[3].write_bytes(b"")  # as a crash of the machine leaves it
    fake(20)
    assert few.files[3].read_bytes() == before[3]
    assert not list(few.files[0].parent.glob(".partial-*"))


def test_fake_needs_two_items_per_class(tmp_path):
    with pytest.raises(DatasetError, match="at least 20"):
        open_dataset(DatasetSpec(name="fake", items=19, resolution=64), cache_dir=tmp_path)


def test_a_cache_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "fake").write_text("in the way")
    with pytest.raises(DatasetError, match="cannot be written"):
        open_dataset(DatasetSpec(name="fake", items=20, resolution=64), cache_dir=tmp_path)
