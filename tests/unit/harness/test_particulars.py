"""Titles of runs tell all searches of a scenario apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.campaign import Campaign, note_status
from harness.particulars import IN_SUMMARY, IN_TITLE, particulars
from harness.progress import run_title
from harness.spec import RunSpec, plan_runs


@pytest.fixture(scope="module")
def specs() -> tuple[RunSpec, ...]:
    return plan_runs("fig16", scale="cpu").specs


def test_what_differs_and_was_not_said_is_said(specs: tuple[RunSpec, ...]) -> None:
    words = particulars(specs, said=IN_SUMMARY)
    assert set(words) == {"memory limit 8 GB", "memory limit 2 GB", "memory limit 1500 MB"}
    assert particulars(specs[:4], said=IN_SUMMARY) == [""] * 4
    sizes = plan_runs("fig10", scale="cpu").specs
    assert set(particulars(sizes, said=IN_TITLE)) == {"items 100", "items 200"}
    assert set(particulars(sizes, said=IN_SUMMARY)) == {""}


def test_no_two_runs_of_a_round_have_one_title(specs: tuple[RunSpec, ...], tmp_path: Path) -> None:
    campaign = Campaign("fig16@cpu", specs, rounds=2, runs=tmp_path, cache=tmp_path / "cache")
    titles = [run_title(run) for run in campaign.planned]
    assert len(set(titles)) == len(titles) == 24
    assert any("Alsatian (paper) · vit_b_32" in t and "memory limit 2 GB" in t for t in titles)


def test_the_profile_of_the_machine_is_part_of_what_a_run_depends_on(
    specs: tuple[RunSpec, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keys() -> list[str]:
        made = Campaign("fig16@cpu", specs, rounds=1, runs=tmp_path, cache=tmp_path / "cache")
        return [run.key for run in made.planned]

    profile = tmp_path / "profile.yaml"
    monkeypatch.setattr("harness.campaign.calibrated_path", lambda cache, device: profile)
    before = keys()
    profile.write_text("measured: once")
    first = keys()
    profile.write_text("measured: twice")
    assert len({*before, *first, *keys()}) == 3 * len(specs)


def test_of_several_rounds_running_out_of_memory_counts(specs: tuple[RunSpec, ...]) -> None:
    done: dict[RunSpec, str] = {}
    for status in ("ok", None, "out_of_memory", "ok", None):
        note_status(done, specs[0], status)
    assert done == {specs[0]: "out_of_memory"}
