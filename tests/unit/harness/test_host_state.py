"""The state of the machine: read here for real, and from made-up proc and sys folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.host_state import cpu_quota, host_state


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("proc", "sys"):
        (tmp_path / name).mkdir()
    return tmp_path


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_this_machine_is_described_in_plain_json() -> None:
    state = host_state()
    assert json.loads(json.dumps(state)) == state
    assert len(state["load"]) == 3
    assert state["available_bytes"] > 0
    assert state["uptime_s"] > 0


def test_what_a_kernel_does_not_tell_is_unknown(root: Path) -> None:
    state = host_state(root=root)
    for name in (
        "cpu_pressure", "memory_pressure", "io_pressure", "governors", "frequency_hz",
        "is_turbo_on", "transparent_pages", "clock_source", "cpu_quota", "is_virtual",
    ):  # fmt: skip
        assert state[name] is None, name


def test_pressure_is_a_share(root: Path) -> None:
    line = "avg10=12.50 avg60=3.00 avg300=1.00 total=1\n"
    put(root, "proc/pressure/cpu", f"some {line}full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
    assert host_state(root=root)["cpu_pressure"] == 0.125


def test_governors_and_frequencies(root: Path) -> None:
    for core, (governor, kilohertz) in enumerate(
        [("powersave", 800_000), ("powersave", 2_400_000)]
    ):
        folder = f"sys/devices/system/cpu/cpu{core}/cpufreq"
        put(root, f"{folder}/scaling_governor", f"{governor}\n")
        put(root, f"{folder}/scaling_cur_freq", f"{kilohertz}\n")
    state = host_state(root=root)
    assert state["governors"] == ["powersave"]
    assert state["frequency_hz"] == {"min": 0.8e9, "mean": 1.6e9, "max": 2.4e9}


def test_frequencies_and_flags_of_a_virtual_machine(root: Path) -> None:
    put(root, "proc/cpuinfo", "cpu MHz\t\t: 2000.5\nflags\t\t: fpu hypervisor\ncpu MHz : 1999.5\n")
    state = host_state(root=root)
    assert state["frequency_hz"]["mean"] == 2.0e9
    assert state["is_virtual"] is True


@pytest.mark.parametrize(
    ("file", "text", "on"),
    [("intel_pstate/no_turbo", "1", False), ("intel_pstate/no_turbo", "0", True),
     ("cpufreq/boost", "1", True), ("cpufreq/boost", "0", False)],
)  # fmt: skip
def test_turbo(root: Path, file: str, text: str, on: bool) -> None:
    put(root, f"sys/devices/system/cpu/{file}", text)
    assert host_state(root=root)["is_turbo_on"] is on


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_quota_of_both_kinds_of_cgroup(root: Path, files: dict[str, str], quota: float) -> None:
    for name, text in files.items():
        put(root, f"sys/fs/cgroup/{name}", text)
    assert cpu_quota(root / "sys") == quota


def test_containers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert host_state(root=root)["container"] == "none"
    put(root, "proc/1/cgroup", "12:cpu:/docker/0123\n")
    assert host_state(root=root)["container"] == "docker"
    put(root, "run/systemd/container", "lxc\n")
    assert host_state(root=root)["container"] == "lxc"


def test_huge_pages_as_chosen(root: Path) -> None:
    put(root, "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never")
    assert host_state(root=root)["transparent_pages"] == "madvise"
