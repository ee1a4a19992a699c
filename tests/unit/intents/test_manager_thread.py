"""The manager with its thread and loads that take time: overlap, errors, and always an end."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from systems.intents.intent import FOREVER, Intent
from systems.intents.manager import IntentManager
from systems.intents.tier import TierSpec

LONG_S = 20.0


def once(key: object, clock: int) -> Intent:
    return Intent(key=key, start=clock, end=clock + 1)


class SlowLoads:
    """Loads that wait until they are let go, one by one or all; knows who loaded what."""

    def __init__(self) -> None:
        self.begun: list[tuple[object, str]] = []
        self._permits = threading.Semaphore(0)
        self._news = threading.Condition()

    def __call__(self, key: object, _: object) -> str:
        with self._news:
            self.begun.append((key, threading.current_thread().name))
            self._news.notify_all()
        assert self._permits.acquire(timeout=LONG_S)
        return f"value of {key}"

    def finish(self, count: int = 1000) -> None:
        self._permits.release(count)

    def wait_for(self, begun: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.begun) >= begun, timeout=LONG_S)


@contextmanager
def managing(load: Callable[..., Any], **limits: int) -> Iterator[IntentManager]:
    tier = TierSpec(name="memory", load=load, **limits)
    manager = IntentManager([tier], size_of=lambda _: 1, is_ahead=True)
    try:
        yield manager
    finally:
        manager.close()
        assert "prefetch" not in {t.name for t in threading.enumerate() if t.is_alive()}


def test_the_thread_loads_while_the_user_of_values_does_something_else() -> None:
    loads = SlowLoads()
    with managing(loads) as manager:
        manager.signal(once(key, 0) for key in "abc")
        loads.finish()
        loads.wait_for(3)
        assert manager.acquire(once("c", 0)) == "value of c"
        assert loads.begun == [("a", "prefetch"), ("b", "prefetch"), ("c", "prefetch")]


def test_who_comes_too_early_waits_for_the_load_under_way() -> None:
    loads = SlowLoads()
    with managing(loads) as manager:
        manager.signal([once("a", 0)])
        loads.wait_for(1)
        threading.Timer(0.05, loads.finish).start()
        for _ in range(2):
            assert manager.acquire(once("a", 0)) == "value of a"
        assert len(loads.begun) == 1  # loaded once, not by both


def test_a_key_that_nobody_signalled_is_loaded_beside_the_thread_s_own_load() -> None:
    loads = SlowLoads()
    with managing(loads) as manager:
        manager.signal([once("a", 5)])
        loads.wait_for(1)
        threading.Timer(0.05, loads.finish).start()
        assert manager.acquire(once("b", 0)) == "value of b"
        assert loads.begun[1] == ("b", threading.current_thread().name)


def test_using_a_value_makes_room_for_the_next_one_ahead() -> None:
    loads = SlowLoads()
    loads.finish()
    with managing(loads, ahead_bytes=2) as manager:
        manager.signal(Intent(key=key, start=0, end=FOREVER) for key in "abcd")
        loads.wait_for(2)
        time.sleep(0.05)
        assert len(loads.begun) == 2
        manager.acquire(once("a", 0))
        loads.wait_for(3)


def test_a_key_cancelled_while_it_is_loaded_does_not_stay() -> None:
    loads = SlowLoads()
    with managing(loads) as manager:
        manager.signal([once("a", 1), once("b", 2)])
        loads.wait_for(1)
        manager.cancel(lambda _: True)
        loads.finish()
        deadline_s = time.monotonic() + LONG_S
        while manager.resident_bytes and time.monotonic() < deadline_s:
            time.sleep(0.001)
        assert manager.resident_bytes == 0
        assert [key for key, _ in loads.begun] == ["a"]


@pytest.mark.parametrize("error", [OSError("disk"), MemoryError("room"), SystemExit(3)])
def test_the_thread_s_error_reaches_who_waits_for_that_key(error: BaseException) -> None:
    def load(key: object, _: object) -> object:
        time.sleep(0.02)
        if key == "bad":
            raise error
        return key

    with managing(load) as manager:
        manager.signal([once("bad", 0), once("good", 0)])
        assert manager.acquire(once("good", 0)) == "good"
        with pytest.raises(type(error)):
            manager.acquire(once("bad", 0))
        assert manager.acquire(once("good", 0)) == "good"


def test_close_ends_the_thread_in_the_middle_of_a_load_and_can_be_repeated() -> None:
    loads = SlowLoads()
    with managing(loads) as manager:
        manager.signal(once(key, 0) for key in "abc")
        loads.wait_for(1)
        threading.Timer(0.05, loads.finish).start()
        manager.close()
        assert len(loads.begun) == 1
        assert manager.resident_bytes == 0
        manager.close()
        with pytest.raises(RuntimeError, match="closed"):
            manager.acquire(once("a", 0))


@pytest.mark.parametrize("seed", range(6))
def test_random_stages_always_end_with_the_right_values(seed: int) -> None:
    """Two tiers, tight limits, unexpected keys, skipped keys and cancellations."""
    choose = random.Random(seed)

    def load(key: object, _: object) -> object:
        time.sleep(choose.random() * 2e-4)
        return key

    specs = [
        TierSpec(name="memory", load=load, budget_bytes=5, ahead_bytes=3),
        TierSpec(name="device", load=lambda key, below: below, budget_bytes=3, ahead_bytes=2),
    ]
    manager = IntentManager(specs, size_of=lambda _: 1, is_ahead=True)
    stages = [choose.choices(range(8), k=choose.randint(0, 5)) for _ in range(60)]
    try:
        manager.signal(once(key, n) for n, keys in enumerate(stages) for key in keys)
        for number, keys in enumerate(stages):
            for key in [*keys[choose.randint(0, 1) :], *choose.choices(range(8), k=1)]:
                assert manager.acquire(once(key, number)) == key
            if choose.random() < 0.1:
                gone = choose.randrange(8)
                manager.cancel(lambda key, gone=gone: key == gone)
            manager.advance()
    finally:
        manager.close()


def test_a_search_that_forgets_to_close_does_not_keep_its_process() -> None:
    program = """
from systems.intents.intent import Intent
from systems.intents.manager import IntentManager
from systems.intents.tier import TierSpec
import time
spec = TierSpec(name="memory", load=lambda key, below: time.sleep(0.2))
manager = IntentManager([spec], size_of=lambda key: 1, is_ahead=True)
manager.signal([Intent(key=n, start=0, end=1) for n in range(1000)])
raise SystemExit(5)
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=30, check=False)
    assert done.returncode == 5
