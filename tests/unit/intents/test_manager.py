"""The manager without its thread: budgets, Belady's choice, tiers, cancelled keys."""

from __future__ import annotations

import weakref
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.intents.intent import FOREVER, Intent
from systems.intents.manager import IntentManager
from systems.intents.tier import TierSpec


class Value:
    """Lives exactly as long as somebody holds it."""

    def __init__(self, key: str) -> None:
        self.key = key


class Recorder:
    """Loads values, and knows which are alive in which tier."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.alive: dict[str, weakref.WeakSet[Value]] = {}

    def tier(
        self, name: str = "memory", *, budget: int | None = None, ahead: int | None = None
    ) -> TierSpec:
        alive = self.alive[name] = weakref.WeakSet()

        def load(key: str, below: Value | None) -> Value:
            if below is None:
                self.loads.append(key)
            else:
                assert below.key == key
            value = Value(key)
            alive.add(value)
            return value

        return TierSpec(name=name, load=load, budget_bytes=budget, ahead_bytes=ahead)  # type: ignore[arg-type]

    def resident(self, name: str = "memory") -> set[str]:
        return {value.key for value in self.alive[name]}


def once(key: str, clock: int) -> Intent:
    return Intent(key=key, start=clock, end=clock + 1)


def used(accesses: list[str], slots: int, *, oracle: bool) -> int:
    """Loads of a cache of ``slots`` equal values: Belady's, or the least recently used one's."""
    held: list[str] = []  # least recently used first
    loads = 0
    for clock, key in enumerate(accesses):
        if key not in held:
            loads += 1
            if len(held) == slots:
                later = accesses[clock + 1 :]
                distance = {k: later.index(k) if k in later else len(accesses) for k in held}
                held.remove(max(held, key=distance.__getitem__) if oracle else held[0])
        else:
            held.remove(key)
        held.append(key)
    return loads


@given(
    st.lists(st.sampled_from("abcdef"), min_size=1, max_size=25),
    st.integers(1, 4),
    st.lists(st.integers(0, 3), min_size=25, max_size=25),
)
def test_loads_are_belady_s_and_never_more_than_least_recently_used(
    accesses: list[str], slots: int, ahead: list[int]
) -> None:
    recorder = Recorder()
    manager = IntentManager([recorder.tier(budget=slots)], size_of=lambda _: 1, is_ahead=False)
    manager.signal(once(key, clock) for clock, key in enumerate(accesses))
    for clock, key in enumerate(accesses):
        for _ in range(ahead[clock]):
            manager.load_ahead()
        assert manager.acquire(once(key, clock)).key == key
        assert len(recorder.resident()) <= slots
        manager.advance()
    fewest = used(accesses, slots, oracle=True)
    assert len(recorder.loads) == fewest
    assert fewest <= used(accesses, slots, oracle=False)
    assert recorder.resident() == set()


SIZES = {"a": 1, "b": 2, "c": 3, "d": 5, "e": 8, "f": 13}
MOVES = st.one_of(
    st.tuples(st.just("signal"), st.sampled_from("abcdef"), st.integers(-2, 5), st.integers(1, 3)),
    st.tuples(st.just("acquire"), st.sampled_from("abcdef")),
    st.tuples(st.just("ahead")),
    st.tuples(st.just("advance"), st.integers(0, 2)),
    st.tuples(st.just("cancel"), st.sampled_from("abcdef")),
)


@settings(max_examples=300)
@given(
    st.lists(MOVES, max_size=60),
    st.integers(1, 20),
    st.one_of(st.none(), st.integers(1, 10)),
    st.booleans(),
)
def test_no_budget_is_exceeded_but_by_what_the_current_clock_uses(
    moves: list[tuple], budget: int, ahead: int | None, has_two_tiers: bool
) -> None:
    recorder = Recorder()
    tiers = [recorder.tier("disk", budget=2 * budget, ahead=ahead)] if has_two_tiers else []
    tiers.append(recorder.tier(budget=budget, ahead=ahead))
    manager = IntentManager(tiers, size_of=lambda key: SIZES[str(key)], is_ahead=False)
    wanted: dict[str, set[int]] = {key: set() for key in SIZES}
    unused: set[str] = set()
    for move in moves:
        match move:
            case ("signal", key, after, length):
                start = manager.clock + after
                wanted[key] |= set(range(start, start + length))
                manager.signal([Intent(key=key, start=start, end=start + length)])
            case ("acquire", key):
                wanted[key].add(manager.clock)
                assert manager.acquire(once(key, manager.clock)).key == key
                assert key in recorder.resident()
                unused.discard(key)
            case ("ahead",):
                before = recorder.resident()
                manager.load_ahead()
                unused |= recorder.resident() - before
            case ("advance", ticks):
                manager.advance(manager.clock + ticks)
            case ("cancel", key):
                wanted[key].clear()
                manager.cancel(lambda k, key=key: k == key)
        clock = manager.clock
        now = sum(SIZES[key] for key, clocks in wanted.items() if clock in clocks)
        resident = recorder.resident()
        unused &= resident
        assert manager.resident_bytes == sum(SIZES[key] for key in resident) <= max(budget, now)
        assert all(any(c >= clock for c in wanted[key]) for key in resident)
        if ahead is not None:
            assert sum(SIZES[key] for key in unused) <= ahead
        if has_two_tiers:
            below = sum(SIZES[key] for key in recorder.resident("disk"))
            assert below <= max(2 * budget, now)


def test_loading_ahead_follows_start_clocks_and_respects_what_is_needed_sooner() -> None:
    recorder = Recorder()
    manager = IntentManager([recorder.tier(budget=3)], size_of=lambda _: 1, is_ahead=False)
    manager.signal([once("c", 3), once("a", 1), once("d", 4), once("b", 2)])
    while manager.load_ahead():
        pass
    assert recorder.loads == ["a", "b", "c"]  # d would have to displace one of them
    manager.advance(2)
    assert manager.load_ahead()
    assert recorder.resident() == {"b", "c", "d"}


def test_nothing_begins_ahead_while_paused_and_what_is_needed_comes() -> None:
    recorder = Recorder()
    manager = IntentManager([recorder.tier()], size_of=lambda _: 1, is_ahead=False)
    manager.signal([once("a", 0), once("b", 1)])
    with manager.paused():
        assert not manager.load_ahead()
        assert manager.acquire(once("a", 0)).key == "a"
    assert manager.load_ahead()
    assert recorder.loads == ["a", "b"]


def test_a_late_signal_displaces_what_was_loaded_ahead_for_later() -> None:
    recorder = Recorder()
    manager = IntentManager([recorder.tier(ahead=2)], size_of=lambda _: 1, is_ahead=False)
    manager.signal([once("x", 8), once("y", 9)])
    while manager.load_ahead():
        pass
    manager.signal([once("now", 1)])
    while manager.load_ahead():
        pass
    assert recorder.resident() == {"now", "x"}
    assert recorder.loads == ["x", "y", "now"]
    manager.acquire(once("now", 1))
    assert manager.load_ahead()
    assert recorder.resident() == {"now", "x", "y"}


def test_what_is_too_large_to_load_ahead_is_skipped() -> None:
    recorder = Recorder()
    manager = IntentManager(
        [recorder.tier(ahead=3)], size_of=lambda key: SIZES[str(key)], is_ahead=False
    )
    manager.signal([once("f", 1), once("a", 2)])
    assert manager.load_ahead()
    assert not manager.load_ahead()
    assert recorder.loads == ["a"]
    manager.advance(1)
    assert manager.acquire(once("f", 1)).key == "f"


def test_what_exceeded_the_budget_goes_when_the_clock_no_longer_uses_it() -> None:
    recorder = Recorder()
    manager = IntentManager([recorder.tier(budget=2)], size_of=lambda _: 1, is_ahead=False)
    manager.signal(once(key, 0) for key in "abc")
    manager.signal([once("b", 6), once("c", 7), once("a", 5)])
    for key in "abc":
        manager.acquire(once(key, 0))
    assert recorder.resident() == {"a", "b", "c"}
    manager.advance()
    assert recorder.resident() == {"a", "b"}  # c is used last


def test_cancelled_keys_are_let_go_and_not_loaded() -> None:
    recorder = Recorder()
    manager = IntentManager([recorder.tier()], size_of=lambda _: 1, is_ahead=False)
    manager.signal(Intent(key=key, start=1, end=FOREVER) for key in "abcd")
    manager.load_ahead()
    manager.cancel(lambda key: key in "abd")
    while manager.load_ahead():
        pass
    assert recorder.loads == ["a", "c"]
    assert recorder.resident() == {"c"}


def test_a_tier_without_budget_leaves_no_copy_below_and_one_with_a_budget_does() -> None:
    for budget, copies in ((None, set()), (2, {"a", "b"})):
        recorder = Recorder()
        tiers = [recorder.tier("memory"), recorder.tier("device", budget=budget)]
        manager = IntentManager(tiers, size_of=lambda _: 1, is_ahead=False)
        manager.signal(Intent(key=key, start=0, end=3) for key in "ab")
        for key in "ab":
            manager.acquire(once(key, 0))
        assert recorder.resident("memory") == copies
        assert recorder.resident("device") == {"a", "b"}


def test_what_the_device_had_to_drop_comes_back_from_memory() -> None:
    recorder = Recorder()
    tiers = [recorder.tier("memory"), recorder.tier("device", budget=1)]
    manager = IntentManager(tiers, size_of=lambda _: 1, is_ahead=False)
    accesses = "abcabcabc"
    manager.signal(once(key, clock) for clock, key in enumerate(accesses))
    for clock, key in enumerate(accesses):
        manager.acquire(once(key, clock))
        manager.advance()
    assert Counter(recorder.loads) == Counter("abc")


def test_a_failed_load_ahead_is_told_to_who_acquires_the_key_and_to_nobody_else() -> None:
    tried: list[object] = []

    def load(key: object, _: object) -> str:
        tried.append(key)
        if key in ("bad", "gone"):
            raise OSError(f"{key} is damaged")
        return str(key)

    tier = TierSpec(name="memory", load=load)
    manager = IntentManager([tier], size_of=lambda _: 1, is_ahead=False)
    manager.signal([once("bad", 1), once("gone", 2), once("good", 3)])
    while manager.load_ahead():
        pass
    manager.cancel(lambda key: key == "gone")
    manager.advance(1)
    with pytest.raises(OSError, match="bad is damaged"):
        manager.acquire(once("bad", 1))
    assert manager.resident_bytes == 1
    assert manager.acquire(once("good", 1)) == "good"
    assert tried == ["bad", "gone", "good"]
