"""Simulated gates: quiet noise raises no alarm, and a planted slow-down is found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bench.gate_power import BLOCK_ROUNDS, draw, read_floors, simulate
from reports.gating.looks import Looks
from reports.noise import noise_floors
from tests.unit.reports.test_noise import runs


def test_draws_are_blocks_of_the_series_with_a_sign() -> None:
    rng = np.random.default_rng(0)
    logs = np.arange(1.0, 11.0)
    drawn = draw(logs, 10, rng)
    assert drawn.shape == (10,)
    for start in range(0, 10, BLOCK_ROUNDS):
        block = drawn[start : start + BLOCK_ROUNDS]
        assert len({*np.sign(block)}) == 1
        assert all(np.diff(np.abs(block)) % 10 == 1)


def test_gates_on_quiet_noise() -> None:
    rng = np.random.default_rng(1)
    series = [0.02 * rng.standard_normal(20) for _ in range(2)]
    for _ in range(50):
        assert set(simulate(series, Looks(), rng, slower=[0, 0]).values()) == {"same"}
        one = simulate(series, Looks(), rng, slower=[0, 0.2])
        assert one == {"0": "same", "1": "regressed"}


def test_series_are_read_from_files(tmp_path: Path) -> None:
    floors = noise_floors(runs([10.0, 11.0, 12.0, 8.0]))
    (tmp_path / "noise.json").write_text(json.dumps([floor.as_json() for floor in floors]))
    assert tuple(read_floors([tmp_path / "noise.json"])) == floors
