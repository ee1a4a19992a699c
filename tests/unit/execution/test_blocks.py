"""The source of blocks: what is read, when, by whom, and what stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.trace import SpanTracer
from systems.execution.blocks import BlockSource
from systems.store.store import BlockRef
from systems.tracing import NoTracer

BLOCKS = "abcdefgh"
REFS = {name: BlockRef(hash=name, architecture=f"net/{name}", tensor_bytes=10) for name in BLOCKS}


class Loads:
    """Loads that take ``seconds``; remembers what was loaded by which thread."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.done: list[tuple[str, str]] = []

    def __call__(self, ref: BlockRef) -> Any:
        time.sleep(self.seconds)
        self.done.append((ref.hash, threading.current_thread().name))
        return lambda x: (ref.hash, x)

    @property
    def hashes(self) -> list[str]:
        return [name for name, _ in self.done]


@contextmanager
def tracing() -> Iterator[SpanTracer]:
    tracer = SpanTracer()
    tracer.start()
    yield tracer
    tracer.stop()


def search(
    source: BlockSource,
    stages: Sequence[str],
    *,
    expected: Sequence[str] = (),
    budget: int | None = None,
) -> None:
    """Announce ``expected``, then run ``stages``, each block twice."""
    source.expect(expected, budget_bytes=budget)
    for stage in stages:
        source.begin_stage()
        for block in stage * 2:
            assert source.acquire(block)(1) == (block, 1)  # type: ignore[arg-type]
        source.end_stage()


def source_of(loads: Loads, tracer: SpanTracer, **options: Any) -> BlockSource:
    return BlockSource(REFS, load=loads, tracer=tracer, **options)


STAGES = st.lists(st.text(BLOCKS, max_size=6), max_size=8)


@settings(deadline=None, max_examples=60)
@given(stages=STAGES, told=st.integers(0, 8), ahead=st.sampled_from([None, 5, 20]))
def test_what_is_read_does_not_depend_on_prefetch(
    stages: list[str], told: int, ahead: int | None
) -> None:
    """As published: once per stage that needs it; with ``keep`` once for all."""
    for keep in (False, True):
        read = {}
        for prefetch in (False, True):
            loads = Loads()
            with tracing() as tracer:
                source = source_of(loads, tracer, keep=keep, prefetch=prefetch, ahead_bytes=ahead)
                search(source, stages, expected=stages[:told])
                source.close()
            read[prefetch] = sorted(loads.hashes)
            assert tracer.counts.get("blocks_read", 0) == len(loads.done)
            assert tracer.counts.get("bytes_read", 0) == 10 * len(loads.done)
        wanted = (
            {b for stage in stages for b in stage} if keep else [b for s in stages for b in set(s)]
        )
        assert read[False] == read[True] == sorted(wanted)


def test_without_prefetch_nothing_is_read_before_its_use_nor_by_another_thread() -> None:
    loads = Loads()
    with tracing() as tracer:
        source = source_of(loads, tracer)
        source.expect(["ab", "ca"])
        time.sleep(0.02)
        assert loads.done == []
        search(source, ["ab", "ca"])
        source.close()
    assert loads.done == [(b, threading.current_thread().name) for b in "abca"]
    assert tracer.counts["resident_parameters_peak_bytes"] == 20
    assert not tracer.background


def test_kept_blocks_add_up_and_go_when_halving_drops_them() -> None:
    loads = Loads()
    with tracing() as tracer:
        source = source_of(loads, tracer, keep=True)
        search(source, ["ab", "cb"])
        assert tracer.counts["resident_parameters_peak_bytes"] == 30
        source.retain({"b"})
        search(source, ["b", "a"])
        source.close()
    assert loads.hashes == ["a", "b", "c", "a"]


def test_blocks_of_dropped_models_are_not_read_any_more() -> None:
    loads = Loads(0.01)
    with tracing() as tracer:
        source = source_of(loads, tracer, prefetch=True, ahead_bytes=20)
        source.expect(["a", "bcdefgh", "a"])
        source.retain({"a"})
        source.begin_stage()
        source.acquire("a")
        source.end_stage()
        source.begin_stage()
        source.end_stage()
        search(source, ["a"])
        source.close()
    assert loads.hashes.count("a") == 2
    assert len(loads.done) <= 2 + 2  # at most what had been begun within the budget


def test_loading_is_hidden_behind_computing_and_the_phases_still_add_up() -> None:
    loads = Loads(0.02)
    with tracing() as tracer:
        source = source_of(loads, tracer, prefetch=True)
        source.expect(list(BLOCKS))
        for block in BLOCKS:
            source.begin_stage()
            source.acquire(block)
            with tracer.span("inference", block=block, items=1):
                time.sleep(0.03)
            source.end_stage()
        source.close()
    ahead = [s.attributes["block"] for s in tracer.background if "bytes" in s.attributes]
    own = [s.attributes["block"] for s in tracer.spans if "bytes" in s.attributes]
    assert sorted(ahead + own) == [ref.architecture for ref in REFS.values()]
    assert len(own) <= 1  # the first may be faster than the thread
    waits = [s.attributes["block"] for s in tracer.spans if s.attributes.get("waited")]
    assert waits == [ref.architecture for ref in REFS.values()]
    assert {(s.phase, s.lane) for s in tracer.background} == {("prepare_model", "prefetch")}
    phases_s = tracer.phases_s()
    assert sum(phases_s.values()) == pytest.approx(tracer.wall_s, rel=0.05)
    assert phases_s["prepare_model"] < 0.5 * 8 * 0.02
    assert phases_s["inference"] >= 8 * 0.03


@pytest.mark.parametrize("prefetch", [False, True])
def test_a_damaged_block_is_an_error_where_it_is_used_and_close_still_ends(prefetch: bool) -> None:
    def load(ref: BlockRef) -> Any:
        if ref.hash == "b":
            raise OSError("The block file b is damaged.")
        return lambda x: x

    with tracing() as tracer:
        source = BlockSource(REFS, load=load, tracer=tracer, prefetch=prefetch)
        source.expect(["a", "b", "c"])
        source.begin_stage()
        source.acquire("a")
        source.end_stage()
        source.begin_stage()
        with pytest.raises(OSError, match="block file b is damaged"):
            source.acquire("b")
        source.close()
    assert "prefetch" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("mode", [False, True])
def test_tensors_are_of_the_searching_thread_s_kind(mode: bool) -> None:
    with torch.inference_mode(mode), tracing() as tracer:
        source = BlockSource(
            REFS, load=lambda _: torch.ones(1), tracer=tracer, prefetch=True  # type: ignore[arg-type, return-value]
        )  # fmt: skip
        source.expect(["a"])
        time.sleep(0.05)
        source.begin_stage()
        assert source.acquire("a").is_inference() == mode  # type: ignore[attr-defined]
        source.close()
    assert tracer.background


def test_reading_and_placing_are_two_tiers() -> None:
    """As on a device: read into memory, then placed; nothing is left in memory."""
    placed: list[str] = []

    def place(ref: BlockRef, read: Any) -> Any:
        placed.append(ref.hash)
        return lambda x: (read(x), "placed")

    loads = Loads()
    with tracing() as tracer:
        source = source_of(loads, tracer, prefetch=True, place=place)
        source.expect(["ab"])
        source.begin_stage()
        assert source.acquire("a")(1) == (("a", 1), "placed")  # type: ignore[arg-type]
        source.acquire("b")
        source.end_stage()
        source.close()
    assert sorted(loads.hashes) == sorted(placed) == ["a", "b"]
    assert tracer.counts["resident_parameters_peak_bytes"] <= 20


def test_the_loading_thread_computes_alone_and_changes_that_for_nobody_else() -> None:
    threads: dict[str, int] = {}

    def search_in_a_thread_that_never_asked() -> None:
        torch.set_num_threads(3)
        source = BlockSource(REFS, load=note_and_load, tracer=NoTracer(), prefetch=True)
        source.expect(["a"])
        time.sleep(0.05)
        source.close()
        threads["search"] = torch.get_num_threads()

    def note_and_load(ref: BlockRef) -> Any:
        threads["load"] = torch.get_num_threads()

    def later() -> None:
        threads["later"] = torch.get_num_threads()

    threads_before = torch.get_num_threads()
    try:
        for work in (search_in_a_thread_that_never_asked, later):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    finally:
        torch.set_num_threads(threads_before)
    assert threads == {"load": 1, "search": 3, "later": 3}


@pytest.mark.parametrize("prefetch", [False, True])
def test_a_budget_keeps_what_is_expected_again_soonest(prefetch: bool) -> None:
    loads = Loads()
    with tracing() as tracer:
        source = source_of(loads, tracer, keep=True, prefetch=prefetch)
        stages = ["ab", "ac", "ad", "b"]
        search(source, stages, expected=stages, budget=20)
        source.close()
    # a serves three stages and stays; b has to go for c, and is read again.
    assert sorted(loads.hashes) == ["a", "b", "b", "c", "d"]
    assert tracer.counts["resident_parameters_peak_bytes"] <= 20


def test_blocks_that_stayed_are_read_again_where_a_budget_comes_that_is_too_small() -> None:
    loads = Loads()
    with tracing() as tracer:
        source = source_of(loads, tracer, keep=True)
        search(source, ["abc"], expected=["abc"])
        assert source.resident() == frozenset("abc")
        search(source, ["ab", "c"], expected=["ab", "c"], budget=20)
        assert source.resident() == frozenset()
        source.close()
    assert loads.hashes == ["a", "b", "c", "a", "b", "c"]


@pytest.mark.parametrize("prefetch", [False, True])
def test_under_a_budget_blocks_stay_for_the_next_round_where_there_is_room(prefetch: bool) -> None:
    loads = Loads()
    with tracing() as tracer:
        source = source_of(loads, tracer, keep=True, prefetch=prefetch)
        search(source, ["ab", "cd"], expected=["ab", "cd"], budget=30)
        source.retain("cd")
        search(source, ["cd"], expected=["cd"], budget=30)
        source.close()
    assert sorted(loads.hashes) == ["a", "b", "c", "d"]
    assert tracer.counts["resident_parameters_peak_bytes"] <= 30


def test_what_no_longer_fits_into_a_later_round_s_budget_goes() -> None:
    loads = Loads()
    with tracing() as tracer:
        source = source_of(loads, tracer, keep=True, prefetch=True)
        search(source, ["ab", "cd", "e"], expected=["ab", "cd", "e"], budget=30)
        source.retain("bcde")
        search(source, ["cd", "be"], expected=["cd", "be"], budget=20)
        source.retain("be")
        search(source, ["be"], expected=["be"], budget=20)
        source.close()
    # In the second round at least one of three is still there, in the third both.
    assert len(loads.done) <= 5 + 3
    assert tracer.counts["resident_parameters_peak_bytes"] <= 30
