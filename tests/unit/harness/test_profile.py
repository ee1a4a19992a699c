"""The profiler's trace, tied to the monotonic clock by its anchors."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest
import torch

from harness.profile import ANCHORS, profiled, read_profile_clock, read_profile_events
from systems.errors import BenchError


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, int]:
    """A profile with one product, and the moments before and after that."""
    path = tmp_path_factory.mktemp("profile") / "profile.json.gz"
    a = torch.ones(200, 200)
    with profiled(True, path):
        time.sleep(0.05)
        before_ns = time.monotonic_ns()
        torch.mm(a, a)
        after_ns = time.monotonic_ns()
    return path, before_ns, after_ns


def test_an_operator_is_found_where_it_ran(profile: tuple[Path, int, int]) -> None:
    path, before_ns, after_ns = profile
    clock = read_profile_clock(path)
    product = next(e for e in read_profile_events(path) if e.get("name") == "aten::mm")
    slack_ns = 200_000  # an anchor may be interrupted on a busy machine
    assert before_ns - slack_ns <= clock.monotonic_ns(product["ts"])
    assert clock.monotonic_ns(product["ts"] + product["dur"]) <= after_ns + slack_ns
    assert clock.ns_per_us == pytest.approx(1000, rel=0.01)


def test_anchors_are_not_shown(profile: tuple[Path, int, int]) -> None:
    assert not any("anchor" in str(e.get("name")) for e in read_profile_events(profile[0]))


def test_nothing_else_is_left_behind(profile: tuple[Path, int, int]) -> None:
    assert list(profile[0].parent.iterdir()) == [profile[0]]


def test_disabled_it_writes_nothing(tmp_path: Path) -> None:
    with profiled(False, tmp_path / "profile.json.gz"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_search_that_fails_keeps_its_error_and_no_profile(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), profiled(True, tmp_path / "profile.json.gz"):
        raise ValueError("mine")
    assert not list(tmp_path.iterdir())


def anchor(host_ns: int, profile_us: float) -> dict:
    return {
        "ph": "X",
        "cat": "user_annotation",
        "name": f"alsatian-bench anchor {host_ns}",
        "ts": profile_us,
        "dur": 1,
    }


def write(path: Path, events: list[dict]) -> Path:
    with gzip.open(path, "wt") as file:
        json.dump({"schemaVersion": 1, "traceEvents": events, "traceName": "x"}, file)
    return path


def test_interrupted_anchors_do_not_count(tmp_path: Path) -> None:
    late_us = [900.0, 40.0, 0.0, 7.0, 3.0]
    events = [anchor(10_000 + n, 10_000 + n / 1e3 + late) for n, late in enumerate(late_us)]
    events += [anchor(10**9 + n, 1.01e6 + n / 1e3 + late) for n, late in enumerate(late_us)]
    clock = read_profile_clock(write(tmp_path / "p.json.gz", events))
    assert clock.monotonic_ns(10_000 + 2 / 1e3) == pytest.approx(10_002)
    assert clock.monotonic_ns(1.01e6 + 2 / 1e3) == pytest.approx(10**9 + 2)


def test_a_large_profile_is_read_in_pieces(tmp_path: Path) -> None:
    events = [{"ph": "X", "name": f"op {n} [x, ]", "ts": n, "dur": 1} for n in range(30_000)]
    path = write(tmp_path / "p.json.gz", events)
    assert list(read_profile_events(path)) == events


def test_a_profile_without_anchors_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p.json.gz", [{"ph": "X", "name": "op", "ts": 1, "dur": 1}])
    with pytest.raises(BenchError, match=f"0 of the {2 * ANCHORS} anchors"):
        read_profile_clock(path)


@pytest.mark.parametrize("damage", ["cut", "no gzip", "cut inside"])
def test_a_damaged_profile_is_named(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path / "p.json.gz", [{"ph": "X", "name": "op", "ts": 1, "dur": 1}] * 2000)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "no gzip":
        path.write_bytes(b"{}")
    else:
        text = gzip.decompress(path.read_bytes())
        path.write_bytes(gzip.compress(text[: len(text) // 2]))
    with pytest.raises(BenchError, match="is damaged"):
        list(read_profile_events(path))
