"""Predicted rows, and the measured times beside them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from reports.predictions import PredictedRow, as_json, print_predictions, with_measured
from tests.unit.reports.factory import record


def row(**changes: Any) -> PredictedRow:
    values: dict[str, Any] = {
        "search": "35 × resnet18",
        "label": "SHiFT",
        "identity": "abc",
        "wall_s": 12.0,
        "phases_s": {"prepare_model": 9.0, "inference": 3.0},
        "speed_up": 2.5,
        "bytes_read": 3e8,
        "items_decoded": 400.0,
        "profile": "paper",
        "is_fallback": False,
    }
    return PredictedRow(**(values | changes))


def shown(rows: list[PredictedRow]) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_predictions(console, rows)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_measured_times_are_medians_of_runs_of_the_same_specification() -> None:
    records = [
        record("SHiFT", identity="abc", round=number, wall_s=wall_s, host_class="this")
        for number, wall_s in enumerate((8.0, 10.0, 30.0))
    ]
    records += [
        record("SHiFT", identity="other", wall_s=1.0, host_class="this"),
        record("SHiFT", identity="abc", round=3, wall_s=1.0, host_class="elsewhere"),
        record("SHiFT", identity="abc", round=4, status="failed", wall_s=1.0, host_class="this"),
    ]
    (found,) = with_measured([row()], records, host_class="this")
    assert found.measured_s == 10.0
    assert found.measured_rounds == 3
    assert found.error == pytest.approx(0.2)
    assert "+20%" in shown([found])
    assert "10.0 s" in shown([found])


def test_without_runs_nothing_is_said_about_them() -> None:
    (found,) = with_measured([row()], [], host_class="this")
    assert found.measured_s is None
    assert found.error is None
    text = shown([found])
    assert "error" not in text.splitlines()[2]
    assert "75%" in text
    assert "2.50×" in text


def test_each_search_has_a_table_and_unknown_speed_ups_a_dash() -> None:
    text = shown([row(), row(search="12 × vit_ti_16", speed_up=None)])
    assert text.index("35 × resnet18") < text.index("12 × vit_ti_16")
    assert "–" in text


def test_json_has_null_for_what_is_not_known() -> None:
    document = json.loads(json.dumps(as_json([row(speed_up=None)], ["a note"])))
    assert document["notes"] == ["a note"]
    (found,) = document["runs"]
    assert found["speed_up"] is None
    assert found["error"] is None
    assert found["phases_s"] == {"prepare_model": 9.0, "inference": 3.0}
