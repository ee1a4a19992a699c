"""From timed steps to a profile, and the real measurement on a small scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import calibration_job
from harness.calibration import profile_of
from systems.planning.hardware_profile import DEFAULT

LATENCY_S, MEMORY, RATES = 2e-4, 2e10, {"resnet": 2e11, "text_encoder": 5e10}


def samples(*, disturbed: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """What a machine of known numbers would show; a share of the samples takes far longer."""
    random = np.random.default_rng(seed)

    def seconds(exact_s: float) -> float:
        slow = random.random() < disturbed
        return exact_s * random.uniform(0.98, 1.02) * (random.uniform(2, 50) if slow else 1)

    executions = []
    for family, rate in RATES.items():
        for _ in range(30):
            operations, moved = 10 ** random.uniform(6, 10), 10 ** random.uniform(5, 8.5)
            exact_s = LATENCY_S + operations / rate + moved / MEMORY
            executions.append(
                {"family": family, "operations": operations, "moved_bytes": moved,
                 "seconds": seconds(exact_s)}
            )  # fmt: skip
    reads = [
        {"bytes": size, "again": again, "seconds": seconds(1e-3 + size / (4e9 if again else 5e8))}
        for size in 10 ** np.linspace(5, 8, 12)
        for again in (False, True, True)
    ]
    heads = [
        {"steps": steps, "operations": operations,
         "seconds": seconds(2e-3 + steps * 1e-4 + operations / 1e10)}
        for steps in (100, 400, 1600)
        for operations in (1e8, 1e9, 4e9)
    ]  # fmt: skip
    return {
        "threads": 2,
        "executions": executions,
        "reads": reads,
        "decodes": {"digits": 1e-4, "fake": 3e-3},
        "preparations": [{"bytes": size, "seconds": size / 2e9} for size in (1e6, 2e7)],
        "heads": heads,
        "plan_vertex_s": 1e-6,
        "memory_size_bytes": 24_000_000_000,
    }


@pytest.mark.parametrize("disturbed", [0.0, 0.25])
def test_the_numbers_behind_the_samples_are_found(disturbed: float) -> None:
    profile = profile_of(samples(disturbed=disturbed))
    assert profile.execution_s == pytest.approx(LATENCY_S, rel=0.1)
    assert profile.memory_bytes_per_s == pytest.approx(MEMORY, rel=0.1)
    for family, rate in RATES.items():
        assert profile.operations_per_s[family] == pytest.approx(rate, rel=0.1)
    assert profile.store_bytes_per_s == pytest.approx(5e8, rel=0.1)
    assert profile.reread_bytes_per_s == pytest.approx(4e9, rel=0.1)
    assert profile.block_read_s == pytest.approx(1e-3, rel=0.1)
    assert profile.decode_item_s == {"digits": 1e-4, "fake": 3e-3, DEFAULT: 3e-3}
    assert profile.prepare_bytes_per_s == pytest.approx(2e9)
    assert profile.threads == 2
    assert not profile.is_fallback


def test_heads_are_split_into_start_steps_and_operations() -> None:
    profile = profile_of(samples())
    assert profile.head_step_s == pytest.approx(1e-4, rel=0.1)
    assert profile.head_operations_per_s == pytest.approx(1e10, rel=0.1)


def test_what_is_too_fast_to_be_seen_has_a_finite_rate() -> None:
    found = samples()
    found["preparations"] = [{"bytes": 1.0, "seconds": 1.0}, {"bytes": 1e6, "seconds": 1e-30}]
    assert np.isfinite(profile_of(found).prepare_bytes_per_s)


def test_the_real_measurement_gives_a_usable_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        calibration_job, "PROBES", (("resnet18", 32, (1, 4)), ("bert_tiny", 16, (2,)))
    )
    monkeypatch.setattr(calibration_job, "STORED", "resnet18")
    monkeypatch.setattr(calibration_job, "DECODED", ("digits",))
    monkeypatch.setattr(calibration_job, "REPEATS", 2)
    told: list[str] = []
    found = calibration_job.calibrate(
        {"device": "cpu", "cache": str(tmp_path)}, emit=lambda event, **facts: told.append(event)
    )["calibration"]
    assert told == ["preparing"] * 6
    profile = profile_of(found)
    assert {"resnet", "text_encoder", DEFAULT} == set(profile.operations_per_s)
    assert all(1e6 < rate <= 1e15 for rate in profile.operations_per_s.values())
    assert 0 < profile.decode_item_s["digits"] < 1
    assert not list(tmp_path.glob(".calibration-*"))
