"""Spans: every nanosecond of the timed unit is charged to exactly one phase."""

from __future__ import annotations

import threading

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


def test_other_threads_work_in_the_background() -> None:
    tracer = SpanTracer()
    tracer.start()

    def decode() -> None:
        for _ in range(200):
            with tracer.span("prepare_data", items=1):
                tracer.count("items_decoded", 1)
                tracer.peak("largest", 1)

    with tracer.span("inference"):
        threads = [threading.Thread(target=decode) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    tracer.stop()
    assert tracer.counts["items_decoded"] == 800
    assert len(tracer.background) == 800
    assert {span.lane for span in tracer.background} == {"prefetch"}
    assert [span.phase for span in tracer.spans] == ["inference"]
    assert tracer.phases_ns["prepare_data"] == 0
    assert len(tracer.all_spans) == 801


def test_the_thread_that_starts_is_the_one_that_is_charged() -> None:
    tracer = SpanTracer()

    def search() -> None:
        tracer.start()
        with tracer.span("plan"):
            pass
        tracer.stop()

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert [span.lane for span in tracer.spans] == ["host"]
    assert tracer.background == []
    assert tracer.ended_ns >= tracer.spans[0].end_ns
