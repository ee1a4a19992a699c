"""What a span costs: it stands around every block of every batch."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from harness.trace import SpanTracer

SPANS = 10_000


def test_ten_thousand_spans(benchmark: BenchmarkFixture) -> None:
    tracer = SpanTracer()

    def record() -> None:
        tracer.start()
        for number in range(SPANS):
            with tracer.span("inference", block="b", vertex=number, items=32):
                pass
        tracer.stop()

    benchmark.pedantic(record, rounds=10, warmup_rounds=1)
    assert len(tracer.spans) == SPANS
    assert tracer.counts == {}
