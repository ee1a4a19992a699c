"""Spans: every nanosecond of the timed unit is charged to exactly one phase."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.trace import SpanTracer
from systems.tracing import PHASES


class Clock:
    def __init__(self) -> None:
        self.now = 1000

    def __call__(self) -> int:
        return self.now


def test_a_phase_is_charged_its_exclusive_time() -> None:
    clock = Clock()
    tracer = SpanTracer(clock=clock)
    tracer.start()
    clock.now += 5
    with tracer.span("inference", items=3):
        clock.now += 100
        with tracer.span("prepare_model", bytes=7):
            clock.now += 30
        clock.now += 1
        with tracer.excluded():
            clock.now += 1000
    tracer.stop()
    assert tracer.phases_ns["inference"] == 101
    assert tracer.phases_ns["prepare_model"] == 30
    assert tracer.phases_ns["unattributed"] == 5
    assert tracer.phases_ns["excluded"] == 1000
    assert tracer.wall_s == pytest.approx(136e-9)
    assert [span.phase for span in tracer.spans] == ["prepare_model", "excluded", "inference"]
    assert tracer.spans[-1].attributes == {"items": 3}


def test_start_forgets_what_came_before() -> None:
    clock = Clock()
    tracer = SpanTracer(clock=clock)
    with tracer.span("plan"):
        clock.now += 5
    tracer.count("blocks_read", 2)
    tracer.start()
    tracer.stop()
    assert tracer.wall_s == 0
    assert tracer.spans == []
    assert tracer.counts == {}


def test_an_error_closes_the_span() -> None:
    clock = Clock()
    tracer = SpanTracer(clock=clock)
    tracer.start()
    with pytest.raises(ValueError, match="x"), tracer.span("plan"):
        clock.now += 3
        raise ValueError("x")
    clock.now += 4
    tracer.stop()
    assert tracer.phases_ns["plan"] == 3
    assert tracer.phases_ns["unattributed"] == 4


SPANS = st.recursive(
    st.integers(0, 50), lambda inner: st.tuples(st.sampled_from(PHASES), st.lists(inner)),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(SPANS))
def test_phases_add_up_to_the_wall_time(work: list) -> None:
    clock = Clock()
    tracer = SpanTracer(clock=clock)
    tracer.start()

    def do(item: object) -> None:
        if isinstance(item, int):
            clock.now += item
        else:
            phase, inner = item  # type: ignore[misc]
            with tracer.span(phase):
                for part in inner:
                    do(part)

    for item in work:
        do(item)
    tracer.stop()
    assert sum(tracer.phases_ns.values()) == clock.now - 1000
