"""Model sets, generated for real into a real store."""

import pytest
import torch
from sklearn.datasets import load_digits

from systems.errors import ConfigurationError
from systems.models.build import build_plain
from systems.models.skeleton import SkeletonPool
from systems.models.snapshot_spec import SnapshotSetSpec
from systems.models.snapshots import generate
from systems.store.store import BlockStore

PIXELS = 32


def spec(**changes):
    values = {
        "architecture": "resnet18",
        "resolution": PIXELS,
        "count": 4,
        "distribution": "top_50",
        "seed": 0,
        "calibration": "digits",
    }
    return SnapshotSetSpec(**{**values, **changes})


@pytest.fixture(scope="module")
def images():
    digits = torch.tensor(load_digits().images[:16] / 16, dtype=torch.float32)[:, None]
    digits = torch.nn.functional.interpolate(digits, size=PIXELS, mode="bilinear")
    return (digits - 0.45).expand(-1, 3, -1, -1) / 0.225


@pytest.fixture
def store(tmp_path):
    with BlockStore.open(tmp_path / "store") as opened:
        yield opened


@pytest.fixture(scope="module")
def generated(tmp_path_factory, images):
    """One set of eight models that the tests only look at."""
    with BlockStore.open(tmp_path_factory.mktemp("store")) as opened:
        yield opened, generate(spec(count=8), store=opened, calibration_batch=images)


def hashes(store, model_ids):
    return [[ref.hash for ref in store.model(model_id).blocks] for model_id in model_ids]


def test_models_share_the_blocks_that_they_inherit_and_no_others(generated):
    store, made = generated
    blocks = dict(zip(made.model_ids, hashes(store, made.model_ids), strict=True))
    for model_id, own in blocks.items():
        metadata = store.model(model_id).metadata
        if metadata["parent"] is None:
            continue
        inherited = 9 - metadata["depth"]
        assert own[:inherited] == blocks[metadata["parent"]][:inherited]
        assert not set(own[inherited:]) & set(blocks[metadata["parent"]])


def test_no_two_models_are_equal(generated):
    store, made = generated
    assert len({tuple(own) for own in hashes(store, made.model_ids)}) == 8


def test_each_block_is_written_once(generated):
    store, made = generated
    unique = {name for own in hashes(store, made.model_ids) for name in own}
    assert store.sizes().blocks == len(unique)
    assert made.new_bytes == store.sizes().tensor_bytes
    assert store.verify() == []


def test_second_generation_writes_nothing(generated):
    store, made = generated
    again = generate(spec(count=8), store=store)  # no calibration batch: none is needed
    assert again.model_ids == made.model_ids
    assert (again.generated, again.new_bytes) == (False, 0)


def test_activations_neither_explode_nor_vanish(generated, images):
    store, made = generated
    skeletons = SkeletonPool()
    for model_id in made.model_ids:
        x = images
        for ref in store.model(model_id).blocks:
            x = skeletons.skeleton(ref.architecture).bind(store.read_block(ref.hash))(x)
            assert 0.1 < x.std() < 10


def test_same_seed_gives_the_same_hashes_whatever_the_threads(generated, store, images):
    reference, made = generated
    torch.manual_seed(1234)
    torch.set_num_threads(2)
    again = generate(spec(count=4), store=store, calibration_batch=lambda: images)
    assert torch.get_num_threads() == 2
    # A smaller set of the same family is the beginning of the larger one.
    assert again.model_ids == made.model_ids[:4]
    assert hashes(store, again.model_ids) == hashes(reference, made.model_ids)[:4]


def test_another_seed_gives_other_blocks(generated, store, images):
    reference, made = generated
    other = generate(spec(count=1, seed=1), store=store, calibration_batch=images)
    ours, theirs = hashes(store, other.model_ids)[0], hashes(reference, made.model_ids)[0]
    assert not set(ours) & set(theirs)


def test_inherited_statistics_do_not_change(generated, images):
    # A block's hash covers its statistics, so equal hashes say it; this checks the sum: the
    # calibrated input of a new block equals running the stored model up to there.
    store, made = generated
    child = store.model(made.model_ids[-1])
    first_new = 9 - child.metadata["depth"]
    skeletons = SkeletonPool()
    x = images.contiguous()
    torch.set_num_threads(1)
    for ref in child.blocks[:first_new]:
        x = skeletons.skeleton(ref.architecture).bind(store.read_block(ref.hash))(x)
    new = store.read_block(child.blocks[first_new].hash)
    prefix = "block." if first_new == 8 else ""
    convolved = torch.nn.functional.conv2d(
        x,
        new[f"{prefix}conv1.weight"],
        stride=2 if f"{prefix}downsample.0.weight" in new else 1,
        padding=1,
    )
    mean = convolved.mean(dim=(0, 2, 3))
    torch.testing.assert_close(new[f"{prefix}bn1.running_mean"], mean, rtol=1e-4, atol=1e-5)


def test_a_missing_block_file_is_made_again(store, images):
    made = generate(spec(count=2), store=store, calibration_batch=images)
    victim = store.model(made.model_ids[0]).blocks[0].hash
    (store.root / "blocks" / f"{victim}.safetensors").unlink()
    again = generate(spec(count=2), store=store, calibration_batch=images)
    assert again.generated
    assert again.model_ids == made.model_ids
    assert store.verify() == []


def test_global_random_state_is_left_alone_and_progress_is_told(store, images):
    before = torch.get_rng_state()
    told = []
    generate(
        spec(count=2),
        store=store,
        calibration_batch=images,
        progress=lambda done, models: told.append((done, models)),
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(("architecture", "resolution"), [("vit_ti_16", 32), ("bert_tiny", None)])
def test_architectures_without_batch_norm_need_no_images(store, architecture, resolution):
    asked = spec(architecture=architecture, resolution=resolution, count=3)
    made = generate(asked, store=store)
    assert len({tuple(own) for own in hashes(store, made.model_ids)}) == 3


def test_base_weights_from_a_file_are_the_base_model_uncalibrated(store, images, tmp_path):
    torch.manual_seed(7)
    plain = build_plain(spec().shape)
    torch.save(plain.state_dict(), tmp_path / "base.pth")
    asked = spec(count=2, base_weights=str(tmp_path / "base.pth"))
    made = generate(asked, store=store, calibration_batch=images)
    stem = store.read_block(store.model(made.model_ids[0]).blocks[0].hash)
    assert torch.equal(stem["conv1.weight"], plain.conv1.weight)
    assert torch.equal(stem["bn1.running_mean"], torch.zeros(64))
    first_id = asked.set_id()
    torch.save(build_plain(spec().shape).state_dict(), tmp_path / "base.pth")
    assert asked.set_id() != first_id  # a changed file is another set


def test_set_id_depends_on_all_that_matters():
    base = spec()
    changed = [
        spec(architecture="resnet34"),
        spec(resolution=64),
        spec(count=5),
        spec(distribution="top_25"),
        spec(seed=1),
        spec(calibration="other"),
    ]
    assert len({s.set_id() for s in [base, *changed]}) == 1 + len(changed)
    assert base.set_id() == spec().set_id()
    assert base.family_id() == spec(count=5).family_id()


def test_calibration_is_no_part_of_sets_that_have_none():
    without = [
        spec(architecture="bert_tiny", resolution=None, calibration=c).set_id() for c in "ab"
    ]
    assert without[0] == without[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "resnet19"}, "no architecture 'resnet19'"),
        ({"distribution": "top"}, "no distribution 'top'"),
        ({"count": 0}, "at least one model"),
        ({"seed": -1}, "seed of 0 or more"),
        ({"resolution": None}, "needs a resolution"),
        ({"resolution": 8}, "at least 32 px"),
        ({"architecture": "bert"}, "reads text"),
    ],
)
def test_wrong_specifications_are_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        spec(**changes)


def test_missing_and_unsuitable_calibration_batches_are_refused(store, images):
    with pytest.raises(ConfigurationError, match="need a calibration batch"):
        generate(spec(), store=store)
    for wrong in (images[:1], images[:, :1], torch.zeros(65, 3, PIXELS, PIXELS)):
        with pytest.raises(ConfigurationError, match="2 to 64 images"):
            generate(spec(), store=store, calibration_batch=wrong)


def test_missing_base_weights_are_refused(store):
    with pytest.raises(ConfigurationError, match=r"nowhere\.pth cannot be read"):
        generate(spec(base_weights="nowhere.pth"), store=store)
