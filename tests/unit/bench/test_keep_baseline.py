"""Reference runs and noise of a class of machines are kept whole, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.keep_baseline import keep
from harness.noise import NOISE_FILE, NoiseFolder
from reports.errors import ReportError
from reports.loading import load_records
from tests.unit.reports.factory import record_json

MACHINE = "Some (R) CPU @ 3 GHz | 2 cores | 24 GiB"


def stored(folder: Path, rounds: int, **changes: object) -> Path:
    for number in range(rounds):
        values = {
            "host_class": MACHINE,
            "round": number,
            "wall_s": 10.0 + number % 3,
            "started_at": f"2025-06-18T10:00:{number:02}Z",
            **changes,
        }
        run = record_json("Base", **values)
        place = folder / run["key"]
        place.mkdir(parents=True)
        (place / "record.json").write_text(json.dumps(run))
        (place / "spans.parquet").write_bytes(b"large")
    return folder


def test_what_is_kept_can_be_used(tmp_path: Path) -> None:
    noise = stored(tmp_path / "gate-noise", 16, scenario="gate-noise")
    runs = stored(tmp_path / "gate", 8, scenario="gate")
    folder = keep([noise], [runs], below=tmp_path / "baselines")
    assert folder.name == "some-r-cpu-3-ghz-2-cores-24-gib"
    assert len(load_records([folder / "gate"]).records) == 8
    assert not list(folder.rglob("*.parquet"))
    (floor,) = json.loads((folder / NOISE_FILE).read_text())
    known = NoiseFolder(tmp_path / "cache", MACHINE, baselines=tmp_path / "baselines")
    assert known.floor(floor["identity"]) == floor
    page = (folder / "README.md").read_text()
    assert page.startswith(f"# {MACHINE}\n")
    assert "alsatian-bench noise gate --rounds 8" in page
    assert "alsatian-bench run gate --rounds 8" in page
    assert keep([noise], [], below=tmp_path / "baselines") == folder
    assert not (folder / "gate").exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"host_class": "another"}, "2 classes of machines"),
        ({"git": {"commit": "c" * 40, "is_dirty": True}}, "is no reference"),
        ({"status": "failed", "wall_s": None}, "is no reference"),
    ],
)
def test_what_is_no_reference_is_refused(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    noise = stored(tmp_path / "gate-noise", 16)
    runs = stored(tmp_path / "gate", 1, **changes)
    with pytest.raises(ReportError, match=reason):
        keep([noise], [runs], below=tmp_path / "baselines")
    assert not (tmp_path / "baselines").exists()


def test_few_rounds_are_no_floor(tmp_path: Path) -> None:
    kept = tmp_path / "baselines" / "some-r-cpu-3-ghz-2-cores-24-gib"
    kept.mkdir(parents=True)
    with pytest.raises(ReportError, match="3 pairs"):
        keep([stored(tmp_path / "noise", 6)], [], below=tmp_path / "baselines")
    with pytest.raises(ReportError, match="0 pairs"):
        keep([stored(tmp_path / "half", 1)], [], below=tmp_path / "baselines")
    assert list((tmp_path / "baselines").iterdir()) == [kept]


def test_scales_and_folders_above_are_told_apart(tmp_path: Path) -> None:
    noise = stored(tmp_path / "gate-noise", 16, scenario="gate-noise")
    for scale, name in ((None, "gate"), ("gpu", "gate@gpu")):
        stored(tmp_path / "runs" / name, 8, scenario="gate", scale=scale)
    folder = keep([noise], [tmp_path / "runs"], below=tmp_path / "baselines")
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"gate", "gate@gpu"}
    assert "alsatian-bench run gate --scale gpu --rounds 8" in (folder / "README.md").read_text()


def test_a_biased_floor_is_not_kept(tmp_path: Path) -> None:
    # The second of two equal runs is always the slower one, whichever comes first.
    noise = stored(tmp_path / "gate-noise", 16)
    for path in noise.glob("*/record.json"):
        run = json.loads(path.read_text())
        is_second = run["round"] % 4 in (1, 2)
        path.write_text(json.dumps({**run, "wall_s": 11.0 if is_second else 10.0}))
    with pytest.raises(ReportError, match="A biased floor is not kept"):
        keep([noise], [], below=tmp_path / "baselines")
