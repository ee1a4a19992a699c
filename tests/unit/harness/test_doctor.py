"""The doctor looks for real; what it makes of answers is tested apart."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from harness import doctor_host
from harness.doctor import as_json, doctor, print_doctor
from harness.doctor_devices import _device, torch_findings
from harness.finding import Finding, Section
from harness.noise import NoiseFolder
from tests.nvml_stand_in import compile_stand_in, compiler

FACTS = {"version": "2.13.0", "cuda": None, "devices": [], "error": None, "threads": 2}


def verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.subject: finding.verdict for finding in findings}


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> tuple[Section, ...]:
    folder = tmp_path_factory.mktemp("nothing-yet")
    with pytest.MonkeyPatch.context() as patched:  # this machine may be one that is known
        patched.setattr("harness.noise.known_baselines", lambda: folder / "baselines")
        sections = doctor(cache=folder / "cache" / "deep", runs=folder / "runs")
    assert list(folder.iterdir()) == []
    return sections


def test_this_machine(examined: tuple[Section, ...]) -> None:
    found = {section.title: verdicts(list(section.findings)) for section in examined}
    assert list(found) == [
        "Machine", "Limits", "Caches", "Folders", "Telemetry of the host", "Steadiness", "GPUs",
        "PyTorch", "Predictions",
    ]  # fmt: skip
    assert "examination" not in {subject for part in found.values() for subject in part}
    assert found["Limits"]["memory limit"] in ("yes", "weaker")
    assert found["Folders"]["claims on runs"] == "yes"
    assert found["Steadiness"]["noise floor"] == "no"
    assert found["PyTorch"]["PyTorch"] == "yes"
    assert json.loads(json.dumps(as_json(examined)))[0]["title"] == "Machine"


def test_everything_is_shown_and_remedies_stand_below(examined: tuple[Section, ...]) -> None:
    console = Console(file=io.StringIO(), width=100)
    print_doctor(console, examined)
    shown = " ".join(console.file.getvalue().split())
    for section in examined:
        for finding in section.findings:
            assert finding.subject in shown
    assert shown.index("What can be done:") < shown.index("alsatian-bench noise quick")


def test_markup_in_findings_is_shown_as_it_is() -> None:
    finding = Finding(subject="a", verdict="no", detail="[red]b[/red]", remedy="[bold]c")
    console = Console(file=io.StringIO(), width=100)
    print_doctor(console, [Section(title="T", findings=(finding,))])
    assert "[red]b[/red]" in console.file.getvalue()
    assert "- a: [bold]c" in console.file.getvalue()


def test_a_probe_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(_: Path) -> list[Finding]:
        raise RuntimeError("no such tree")

    monkeypatch.setattr(doctor_host, "limits", broken)
    monkeypatch.setattr("harness.doctor_devices.torch", lambda: [])
    sections = {part.title: part.findings for part in doctor(cache=tmp_path, runs=tmp_path)}
    assert sections["Limits"][0].detail == "looking at it failed: RuntimeError: no such tree"
    assert sections["Machine"]


def test_a_file_system_in_memory_is_never_cold() -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("there is no file system in memory here")
    found = {finding.subject: finding for finding in doctor_host.caches(memory)}
    assert found["cold caches"].verdict == "no"
    assert found["reads from disk"].verdict == "no"
    assert "--cache DIR" in (found["cold caches"].remedy or "")
    assert found["warm caches"].verdict == "yes"


def test_a_measured_noise_floor_is_found(tmp_path: Path) -> None:
    from harness.environment import host_class

    NoiseFolder(tmp_path, host_class()).keep({"identity": "abc"})
    assert verdicts(list(doctor_host.steadiness(tmp_path)))["noise floor"] == "yes"


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, "no", "built for CPUs"),
        ({"cuda": "13.0"}, "no", "sees no device"),
        ({"cuda": "13.0", "error": "driver too old"}, "no", "driver too old"),
        ({"cuda": "13.0", "devices": ["H200", "H200"]}, "yes", "H200, H200"),
    ],
)
def test_cuda(changes: dict[str, object], verdict: str, said: str) -> None:
    cuda = torch_findings(FACTS | changes)[-1]
    assert cuda.verdict == verdict
    assert said in cuda.detail
    assert (cuda.remedy is None) == (verdict == "yes")


def test_counters_of_a_device() -> None:
    device = {"name": "H200", "memory_bytes": 140 * 2**30, "idle_processes": 1}
    values = {"gpu0.power_w": 90.0, "gpu0.energy_j": None, "gpu1.power_w": None}
    found = _device("gpu0", device, values, {"gpu0.energy_j": "Not Supported"})
    assert verdicts(list(found)) == {
        "gpu0": "note", "gpu0 counters": "weaker", "gpu0 without": "no", "gpu0 is free": "no",
    }  # fmt: skip
    assert [finding.detail for finding in found][:3] == [
        "H200, 140 GiB", "power_w", "energy_j (Not Supported)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("governors", "verdict"),
    [(None, "note"), (["performance"], "yes"), (["performance", "powersave"], "weaker")],
)
def test_governors(governors: list[str] | None, verdict: str) -> None:
    assert doctor_host._governor(governors).verdict == verdict


@pytest.mark.skipif(compiler() is None, reason="there is no C compiler")
def test_devices_through_the_real_pynvml(tmp_path: Path) -> None:
    stand_in = compile_stand_in(tmp_path)
    stand_in.say({"gpus": 2, "error.nvmlDeviceGetTotalEnergyConsumption": 3, "gpu1.lost": 1})
    found = stand_in.ask(
        "import json; from harness.doctor_devices import gpus;"
        "from harness.environment import gpu_names;"
        "print(json.dumps([[f.subject, f.verdict, f.detail] for f in gpus()]"
        " + [['names', 'note', ' | '.join(gpu_names())]]))"
    )
    seen = {subject: (verdict, detail) for subject, verdict, detail in found}
    assert seen["NVML"][0] == "yes"
    assert seen["gpu0 counters"][0] == "weaker"
    assert seen["gpu0 without"] == ("no", "energy_j (Not Supported)")
    assert seen["gpu1"] == ("no", "GPU is lost")
    assert seen["names"][1] == "Stand-in GPU | GPU 1: GPU is lost"
