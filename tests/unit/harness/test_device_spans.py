"""The device's critical path: charged in stream order, placed on the host's clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.device_spans import DeviceTimeline
from harness.trace import SpanTracer
from tests.unit.harness.fake_device import FakeDevice

MS = 1_000_000
ANCHOR_NS = 4_000
"""By how much an anchor of the fake device can be off."""


def tracer_on(device: FakeDevice) -> SpanTracer:
    timeline = DeviceTimeline(device.record_event, clock=device.clock)
    return SpanTracer(clock=device.clock, device=timeline)


def test_work_is_charged_to_the_phase_that_gave_it_out_not_to_the_one_that_waited() -> None:
    device = FakeDevice()
    tracer = tracer_on(device)
    tracer.start()
    with tracer.span("inference", block="a", items=4):
        device.launch(100 * MS)
    with tracer.span("plan"):
        device.host_works(20 * MS)  # while the device computes: costs nothing
    with tracer.span("proxy_scoring"):
        device.launch(10 * MS)
        device.wait()
    tracer.stop()
    assert tracer.phases_ns["inference"] == pytest.approx(100 * MS, abs=ANCHOR_NS)
    assert tracer.phases_ns["plan"] == pytest.approx(0, abs=ANCHOR_NS)
    assert tracer.phases_ns["proxy_scoring"] == pytest.approx(10 * MS, abs=ANCHOR_NS)
    assert tracer.host_phases_ns["inference"] == 0
    assert tracer.host_phases_ns["proxy_scoring"] == 90 * MS


def test_an_idle_device_is_charged_to_what_the_host_did_meanwhile() -> None:
    device = FakeDevice()
    tracer = tracer_on(device)
    tracer.start()
    with tracer.span("prepare_model"):
        device.host_works(30 * MS)
    with tracer.span("inference"):
        device.launch(5 * MS)
    tracer.stop()
    assert tracer.phases_ns["prepare_model"] == pytest.approx(30 * MS, abs=ANCHOR_NS)
    assert tracer.wall_s == pytest.approx(0.035, abs=1e-5)


def test_what_is_excluded_does_not_take_the_wait_for_earlier_work_with_it() -> None:
    device = FakeDevice()
    tracer = tracer_on(device)
    tracer.start()
    with tracer.span("inference"):
        device.launch(50 * MS)
    with tracer.excluded():
        device.launch(1 * MS)
        device.wait()
    tracer.stop()
    assert tracer.wall_s == pytest.approx(0.050, abs=1e-5)
    assert tracer.phases_ns["excluded"] == pytest.approx(1 * MS, abs=ANCHOR_NS)


def test_nested_spans_are_exclusive_and_keep_their_attributes() -> None:
    device = FakeDevice()
    tracer = tracer_on(device)
    tracer.start()
    with tracer.span("inference", block="outer"):
        device.launch(4 * MS)
        with tracer.span("prepare_model", bytes=7):
            device.launch(3 * MS)
        device.launch(2 * MS)
    tracer.stop()
    assert tracer.phases_ns["inference"] == pytest.approx(6 * MS, abs=ANCHOR_NS)
    inner, outer = tracer.device_spans
    assert (inner.attributes, outer.attributes) == ({"bytes": 7}, {"block": "outer"})
    assert inner.lane == outer.lane == "device"
    assert outer.start_ns < inner.start_ns < inner.end_ns < outer.end_ns
    assert tracer.critical_spans == tracer.device_spans
    assert len(tracer.all_spans) == 4


def test_nothing_waits_for_the_device_within_the_timed_unit() -> None:
    device = FakeDevice()
    tracer = tracer_on(device)
    tracer.start()
    before = device.waits
    for _ in range(10):
        with tracer.span("inference"), tracer.span("cache"):
            device.launch(MS)
    assert device.waits == before
    tracer.stop()
    assert device.waits > before


@pytest.mark.parametrize("drift_ppm", [-80.0, 0.0, 80.0])
def test_ten_minutes_are_placed_within_microseconds(drift_ppm: float) -> None:
    device = FakeDevice(drift_ppm=drift_ppm)
    timeline = DeviceTimeline(device.record_event, clock=device.clock)
    timeline.start()
    truth = []
    for _ in range(3000):
        device.host_works(200 * MS)
        timeline.mark("plan")
        truth.append(device.now_ns)
    timeline.stop()
    errors = [abs(timeline.time_ns(n) - ns) for n, ns in enumerate(truth, 1)]
    # A float32 of ten minutes is off by up to 31 µs, a clock without a second anchor by 48 ms.
    assert max(errors) < 10_000
    facts = timeline.facts()
    assert facts["drift_ppm"] == pytest.approx(-drift_ppm, abs=0.1)
    assert facts["anchor_uncertainty_ns"] == 2_000
    assert facts["marks"] == 3001


WORK = st.lists(
    st.tuples(
        st.sampled_from(["inference", "plan", "cache", "proxy_scoring"]),
        st.integers(0, 5 * MS),
        st.integers(0, 5 * MS),
        st.booleans(),
    ),
    max_size=30,
)


@given(WORK)
def test_phases_add_up_to_the_time_until_the_device_is_done(work: list) -> None:
    device = FakeDevice()
    tracer = tracer_on(device)
    tracer.start()
    for phase, host_ns, device_ns, does_wait in work:
        with tracer.span(phase):
            device.host_works(host_ns)
            device.launch(device_ns)
            if does_wait:
                device.wait()
    begin_ns = tracer.started_ns
    device_end_ns = max(device._free_ns, device.now_ns)
    tracer.stop()
    charged = sum(tracer.phases_ns.values())
    assert charged == pytest.approx(device_end_ns - begin_ns, abs=2 * ANCHOR_NS)
    assert all(ns >= 0 for ns in tracer.phases_ns.values())


def test_a_second_search_starts_from_nothing() -> None:
    device = FakeDevice()
    tracer = tracer_on(device)
    for _ in range(2):
        tracer.start()
        with tracer.span("inference"):
            device.launch(MS)
        tracer.stop()
    assert len(tracer.device_spans) == 1
    assert tracer.wall_s == pytest.approx(0.001, abs=1e-5)


def test_a_processor_needs_no_timeline_of_its_own() -> None:
    assert DeviceTimeline.for_device("cpu") is None
