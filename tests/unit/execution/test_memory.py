"""What memory a search may count on, where a container has less than its machine."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from systems.execution import memory
from systems.execution.memory import (
    SHARE,
    available_bytes,
    container_limit,
    memory_size_bytes,
)


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_the_limit_of_a_container(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{2**30}\n")
    assert container_limit(tmp_path) == 2**30
    for nothing in ("max\n", f"{2**63 - 4096}\n", "", str(2 * psutil.virtual_memory().total)):
        file.write_text(nothing)
        assert container_limit(tmp_path) is None


def test_the_least_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_bytes = psutil.Process().memory_info().rss
    monkeypatch.setattr(memory, "container_limit", lambda: taken_bytes + 200_000_000)
    about = pytest.approx(SHARE * 200e6, abs=50e6)
    assert available_bytes("cpu") == about
    assert available_bytes("cpu", limit_bytes=taken_bytes + 10**12) == about
    assert available_bytes("cpu", limit_bytes=taken_bytes) < 50e6


def test_the_memory_is_the_machines_or_what_a_container_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "container_limit", lambda: None)
    assert memory_size_bytes("cpu") == psutil.virtual_memory().total
    monkeypatch.setattr(memory, "container_limit", lambda: 2**30)
    assert memory_size_bytes("cpu") == 2**30
