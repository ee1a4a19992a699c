"""Profile files: what is read, what is written, and what is wrong with them, by line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.calibration import findings
from harness.hardware_profiles import (
    SHIPPED,
    calibrated_path,
    find_profile,
    read_calibrated,
    read_profile,
    write_profile,
)
from scenarios.errors import ScenarioError
from systems.planning.hardware_profile import DEFAULT, FALLBACK

GOOD = """\
name: mine
title: A machine
operations: {default: 120 GFLOP/s, resnet: 1.5 TFLOP/s}
memory_bandwidth: 8 GB/s
execution: 0.3 ms
store_bandwidth: 200 MB/s
reread_bandwidth: 2 GB/s
block_read: 0.5 ms
decode_item: {default: 1 ms, fake: 4 ms}
prepare_bandwidth: 1500 MB/s
head_start: 3 ms
head_step: 0.1 ms
head_operations: 20 GFLOP/s
data_workers: 4
page_cache: 16 GB
memory_size: 24 GB
paces_rereads: true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_a_file_is_read_in_si_units(tmp_path: Path) -> None:
    profile = read_profile(written(tmp_path, GOOD))
    assert profile.operations_per_s == {DEFAULT: 120e9, "resnet": 1.5e12}
    assert profile.store_bytes_per_s == 200e6
    assert profile.execution_s == pytest.approx(0.3e-3)
    assert profile.decode_item_s["fake"] == pytest.approx(4e-3)
    assert profile.data_workers == 4
    assert profile.page_cache_bytes == 16e9
    assert profile.memory_size_bytes == 24e9
    assert profile.paces_rereads
    assert profile.model_file_bytes_per_s is None
    assert not profile.is_fallback


@pytest.mark.parametrize(
    ("good", "bad", "line", "told"),
    [
        ("block_read: 0.5 ms", "block_reed: 0.5 ms", 8, "Did you mean 'block_read'?"),
        ("block_read: 0.5 ms", "block_read: 0.5 MB", 8, "a duration, such as 0.3 ms"),
        ("block_read: 0.5 ms", "block_read: 0.5", 8, "a duration, such as 0.3 ms"),
        ("block_read: 0.5 ms", "block_read: -1 ms", 8, "a duration, such as 0.3 ms"),
        ("200 MB/s", "200 MX/s", 6, "a rate, such as 200 MB/s"),
        ("200 MB/s", "0 MB/s", 6, "it must be above 0"),
        ("200 MB/s", "fast", 6, "not 'fast'"),
        ("120 GFLOP/s", "120 GB/s", 3, "a rate of operations"),
        ("resnet: 1.5", "resnett: 1.5", 3, "Did you mean 'resnet'?"),
        ("default: 1 ms, fake", "digits: 1 ms, fake", 9, "has no 'default'"),
        ("{default: 1 ms, fake: 4 ms}", "1 ms", 9, "must be a mapping"),
        ("data_workers: 4", "data_workers: four", 14, "a whole number"),
        ("data_workers: 4", "data_workers: true", 14, "a whole number"),
        ("paces_rereads: true", "paces_rereads: 1", 17, "true or false"),
        ("name: mine", "name: 5", 1, "must be text"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, good: str, bad: str, line: int, told: str
) -> None:
    assert good in GOOD
    path = written(tmp_path, GOOD.replace(good, bad))
    with pytest.raises(ScenarioError) as refused:
        read_profile(path)
    sentences = [s for s in str(refused.value).splitlines() if s.startswith(f"{path}:{line}: ")]
    assert any(told in sentence for sentence in sentences), str(refused.value)


def test_all_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="lacks memory_bandwidth, execution: add them"):
        read_profile(
            written(tmp_path, GOOD.replace("memory_bandwidth: 8 GB/s\nexecution: 0.3 ms\n", ""))
        )


@pytest.mark.parametrize("text", ["", "- a list", "just a word", "name: {a: b", "\0"])
def test_what_is_no_profile_at_all_is_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError, match=r"mine\.yaml"):
        read_profile(written(tmp_path, text))


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="Did you mean 'paper'"):
        find_profile("papr", cache=tmp_path)
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_profile(tmp_path)


@given(rate=st.floats(1e3, 1e15), seconds=st.floats(1e-9, 100.0), workers=st.integers(0, 64))
def test_what_is_written_is_read_back_to_four_digits(
    tmp_path_factory: pytest.TempPathFactory, rate: float, seconds: float, workers: int
) -> None:
    profile = replace(
        FALLBACK,
        name="written",
        is_fallback=False,
        store_bytes_per_s=rate,
        head_operations_per_s=rate,
        execution_s=seconds,
        decode_item_s={DEFAULT: seconds, "digits": 0.0},
        data_workers=workers,
    )
    path = tmp_path_factory.mktemp("profiles") / "sub" / "written.yaml"
    write_profile(profile, path)
    found = read_profile(path)
    assert found.store_bytes_per_s == pytest.approx(rate, rel=6e-4)
    assert found.head_operations_per_s == pytest.approx(rate, rel=6e-4, abs=1)
    assert found.execution_s == pytest.approx(seconds, rel=6e-4, abs=1e-12)
    assert found.decode_item_s["digits"] == 0.0
    assert found.data_workers == workers
    assert found.operations_per_s == pytest.approx(dict(profile.operations_per_s))
    assert [entry.name for entry in path.parent.iterdir()] == ["written.yaml"]


def test_without_a_measured_profile_the_fallback_stands_in(tmp_path: Path) -> None:
    assert find_profile(None, cache=tmp_path) is FALLBACK
    write_profile(read_profile(written(tmp_path, GOOD)), calibrated_path(tmp_path, "cpu"))
    assert find_profile(None, cache=tmp_path).name == "mine"
    # Whether reads are paced is the runs' way, whatever a calibration wrote down.
    old = replace(FALLBACK, name="old", paces_rereads=False, is_fallback=False)
    write_profile(old, calibrated_path(tmp_path, "cpu"))
    assert find_profile(None, cache=tmp_path).paces_rereads
    assert read_calibrated(calibrated_path(tmp_path, "cpu")).paces_rereads
    # another device is another profile, and a GPU is no pair of CPU cores
    guessed = find_profile(None, cache=tmp_path, device="cuda:1")
    assert guessed.is_fallback
    assert "nobody measured" in guessed.title
    assert guessed.operations_per_s == find_profile("paper", cache=tmp_path).operations_per_s
    assert calibrated_path(tmp_path, "cuda:1") == calibrated_path(tmp_path, "cuda")


def test_the_doctor_says_whether_the_machine_was_measured(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path)
    assert finding.verdict == "no"
    assert "--calibrate" in (finding.remedy or "")
    write_profile(read_profile(written(tmp_path, GOOD)), calibrated_path(tmp_path, "cpu"))
    (finding,) = findings(tmp_path)
    assert (finding.verdict, finding.detail) == ("yes", "A machine")


def test_every_shipped_profile_is_right(tmp_path: Path) -> None:
    names = [path.stem for path in SHIPPED.glob("*.yaml")]
    assert "paper" in names
    for name in names:
        assert find_profile(name, cache=tmp_path).name == name
