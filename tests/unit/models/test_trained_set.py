"""Model sets that are really trained, into a real store."""

import json

import numpy as np
import pytest

from systems.data.datasets import DatasetSpec, open_dataset
from systems.data.training_tasks import TaskRequest, digits_tasks
from systems.data.transform import Transform
from systems.errors import ConfigurationError
from systems.models import trained_set
from systems.models.ingest_log import IngestLog
from systems.models.trained_set import TrainedSetMaker, TrainedSetSpec
from systems.store.store import BlockStore

PIXELS = 16


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    spec = DatasetSpec(name="digits", items=None, resolution=PIXELS)
    digits = open_dataset(spec, cache_dir=tmp_path_factory.mktemp("cache"))
    request = TaskRequest(
        transform=Transform(resolution=PIXELS),
        allowed=np.arange(400),
        most_items=20,
        seed=0,
    )
    return digits_tasks(digits, request)


def asked(known, /, **changes):
    values = {
        "architecture": "vit_ti_16",
        "resolution": PIXELS,
        "count": 3,
        "distribution": "top_25",
        "seed": 0,
        "tasks": tuple((task.name, task.content_id) for task in known),
        "epochs": 1,
        "device": "cpu",
    }
    return TrainedSetSpec(**{**values, **changes})


def maker(tasks, root, **changes):
    store = BlockStore.open(root / "store")
    log = IngestLog(root / "log.jsonl")
    return store, TrainedSetMaker(asked(tasks, **changes), tasks, store=store, log=log)


@pytest.fixture(scope="module")
def trained(tasks, tmp_path_factory):
    """Three models that the tests only look at."""
    root = tmp_path_factory.mktemp("trained")
    store, making = maker(tasks, root)
    return store, making.make(), root


def hashes(store, model_ids):
    return [[ref.hash for ref in store.model(model_id).blocks] for model_id in model_ids]


def test_models_share_what_was_frozen_and_nothing_else(trained) -> None:
    store, made, _ = trained
    blocks = dict(zip(made.model_ids, hashes(store, made.model_ids), strict=True))
    for model_id, own in blocks.items():
        metadata = store.model(model_id).metadata
        assert metadata["task"].startswith("digits_")
        if metadata["parent"] is not None:
            frozen = 13 - metadata["depth"]
            assert own[:frozen] == blocks[metadata["parent"]][:frozen]
            assert not set(own[frozen:]) & set(blocks[metadata["parent"]])
    assert store.model(made.model_ids[0]).metadata["task"] == "digits_rotation"
    assert store.verify() == []


def test_a_second_time_nothing_is_trained(trained, tasks, monkeypatch) -> None:
    store, made, root = trained
    monkeypatch.setattr(trained_set, "fine_tune", None)  # whoever trains now falls over
    log = IngestLog(root / "log.jsonl")
    again = TrainedSetMaker(asked(tasks), tasks, store=store, log=log).make()
    assert (again.model_ids, again.generated, again.new_bytes) == (made.model_ids, False, 0)
    # What it cost is known all the same.
    assert again.training_s == made.training_s > 0
    smaller = TrainedSetMaker(asked(tasks, count=2), tasks, store=store, log=log).make()
    assert smaller.model_ids == made.model_ids[:2]
    assert 0 < smaller.training_s < made.training_s


def test_a_killed_preparation_goes_on_and_ends_alike(trained, tasks, tmp_path) -> None:
    reference, made, _ = trained
    store, making = maker(tasks, tmp_path)

    def stop(done: int, _: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with store:
        with pytest.raises(KeyboardInterrupt):
            making.make(stop)
        assert len(store.model_ids()) == 1
        told = []
        _, resumed = maker(tasks, tmp_path)
        ended = resumed.make(lambda done, _: told.append(done))
        assert told == [1, 2, 3]
        assert hashes(store, ended.model_ids) == hashes(reference, made.model_ids)
        costs = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
        assert [cost["index"] for cost in costs] == [0, 1, 2]  # none was trained twice
        assert ended.training_s == pytest.approx(sum(cost["training_s"] for cost in costs))


def test_other_tasks_epochs_or_seeds_are_other_sets(tasks) -> None:
    renamed = (("digits_rotation", "other"), *asked(tasks).tasks[1:])
    others = [
        asked(tasks, tasks=renamed),
        asked(tasks, tasks=asked(tasks).tasks[:3]),
        asked(tasks, epochs=2),
        asked(tasks, seed=1),
        asked(tasks, distribution="top_50"),
        asked(tasks, resolution=32),
    ]
    assert len({each.family_id() for each in (asked(tasks), *others)}) == 1 + len(others)
    assert asked(tasks, count=9).family_id() == asked(tasks).family_id()


@pytest.mark.parametrize("changes", [{"count": 0}, {"epochs": 0}, {"seed": -1}, {"tasks": ()}])
def test_numbers_out_of_range_are_refused(tasks, changes) -> None:
    with pytest.raises(ConfigurationError, match="at least one model, epoch and task"):
        asked(tasks, **changes)


def test_a_log_that_was_cut_is_not_believed(tmp_path) -> None:
    path = tmp_path / "log.jsonl"
    log = IngestLog(path)
    assert log.read(1) is None
    path.write_text('{"index": 0, "training_s": 1.0, "store_s": 0.1, "new_bytes": 3}\n{"index": 1,')
    (known,) = log.read(1)
    assert known.training_s == 1.0
    assert log.read(2) is None
