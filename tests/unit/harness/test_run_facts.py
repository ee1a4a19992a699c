"""What a record says reaches the rules under its right name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness.run_facts import POWER_CAPS, SLOWDOWNS, RunFacts, run_facts
from harness.telemetry.throttling import THROTTLE_REASONS
from harness.validity import judge

RECORD: dict[str, Any] = {
    "spec": {
        "cache": "cold",
        "store_bandwidth": 200_000_000,
        "memory_limit": 2**30,
        "cores": 2,
        "telemetry": True,
        "device": "cuda",
    },
    "wall_s": 10.0,
    "phases_s": {"inference": 6.0, "prepare_model": 3.95},
    "counts": {"allocator_retries": 3, "bytes_read": 5},
    "cache_proof": {
        "state": "cold",
        "resident_after": 0.002,
        "is_proved": True,
        "reason": None,
    },
    "limits": {
        "memory": {"mechanism": "rlimit", "is_weaker": True, "limit_bytes": 2**30},
        "cores": {"pinned": [0, 1]},
        "bandwidth": {"mechanism": "paced", "achieved_bytes_per_s": 199e6},
    },
    "gpu_uuid": "aaaa-bbbb",
    "telemetry": {
        "gpus": {"gpu0": {"uuid": "GPU-cccc-dddd"}, "gpu1": {"uuid": "GPU-aaaa-bbbb"}},
        "counters": {
            "gpu0.foreign_processes": {"unit": "1", "min": 4.0, "mean": 4.0, "max": 4.0},
            "gpu1.foreign_processes": {"unit": "1", "min": 0.0, "mean": 0.5, "max": 1.0},
        },
        "sampling": {
            "host": {"interval_s": 0.1, "samples": 100, "longest_gap_s": 0.2},
            "gpu": {"interval_s": 0.05, "samples": 150, "longest_gap_s": 2.5},
            "pss": {"interval_s": 5.0, "samples": 1, "longest_gap_s": 9.0},
        },
        "doubts": {
            "throttled": {
                "gpu0": {"hardware slowdown": 0.9},
                "gpu1": {"software thermal slowdown": 0.02, "software power cap": 0.5},
            },
            "foreign_gpu_processes": 4,
            "swap_in_bytes": 4096.0,
            "swap_out_bytes": None,
            "others_cpu_share": 0.03,
            "others_own_cores_share": 0.07,
            "own_cores": 2,
            "steal_share": 0.01,
        },
    },
}


def test_every_fact_of_a_full_record() -> None:
    assert run_facts(RECORD) == RunFacts(
        cache_state="cold",
        is_cache_proved=True,
        resident_share=0.002,
        store_bandwidth_bytes_per_s=200_000_000,
        read_bytes_per_s=199e6,
        memory_limit_bytes=2**30,
        memory_mechanism="rlimit",
        is_memory_limit_weaker=True,
        cores=2,
        pinned_cores=2,
        wall_s=10.0,
        phases_s=pytest.approx(9.95),  # type: ignore[arg-type]
        throttled_share=0.02,
        power_capped_share=0.5,
        throttle_reasons=("software thermal slowdown",),
        foreign_gpu_processes=1,
        allocator_retries=3,
        swapped_bytes=4096,
        others_share=0.07,
        stolen_share=0.01,
        is_telemetry_asked=True,
        samples=150,
        longest_gap_s=2.5,
        interval_s=0.05,
    )


def test_without_its_uuid_a_run_answers_for_all_devices() -> None:
    facts = run_facts({**RECORD, "gpu_uuid": None})
    assert facts.foreign_gpu_processes == 4
    assert facts.throttled_share == 0.9


def test_a_run_on_the_processor_has_no_gpu() -> None:
    facts = run_facts({**RECORD, "spec": {**RECORD["spec"], "device": "cpu"}})
    assert facts.foreign_gpu_processes is None
    assert facts.throttled_share is None
    assert facts.others_share == 0.07


@pytest.mark.parametrize(
    ("spec", "held_up"),
    [
        ({"device": "cpu"}, 0.14),
        ({"device": "cpu", "threads": 2}, 0.14),
        ({"device": "cpu", "threads": 1}, None),  # one core is left for the others
        ({"device": "cuda"}, None),
    ],
)
def test_others_hold_up_who_computes_on_all_cores(
    spec: dict[str, Any], held_up: float | None
) -> None:
    facts = run_facts({**RECORD, "spec": {**RECORD["spec"], **spec}})
    assert facts.held_up_share == (None if held_up is None else pytest.approx(held_up))


@pytest.mark.parametrize(
    "left_out", ["cache_proof", "limits", "telemetry", "counts", "phases_s", "wall_s"]
)
@pytest.mark.parametrize("how", ["missing", "null"])
def test_parts_that_are_missing_are_unknown(left_out: str, how: str) -> None:
    record = copy.deepcopy(RECORD)
    if how == "null":
        record[left_out] = None
    else:
        del record[left_out]
    facts = run_facts(record)
    assert facts.cache_state == "cold"
    judge(facts)


def test_a_sampler_that_failed_has_watched_nothing() -> None:
    failed = {"is_complete": False, "reason": "It has no header."}
    flags = judge(run_facts({**RECORD, "telemetry": failed})).flags
    assert "not_watched" in {flag.name for flag in flags}


def test_a_record_of_before_these_facts() -> None:
    old = {"spec": {"system": "shift"}, "wall_s": 1.0, "phases_s": {"inference": 1.0}}
    assert judge(run_facts(old)).flags == ()


def test_reasons_are_called_as_telemetry_calls_them() -> None:
    assert set(THROTTLE_REASONS.values()) >= SLOWDOWNS | POWER_CAPS
    assert not SLOWDOWNS & POWER_CAPS
