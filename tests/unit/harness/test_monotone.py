"""Larger runs are skipped after one that was out of memory, others never."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.monotone import skipped_after_out_of_memory
from harness.spec import RunSpec
from scenarios.matrix import Cell

AXES = ("items", "models")
SPEC = RunSpec.from_cell(
    Cell(
        parameters={
            "system": "alsatian",
            "architecture": "resnet18",
            "distribution": "top_50",
            "models": 12,
            "items": 400,
            "resolution": 64,
        }
    )
)


def reason(status: str = "out_of_memory", **changes: Any) -> str | None:
    return skipped_after_out_of_memory({SPEC: status}, replace(SPEC, **changes), AXES)


@pytest.mark.parametrize("changes", [{"items": 401}, {"models": 35}, {"items": 800, "models": 13}])
def test_larger_runs_are_skipped(changes: dict[str, int]) -> None:
    assert reason(**changes)


def test_the_reason_names_the_smaller_run() -> None:
    assert reason(items=800) == (
        "The same run with items = 400 was out of memory, and the scenario declares items, "
        "models monotone."
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"items": 399},
        {"items": 800, "models": 11},
        {"items": 800, "system": "shift"},
        {"items": 800, "options": {**SPEC.options, "prefetch": False}},
        {"items": 800, "memory_limit": 10**9},
        {"items": 800, "resolution": 32},
        {"resolution": 128},
        {"items": 800, "device": "cuda"},
    ],
)
def test_all_else_must_be_equal(changes: dict[str, Any]) -> None:
    assert reason(**changes) is None


def test_the_wall_limit_has_nothing_to_do_with_memory() -> None:
    assert reason(items=800, wall_limit_s=SPEC.wall_limit_s + 1)


@pytest.mark.parametrize("status", ["ok", "failed", "timeout", "crashed", "invalid", "skipped"])
def test_only_out_of_memory_counts(status: str) -> None:
    assert reason(status, items=800) is None


def test_what_has_no_size_is_not_larger() -> None:
    text = replace(SPEC, resolution=None)
    done = {text: "out_of_memory"}
    assert skipped_after_out_of_memory(done, SPEC, ["resolution"]) is None
    assert skipped_after_out_of_memory({}, SPEC, AXES) is None
    assert (
        skipped_after_out_of_memory({SPEC: "out_of_memory"}, replace(SPEC, items=9**9), []) is None
    )


@given(st.tuples(*[st.integers(1, 4)] * 2), st.tuples(*[st.integers(1, 4)] * 2))
def test_skipped_means_dominated(one: tuple[int, int], other: tuple[int, int]) -> None:
    small, large = (replace(SPEC, items=items, models=models) for items, models in (one, other))
    skipped = skipped_after_out_of_memory({small: "out_of_memory"}, large, AXES) is not None
    assert skipped == (one != other and all(a <= b for a, b in zip(one, other, strict=True)))
