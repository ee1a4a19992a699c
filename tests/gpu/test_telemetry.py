"""NVML counters of a real device, under a load that is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.telemetry.nvml_devices import open_gpus
from harness.telemetry.recording import Sampler

pytestmark = pytest.mark.gpu

LOAD = (
    "import time, torch\n"
    "if not torch.cuda.is_available(): raise SystemExit(3)\n"
    "kept = torch.empty(10**9, dtype=torch.uint8, device='cuda').fill_(1)\n"
    "a = torch.randn(4096, 4096, device='cuda'); end = time.time() + 4\n"
    "while time.time() < end:\n"
    "    for _ in range(20): a = (a @ a).clamp(-1, 1)\n"
    "    torch.cuda.synchronize()\n"
)


def test_a_load_is_seen_in_every_counter(tmp_path: Path) -> None:
    gpus, reason = open_gpus()
    if gpus is None:
        pytest.skip(f"no GPU: {reason}")
    worker = subprocess.Popen([sys.executable, "-c", LOAD])
    with Sampler.start(worker.pid, tmp_path) as sampler:
        worker.wait()
    if worker.returncode == 3:
        pytest.skip("PyTorch cannot use the GPU")
    summary = sampler.finish()
    peaks = [value for name, value in summary["peaks"].items() if "above_idle" in name]
    assert max(value for value in peaks if value is not None) > 10**9
    counters = summary["counters"]
    busiest = max(
        (name for name in counters if name.endswith(".utilisation")),
        key=lambda name: counters[name]["max"],
    )
    place = busiest.rpartition(".")[0]
    assert counters[busiest]["max"] > 0.5
    assert counters[f"{place}.power_w"]["max"] > counters[f"{place}.power_w"]["min"]
    if f"{place}.energy_j" in counters:
        mean_w = counters[f"{place}.energy_j"]["total"] / summary["window_s"]
        assert mean_w == pytest.approx(counters[f"{place}.power_w"]["mean"], rel=0.3)
    else:
        assert summary["missing"][f"{place}.energy_j"]
    assert summary["sampler"]["cpu_share"] < 0.02
    assert summary["sampling"]["gpu"]["gaps"] == 0
