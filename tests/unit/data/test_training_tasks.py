"""What models may learn from, and what is kept from them."""

import numpy as np
import pytest
import torch

from systems.data.datasets import DatasetSpec, open_dataset
from systems.data.task_sources import parse_tasks, write_tasks
from systems.data.training_tasks import TaskRequest, digits_tasks, whole_task
from systems.data.transform import Transform
from systems.data.unused_items import held_out_items, item_names, others
from systems.errors import ConfigurationError, DatasetError

TRANSFORM = Transform(resolution=8)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return open_dataset(
        DatasetSpec(name="digits", items=None, resolution=8),
        cache_dir=tmp_path_factory.mktemp("cache"),
    )


def request(allowed, **changes) -> TaskRequest:
    values = {"transform": TRANSFORM, "allowed": allowed, "most_items": None, "seed": 0}
    return TaskRequest(**{**values, **changes})


def test_what_a_search_uses_is_neither_learned_from_nor_judged_by(digits, tmp_path) -> None:
    spec = DatasetSpec(name="digits", items=500, seed=3, resolution=16)
    searched = set(item_names(open_dataset(spec, cache_dir=tmp_path)))
    names = np.array(item_names(digits))
    held_out = held_out_items(digits, used=searched, seed=3)
    assert not searched & set(names[held_out])
    assert len(held_out) == round(0.3 * 1297)
    counts = np.bincount(digits.labels[held_out])
    assert counts.min() >= 0.8 * counts.max()  # every class at its share
    left = others(digits, searched | set(names[held_out]))
    assert len(set(names[left]) | searched | set(names[held_out])) == 1797
    assert len(left) == 1297 - len(held_out)
    assert len(held_out_items(digits, used=set(names), seed=3)) == 0


def test_the_questions_about_digits(digits) -> None:
    allowed = np.arange(200, 700)
    found = {task.name: task.read() for task in digits_tasks(digits, request(allowed))}
    number = torch.from_numpy(digits.labels[allowed])
    assert len(found) == 6
    assert found["digits_0_4"].labels.tolist() == number[number < 5].tolist()
    assert found["digits_5_9"].labels.tolist() == (number[number >= 5] - 5).tolist()
    assert found["digits_parity"].labels.tolist() == (number % 2).tolist()
    assert found["digits_large"].labels.tolist() == (number >= 5).long().tolist()
    loops = {0: 1, 6: 1, 8: 1, 9: 1}
    assert found["digits_loops"].labels.tolist() == [loops.get(n, 0) for n in number.tolist()]


def test_turned_digits_are_turned_by_their_label(digits) -> None:
    allowed = np.arange(40)
    turned = digits_tasks(digits, request(allowed))[0].read()
    upright = whole_task(digits, request(allowed), name="digits").read()
    assert set(turned.labels.tolist()) == {0, 1, 2, 3}
    for row, turn in enumerate(turned.labels.tolist()):
        assert torch.equal(turned.rows[row], torch.rot90(upright.rows[row], turn))


def test_fewer_items_keep_the_shares_of_classes(digits) -> None:
    task = digits_tasks(digits, request(np.arange(1797), most_items=101))[1]
    items = task.read()
    assert len(items) == 101
    assert np.ptp(np.bincount(items.labels.numpy())) <= 2


def test_content_decides_what_a_task_is(digits) -> None:
    first = digits_tasks(digits, request(np.arange(300)))
    again = digits_tasks(digits, request(np.arange(300)))
    other = digits_tasks(digits, request(np.arange(301)))
    assert [task.content_id for task in first] == [task.content_id for task in again]
    ids = {task.content_id for task in (*first, *other)}
    assert len(ids) >= 11  # one more digit: in one of the halves, or in neither


def test_too_few_items_name_the_task(digits) -> None:
    nines = np.flatnonzero(digits.labels == 9)[:60]
    with pytest.raises(DatasetError, match="The task digits_0_4 cannot be learned"):
        digits_tasks(digits, request(nines))


def test_tasks_are_read_as_they_are_written() -> None:
    text = "image_folder=/data/flowers+digits"
    assert write_tasks(parse_tasks(text)) == text
    assert [each.dataset for each in parse_tasks(text)] == ["image_folder", "digits"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("digit", "Did you mean 'digits'"),
        ("digits+digits", "names digits twice"),
        ("digits=/data", "takes no folder"),
        ("fake", "mean nothing"),
        ("", "no dataset ''"),
    ],
)
def test_wrong_tasks_are_refused(text, message) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_tasks(text)
