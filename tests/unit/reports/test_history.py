"""Levels in a series, drift, and the file of nights."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.drift import PENALTY, SHORTEST, _scatter, drift, levels
from reports.errors import ReportError
from reports.figures.history import draw_history
from reports.history import add_entries, entries_of, read_history, series_of
from tests.unit.reports.factory import record


def noisy(sizes, *, scatter=0.02, each=20, seed=0):
    random = np.random.default_rng(seed)
    return [size * math.exp(random.normal(0, scatter)) for size in sizes for _ in range(each)]


def test_a_step_is_found_where_it_is_and_noise_is_none():
    found = [levels(noisy([10.0, 11.0], seed=seed)) for seed in range(100)]
    right = [fit for fit in found if len(fit) == 2 and abs(fit[0].end - 20) <= 1]
    assert len(right) >= 90
    assert drift(right[0]) == pytest.approx(1.1, abs=0.02)
    alarms = sum(len(levels(noisy([10.0], each=60, seed=seed))) > 1 for seed in range(200))
    assert alarms <= 4


def test_many_series_together_are_divided_as_rarely_as_one():
    random = np.random.default_rng(3)
    histories = [random.normal(0, 0.03, (50, 30)) for _ in range(40)]
    alone = sum(len(levels(np.exp(logs))) > 1 for history in histories for logs in history)
    assert alone >= 5  # 2,000 series
    false = sum(
        any(len(levels(np.exp(logs), among=50)) > 1 for logs in history) for history in histories
    )
    assert false <= 2  # of 40 histories
    assert len(levels(noisy([10.0, 11.0]), among=50)) == 2


def test_many_small_steps_add_up_to_drift():
    found = levels(noisy([10.0, 10.3, 10.6, 10.9], scatter=0.004))
    assert len(found) == 4
    assert drift(found) == pytest.approx(1.09, abs=0.01)
    assert drift(levels(noisy([11.0, 10.0]))) == pytest.approx(1 / 1.1, abs=0.02)  # faster


@given(st.lists(st.floats(0.1, 10.0), min_size=6, max_size=11))
def test_the_division_is_the_best_of_all(values):
    logs = np.log(values)
    sigma, price = _scatter(logs), PENALTY * math.log(len(values))

    def cost(cuts):
        parts = [logs[a:b] for a, b in itertools.pairwise((0, *cuts, len(values)))]
        if any(len(part) < SHORTEST for part in parts):
            return math.inf
        return sum(((part - part.mean()) ** 2).sum() / sigma**2 + price for part in parts)

    inside = range(1, len(values))
    best = min(cost(cuts) for count in range(4) for cuts in itertools.combinations(inside, count))
    found = cost(tuple(level.first for level in levels(values)[1:]))
    assert found == pytest.approx(best, rel=1e-6, abs=1e-6)


def test_short_series_have_one_level_and_no_drift():
    assert levels([]) == ()
    (level,) = levels([1.0, 2.0, 4.0])
    assert level.value == pytest.approx(2.0)
    assert drift([level]) is None
    with pytest.raises(ValueError, match="positive"):
        levels([1.0, 0.0])


def night(number, factor=1.0):
    return [
        record(label, wall_s=factor * time_s, round=0,
               started_at=f"2025-{1 + number // 28:02}-{1 + number % 28:02}T02:00:00Z",
               git={"commit": f"{number:x}" * 40})
        for label, time_s in (("Base", 8.0), ("Alsatian", 2.0))
    ]  # fmt: skip


def test_nights_are_added_once_and_read_as_series(tmp_path):
    file = tmp_path / "new" / "history.jsonl"
    for number in range(12):
        assert add_entries(file, entries_of(night(number, 1.2 if number >= 6 else 1.0))) == 2
    assert add_entries(file, entries_of(night(3))) == 0
    series = series_of(read_history(file))
    assert [len(each.entries) for each in series] == [12, 12]
    for each in series:
        assert each.drift == pytest.approx(1.2)
        assert each.entries[each.levels[-1].first].commit == "6" * 10
    png, _ = draw_history(series, tmp_path)
    assert png.exists()


def test_every_step_since_the_lowest_level_is_named_and_can_be_accepted(tmp_path):
    file = tmp_path / "history.jsonl"
    sizes = (1.1, 1.0, 1.04, 1.08)
    for number in range(24):
        add_entries(file, entries_of(night(number, sizes[number // 6])))
    each = series_of(read_history(file))[0]
    assert each.drift == pytest.approx(1.08)
    assert [(entry.commit[:2], round(ratio, 2)) for entry, ratio in each.steps] == [
        ("cc", 1.04), ("12", 1.04),
    ]  # fmt: skip
    accepted = series_of(read_history(file), since="2025-01-19")[0]
    assert (len(accepted.entries), accepted.drift, accepted.steps) == (6, None, ())


def test_a_file_without_a_last_line_end_loses_no_line(tmp_path):
    file = tmp_path / "history.jsonl"
    add_entries(file, entries_of(night(0)))
    file.write_text(file.read_text().rstrip("\n"))
    assert add_entries(file, entries_of(night(1))) == 2
    assert len(read_history(file)) == 4


@pytest.mark.parametrize(("name", "value"), [("time", "last night"), ("wall_s", math.inf),
                                             ("wall_s", "2"), ("label", None)])  # fmt: skip
def test_a_value_that_cannot_be_drawn_is_named_with_its_line(tmp_path, name, value):
    file = tmp_path / "history.jsonl"
    add_entries(file, entries_of(night(0)))
    first, second = file.read_text().splitlines()
    file.write_text(f"{first}\n{json.dumps({**json.loads(second), name: value})}\n")
    with pytest.raises(ReportError, match="Line 2 of"):
        read_history(file)


@pytest.mark.parametrize("line", ["{", "[]", '{"schema": 9}', "3"])
def test_a_line_that_is_none_is_named(tmp_path, line):
    file = tmp_path / "history.jsonl"
    add_entries(file, entries_of(night(0)))
    with file.open("a") as out:
        out.write(f"{line}\n")
    with pytest.raises(ReportError, match="Line 3 of"):
        read_history(file)
    with pytest.raises(ReportError, match="history add"):
        read_history(tmp_path / "none")
