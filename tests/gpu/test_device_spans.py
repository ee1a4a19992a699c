"""Device spans on a real device: what the stream did, on the host's clock."""

from __future__ import annotations

import itertools
import time

import pytest
import torch

from harness.device_spans import DeviceTimeline
from harness.trace import SpanTracer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def busy(seconds: float) -> None:
    """Keep the stream busy for about that long, without waiting for it."""
    torch.cuda._sleep(int(seconds * 1.5e9))


@pytest.fixture
def tracer() -> SpanTracer:
    torch.ones(1, device="cuda")
    return SpanTracer(device=DeviceTimeline.for_device("cuda"))


def test_launched_work_is_charged_to_the_phase_that_launched_it(tracer: SpanTracer) -> None:
    tracer.start()
    with tracer.span("inference"):
        busy(0.1)
    with tracer.span("plan"):
        time.sleep(0.01)
    with tracer.span("proxy_scoring"):
        torch.cuda.synchronize()
    tracer.stop()
    assert tracer.host_phases_ns["inference"] < 20e6
    assert tracer.phases_ns["inference"] > 30e6
    assert tracer.phases_ns["plan"] < 5e6
    assert tracer.phases_ns["proxy_scoring"] < 5e6


def test_an_idle_device_is_charged_to_the_host(tracer: SpanTracer) -> None:
    tracer.start()
    with tracer.span("prepare_model"):
        time.sleep(0.05)
    tracer.stop()
    assert tracer.phases_ns["prepare_model"] == pytest.approx(50e6, rel=0.1)


def test_both_clocks_agree_on_the_whole(tracer: SpanTracer) -> None:
    tracer.start()
    for _ in range(200):
        with tracer.span("inference"):
            busy(0.001)
        with tracer.span("cache"):
            pass
    torch.cuda.synchronize()
    tracer.stop()
    host_ns, device_ns = sum(tracer.host_phases_ns.values()), sum(tracer.phases_ns.values())
    assert device_ns == pytest.approx(host_ns, rel=0.01)
    assert len(tracer.device_spans) == 400
    neighbours = itertools.pairwise(tracer.device_spans)
    assert all(a.end_ns <= b.start_ns for a, b in neighbours)


def test_the_anchors_are_within_microseconds() -> None:
    timeline = DeviceTimeline.for_device("cuda:0")
    assert timeline is not None
    timeline.start()
    time.sleep(0.5)
    timeline.mark("plan")
    timeline.stop()
    facts = timeline.facts()
    assert facts["anchor_uncertainty_ns"] < 100_000
    assert abs(facts["drift_ppm"]) < 1000
