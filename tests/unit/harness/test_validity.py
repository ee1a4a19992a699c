"""Every rule, on either side of its thresholds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import validity
from harness.run_facts import RunFacts
from harness.validity import RULES, judge

NOTHING: dict[str, Any] = {}
NOTE, INVALID = "note", "invalid"
MB = 10**6


def _found(**facts: Any) -> dict[str, str]:
    flags = judge(RunFacts(**facts)).flags
    return {flag.name: INVALID if flag.invalidates else NOTE for flag in flags}


@pytest.mark.parametrize(
    ("name", "facts", "outcome"),
    [
        ("cold_not_proved", {"cache_state": "cold", "is_cache_proved": True}, None),
        ("cold_not_proved", {"cache_state": "cold", "is_cache_proved": False}, INVALID),
        ("cold_not_proved", {"cache_state": "cold"}, INVALID),
        ("cold_not_proved", {"cache_state": "warm", "resident_share": 1.0}, None),
        ("warm_not_proved", {"cache_state": "warm", "resident_share": 0.99}, None),
        ("warm_not_proved", {"cache_state": "warm", "resident_share": 0.9899}, INVALID),
        ("warm_not_proved", {"cache_state": "warm", "is_cache_proved": True}, None),
        ("warm_not_proved", {"cache_state": "warm", "is_cache_proved": False}, NOTE),
        ("warm_not_proved", {"cache_state": "warm"}, NOTE),
        ("warm_not_proved", {"resident_share": 0.0}, None),
        ("store_rate_off", {"read_bytes_per_s": 5.0 * MB}, None),
        ("memory_limit_missing", {"memory_limit_bytes": 5}, INVALID),
        ("memory_limit_missing", {"memory_limit_bytes": 5, "memory_mechanism": "rlimit"}, None),
        ("memory_limit_missing", NOTHING, None),
        (
            "memory_limit_weaker",
            {
                "memory_limit_bytes": 5,
                "memory_mechanism": "rlimit",
                "is_memory_limit_weaker": True,
            },
            NOTE,
        ),
        ("memory_limit_weaker", {"memory_limit_bytes": 5, "memory_mechanism": "cgroup-v2"}, None),
        ("memory_limit_weaker", {"is_memory_limit_weaker": True}, None),
        ("cores_not_pinned", {"cores": 2, "pinned_cores": 2}, None),
        ("cores_not_pinned", {"cores": 2, "pinned_cores": 1}, INVALID),
        ("cores_not_pinned", {"cores": 2}, INVALID),
        ("cores_not_pinned", {"pinned_cores": 2}, None),
        ("phases_incomplete", {"wall_s": 100.0, "phases_s": 98.99}, None),
        ("phases_incomplete", {"wall_s": 100.0, "phases_s": 98.97}, INVALID),
        ("phases_incomplete", {"wall_s": 100.0, "phases_s": 101.03}, INVALID),
        ("phases_incomplete", {"wall_s": 0.5, "phases_s": 0.48}, None),
        ("phases_incomplete", {"wall_s": 100.0}, None),
        ("gpu_throttled", {"throttled_share": 0.0}, None),
        ("gpu_throttled", {"throttled_share": 0.001}, NOTE),
        ("gpu_throttled", {"throttled_share": 0.05}, NOTE),
        ("gpu_throttled", {"throttled_share": 0.051}, INVALID),
        ("gpu_power_capped", {"power_capped_share": 0.05}, None),
        ("gpu_power_capped", {"power_capped_share": 0.051}, NOTE),
        ("gpu_power_capped", {"power_capped_share": 1.0}, NOTE),
        ("gpu_shared", {"foreign_gpu_processes": 0}, None),
        ("gpu_shared", {"foreign_gpu_processes": 1}, INVALID),
        ("allocator_retried", {"allocator_retries": 0}, None),
        ("allocator_retried", {"allocator_retries": 1}, NOTE),
        ("swapped", {"swapped_bytes": 0}, None),
        ("swapped", {"swapped_bytes": 4096}, NOTE),
        ("swapped", {"swapped_bytes": 16 * 2**20}, NOTE),
        ("swapped", {"swapped_bytes": 16 * 2**20 + 1}, INVALID),
        ("machine_busy", {"others_share": 0.05}, None),
        ("machine_busy", {"others_share": 0.051}, NOTE),
        ("machine_busy", {"others_share": 0.25}, NOTE),
        ("machine_busy", {"others_share": 0.251}, INVALID),
        # Two computing cores: 2.5% and 10% of them are 5% and 20% of one.
        ("machine_busy", {"others_share": 0.025, "held_up_share": 0.05}, None),
        ("machine_busy", {"others_share": 0.026, "held_up_share": 0.052}, NOTE),
        ("machine_busy", {"others_share": 0.1, "held_up_share": 0.2}, NOTE),
        ("machine_busy", {"others_share": 0.11, "held_up_share": 0.22}, INVALID),
        ("processors_stolen", {"stolen_share": 0.02}, None),
        ("processors_stolen", {"stolen_share": 0.021}, NOTE),
        ("processors_stolen", {"stolen_share": 0.10}, NOTE),
        ("processors_stolen", {"stolen_share": 0.101}, INVALID),
        ("not_watched", {"is_telemetry_asked": True, "samples": 1}, None),
        ("not_watched", {"is_telemetry_asked": True, "samples": 0}, NOTE),
        ("not_watched", {"is_telemetry_asked": True}, NOTE),
        ("not_watched", {"is_telemetry_asked": False}, None),
        ("samples_missing", {"longest_gap_s": 1.0, "interval_s": 0.05}, None),
        ("samples_missing", {"longest_gap_s": 1.01, "interval_s": 0.05}, NOTE),
        ("samples_missing", {"longest_gap_s": 5.0, "interval_s": 0.5}, None),
        ("samples_missing", {"longest_gap_s": 5.1, "interval_s": 0.5}, NOTE),
        ("samples_missing", {"interval_s": 0.5}, None),
    ],
)
def test_a_rule(name: str, facts: dict[str, Any], outcome: str | None) -> None:
    assert _found(**facts) == ({} if outcome is None else {name: outcome})


@pytest.mark.parametrize(
    ("achieved", "outcome"),
    [(200, None), (206, None), (206.1, INVALID), (194, None), (193.9, INVALID), (None, INVALID)],
)
def test_the_rate_of_a_limited_store(achieved: float | None, outcome: str | None) -> None:
    found = _found(
        store_bandwidth_bytes_per_s=200 * MB,
        read_bytes_per_s=None if achieved is None else achieved * MB,
    )
    assert found == ({} if outcome is None else {"store_rate_off": outcome})


def test_the_table_says_what_the_rules_do() -> None:
    table = re.findall(r"^([a-z_]+) {2,}\S", validity.__doc__ or "", re.MULTILINE)
    names = [name for name in table if name != "flag"]
    assert names == [rule.__name__ for rule in RULES]
    worst = RunFacts(
        cache_state="cold", store_bandwidth_bytes_per_s=1, memory_limit_bytes=1,
        is_memory_limit_weaker=True, cores=1, wall_s=1.0, phases_s=2.0, throttled_share=1.0,
        power_capped_share=1.0, foreign_gpu_processes=1, allocator_retries=1,
        swapped_bytes=2**40, others_share=1.0, stolen_share=1.0, is_telemetry_asked=True,
        longest_gap_s=100.0, interval_s=0.1,
    )  # fmt: skip
    raised = {flag.name for flag in judge(worst).flags}
    assert raised == set(names) - {"warm_not_proved"}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (validity.WARM_RESIDENT_SHARE, "under 99%"),
        (validity.STORE_RATE_TOLERANCE, "not achieved within ±3%"),
        (validity.PHASES_TOLERANCE, "by more than 1%"),
        (validity.THROTTLED_INVALID_SHARE, "over 5% of samples"),
        (validity.SWAPPED_INVALID_BYTES / 2**20 / 100, "over 16 MiB"),
        (validity.BUSY_SHARE, "took over 5% of the processors"),
        (validity.BUSY_INVALID_SHARE, "over 25%"),
        (validity.STOLEN_SHARE, "took over 2% of the processors"),
        (validity.STOLEN_INVALID_SHARE, "over 10%"),
    ],
)
def test_the_table_has_the_thresholds(number: float, text: str) -> None:
    written = re.search(r"\d+", text)
    assert written is not None
    assert number * 100 == pytest.approx(int(written[0]))
    assert text in (validity.__doc__ or "")


def test_a_quiet_run_counts() -> None:
    judgement = judge(RunFacts())
    assert judgement.flags == ()
    assert judgement.is_valid
    assert (judgement.status, judgement.reason) == ("ok", None)
    assert judgement.as_record() == []


def test_what_invalidates_comes_first_and_is_the_reason() -> None:
    judgement = judge(RunFacts(allocator_retries=3, others_share=0.5, swapped_bytes=2**30))
    assert [flag.name for flag in judgement.flags] == [
        "swapped",
        "machine_busy",
        "allocator_retried",
    ]
    assert judgement.status == "invalid"
    assert judgement.reason == (
        "The machine swapped 1024.0 MiB during the run. "
        "Other processes took 50.0% of the machine's processor time."
    )
    assert judgement.as_record()[2] == {
        "name": "allocator_retried",
        "sentence": "The GPU's allocator had to free its cache 3 times to go on.",
        "invalidates": False,
    }


def test_the_reason_of_a_proof_that_failed_is_told() -> None:
    judgement = judge(RunFacts(cache_state="cold", is_cache_proved=False, cache_reason="Because."))
    assert judgement.reason == "The caches were not proved to be cold. Because."


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**40))
def test_more_of_a_disturbance_never_makes_a_run_valid(
    first: float, second: float, swapped_bytes: int
) -> None:
    less, more = sorted((first, second))
    for name in ("others_share", "stolen_share", "throttled_share"):
        few = judge(RunFacts(**{name: less}, swapped_bytes=swapped_bytes))  # type: ignore[arg-type]
        many = judge(RunFacts(**{name: more}, swapped_bytes=swapped_bytes))  # type: ignore[arg-type]
        assert few.is_valid or not many.is_valid
        assert {flag.name for flag in few.flags} <= {flag.name for flag in many.flags}
