"""Each kind of deliberate fault once, as ``bench.faults`` does it many times."""

from __future__ import annotations

import pytest

from bench.faults import (
    INSIDE,
    Observation,
    Project,
    disk_full,
    gpu_library_missing,
    inside_a_worker,
    new_project,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("faulty"))


@pytest.fixture(scope="module")
def inside(faulty: Project) -> dict[str, Observation]:
    return {observation.fault: observation for observation in inside_a_worker(faulty, times=1)}


@pytest.mark.parametrize("fault", [fault.fault for fault in INSIDE])
def test_a_fault_inside_a_worker(inside: dict[str, Observation], fault: str) -> None:
    assert inside[fault].is_right, inside[fault].seen


def test_a_missing_gpu_library(faulty: Project) -> None:
    (observation,) = gpu_library_missing(faulty, times=1)
    assert observation.is_right, observation.seen


def test_a_full_disk(faulty: Project) -> None:
    (observation,) = disk_full(faulty, times=1)
    if observation.is_right is None:
        pytest.skip(f"no small disk can be mounted here: {observation.seen}")
    assert observation.is_right, observation.seen
