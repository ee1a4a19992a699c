"""NVML counters: the real ``pynvml`` against a stand-in library."""

from __future__ import annotations

import pytest

from harness.telemetry.throttling import reasons_in
from tests.nvml_stand_in import StandIn, compile_stand_in, compiler

pytestmark = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")

SAMPLE = """
import json, sys
from harness.telemetry.nvml_devices import open_gpus
gpus, why = open_gpus()
if gpus is None:
    print(json.dumps({"why": why}))
    sys.exit()
values = dict(zip(gpus.columns, gpus.sample(), strict=True))
values |= dict(zip(gpus.slow_columns, gpus.slow_sample(frozenset({11})), strict=True))
print(json.dumps({"values": values, "missing": gpus.missing, "errors": gpus.errors,
                  "lost": gpus.lost, "gpus": gpus.describe()}))
"""
ONE = {
    "gpus": 1, "gpu0.memory": 5 * 10**9, "gpu0.utilisation": 80, "gpu0.power": 250_000,
    "gpu0.energy_rate": 250_000, "gpu0.clock": 1500, "gpu0.temperature": 61,
    "gpu0.reasons": 0x24, "gpu0.pcie": 1000, "gpu0.pids": "11,12,13",
}  # fmt: skip


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    return compile_stand_in(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="module")
def old_driver(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    return compile_stand_in(
        tmp_path_factory.mktemp("old"),
        without=("ENERGY", "EVENT_REASONS", "TEMPERATURE_V", "PROCESSES_V3"),
    )


def test_every_counter_in_its_unit(stand_in: StandIn) -> None:
    stand_in.say({**ONE, "gpu0.instant": 260_000})
    seen = stand_in.ask(SAMPLE)
    values = seen["values"]
    assert values.pop("gpu0.energy_j") > 0
    assert values == {
        "gpu0.memory_used_bytes": 5 * 10**9,
        "gpu0.utilisation": 0.8,
        "gpu0.memory_utilisation": 0.4,
        "gpu0.power_w": 260.0,
        "gpu0.sm_clock_hz": 1_501_000_000,
        "gpu0.memory_clock_hz": 1_502_000_000,
        "gpu0.throttle_reasons": 0x24,
        "gpu0.temperature_c": 61.0,
        "gpu0.pcie_sent_bytes_per_s": 1_024_000,
        "gpu0.pcie_received_bytes_per_s": 2_048_000,
        "gpu0.processes": 3,
        "gpu0.foreign_processes": 2,
    }
    assert seen["missing"] == seen["errors"] == seen["lost"] == {}
    assert seen["gpus"]["gpu0"]["power_is_instant"] is True
    assert seen["gpus"]["gpu0"]["idle_bytes"] == 5 * 10**9


def test_an_old_driver_is_asked_in_its_own_words(old_driver: StandIn) -> None:
    old_driver.say(ONE)
    seen = old_driver.ask(SAMPLE)
    assert seen["values"]["gpu0.throttle_reasons"] == 0x24
    assert seen["values"]["gpu0.temperature_c"] == 61.0
    assert seen["values"]["gpu0.processes"] == 3
    assert seen["values"]["gpu0.power_w"] == 250.0
    assert seen["gpus"]["gpu0"]["power_is_instant"] is False
    assert seen["values"]["gpu0.energy_j"] is None
    assert list(seen["missing"]) == ["gpu0.energy_j"]
    assert "Function Not Found" in seen["missing"]["gpu0.energy_j"]


def test_a_library_mismatch_is_a_missing_counter(tmp_path_factory: pytest.TempPathFactory) -> None:
    older = compile_stand_in(
        tmp_path_factory.mktemp("older"), without=("PROCESSES_V3", "PROCESSES")
    )
    older.say(ONE)
    seen = older.ask(SAMPLE)
    assert seen["values"]["gpu0.processes"] is None
    assert seen["values"]["gpu0.foreign_processes"] is None
    assert {"gpu0.processes", "gpu0.foreign_processes"} <= seen["missing"].keys()


@pytest.mark.parametrize(("code", "word"), [(3, "Not Supported"), (4, "Insufficient Permissions")])
def test_what_is_refused_is_null_with_the_reason(stand_in: StandIn, code: int, word: str) -> None:
    stand_in.say({**ONE, "error.nvmlDeviceGetTotalEnergyConsumption": code})
    seen = stand_in.ask(SAMPLE)
    assert seen["values"]["gpu0.energy_j"] is None
    assert word in seen["missing"]["gpu0.energy_j"]
    assert seen["values"]["gpu0.power_w"] == 250.0


def test_a_passing_error_is_counted_and_asked_again(stand_in: StandIn) -> None:
    stand_in.say({**ONE, "error.nvmlDeviceGetUtilizationRates": 999})
    seen = stand_in.ask(SAMPLE.replace("values =", "gpus.sample(); values =", 1))
    assert seen["values"]["gpu0.utilisation"] is None
    assert seen["errors"] == {"gpu0.utilisation": 2, "gpu0.memory_utilisation": 2}
    assert seen["missing"] == {}


def test_one_lost_device_leaves_the_other(stand_in: StandIn) -> None:
    stand_in.say({**ONE, "gpus": 2, "gpu0.lost": 1, "gpu1.power": 90_000})
    seen = stand_in.ask(SAMPLE)
    assert seen["lost"] == {"gpu0": "GPU is lost"}
    assert seen["values"]["gpu0.memory_used_bytes"] is None
    assert seen["values"]["gpu1.power_w"] == 90.0
    assert seen["gpus"]["gpu0"]["name"] is None


def test_instances_of_a_divided_device(stand_in: StandIn) -> None:
    stand_in.say({**ONE, "gpu0.mig": 2, "gpu0.mig0.memory": 7, "gpu0.mig2.memory": 8,
                  "gpu0.mig2.pids": "11"})  # fmt: skip
    seen = stand_in.ask(SAMPLE)
    assert list(seen["gpus"]) == ["gpu0", "gpu0.mig0", "gpu0.mig2"]
    assert seen["values"]["gpu0.mig0.memory_used_bytes"] == 7
    assert seen["values"]["gpu0.mig2.memory_used_bytes"] == 8
    assert seen["values"]["gpu0.mig2.processes"] == 1
    assert seen["values"]["gpu0.mig2.foreign_processes"] == 0
    assert seen["values"]["gpu0.mig0.power_w"] is None
    assert seen["missing"]["gpu0.mig0.power_w"] == "Not Supported"
    assert seen["values"]["gpu0.power_w"] == 250.0


def test_pcie_is_read_on_one_device_at_a_time(stand_in: StandIn) -> None:
    stand_in.say({"gpus": 3, "gpu1.pcie": 7, "gpu1.temperature": 40})
    seen = stand_in.ask(SAMPLE.replace("({11}))", "({11}), turn=4)"))
    sent = [seen["values"][f"gpu{number}.pcie_sent_bytes_per_s"] for number in range(3)]
    assert sent == [None, 7168, None]
    assert seen["values"]["gpu2.temperature_c"] == 0.0
    assert seen["missing"] == {}


@pytest.mark.parametrize(
    ("visible", "places"),
    [
        ("1", ["gpu1", "gpu1.mig0", "gpu1.mig2"]),
        ("0,1", ["gpu0", "gpu1", "gpu1.mig0", "gpu1.mig2"]),
        ("GPU-0000", ["gpu0"]),
        ("MIG-0001-2", ["gpu1", "gpu1.mig2"]),
    ],
)
def test_only_what_cuda_may_see(stand_in: StandIn, visible: str, places: list[str]) -> None:
    stand_in.say({"gpus": 2, "gpu1.mig": 2})
    seen = stand_in.ask(SAMPLE, CUDA_VISIBLE_DEVICES=visible)
    assert list(seen["gpus"]) == places


@pytest.mark.parametrize("visible", ["", "-1"])
def test_no_device_may_be_seen(stand_in: StandIn, visible: str) -> None:
    stand_in.say(ONE)
    assert stand_in.ask(SAMPLE, CUDA_VISIBLE_DEVICES=visible) == {
        "why": "CUDA_VISIBLE_DEVICES hides all."
    }


def test_a_driver_that_is_not_loaded(stand_in: StandIn) -> None:
    stand_in.say({"init": 9})
    assert "Driver Not Loaded" in stand_in.ask(SAMPLE)["why"]


def test_no_library_at_all(stand_in: StandIn) -> None:
    seen = stand_in.ask(SAMPLE, LD_LIBRARY_PATH="/nonexistent")
    if "why" not in seen:
        pytest.skip("this machine has a real driver")
    assert "Not Found" in seen["why"]


def test_processes_of_a_container() -> None:
    from harness.telemetry.nvml import foreign_processes

    def count(pids: set[int], *, idle: set[int], is_translated: bool) -> int | None:
        return foreign_processes(
            frozenset(pids),
            own=frozenset({11}),
            idle=frozenset(idle),
            is_translated=is_translated,
        )

    assert count({11, 12}, idle=set(), is_translated=True) == 1
    assert count({12}, idle=set(), is_translated=True) == 1
    # Numbers of another namespace: 4711 may be the run's own process.
    assert count({4711}, idle=set(), is_translated=False) is None
    assert count({4711, 4712}, idle={4712}, is_translated=False) == 1
    assert count({11, 12}, idle=set(), is_translated=False) == 1
    assert count(set(), idle=set(), is_translated=False) == 0


def test_bits_have_names() -> None:
    assert reasons_in(0) == ()
    assert reasons_in(0x24) == ("software power cap", "software thermal slowdown")
    assert reasons_in(1 << 20) == ("bit 20",)
