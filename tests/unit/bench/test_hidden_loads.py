"""The share of hidden loads, on spans that can be added up by hand."""

from __future__ import annotations

from typing import Any

import pytest

from bench.hidden_loads import loading
from harness.trace import Lane, Span


def span(start_s: float, end_s: float, lane: Lane = "host", **attributes: Any) -> Span:
    return Span("prepare_model", int(start_s * 1e9), int(end_s * 1e9), attributes, lane)


def test_what_was_loaded_ahead_counts_by_what_was_waited_for() -> None:
    spans = [
        span(0, 1, bytes=10),  # loaded when used, within the wait for it
        span(0, 1.5, waited=True),
        span(2, 5, "prefetch", bytes=30),
        span(4, 5, waited=True),
        span(6, 6.5),  # dropped a stage
        Span("inference", 0, 10**10, {"bytes": 1}),
    ]
    found = loading(spans)
    assert found.load_s == pytest.approx(4.0)
    assert found.waited_s == pytest.approx(2.5)
    assert found.hidden_share == pytest.approx(0.375)


def test_without_loading_ahead_nothing_is_hidden() -> None:
    assert loading([span(0, 2, bytes=10), span(2, 3)]).hidden_share == 0
    assert loading([]).hidden_share == 0


def test_on_a_device_its_own_lane_says_what_was_waited_for() -> None:
    spans = [
        span(0, 4, "prefetch", bytes=10),
        span(4, 5, "prefetch", copied=10),
        span(0, 3, waited=True),
        span(0, 1, "device", waited=True),
    ]
    assert loading(spans).hidden_share == pytest.approx(0.8)
