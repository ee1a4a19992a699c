"""``figures``, ``compare A B`` and ``export``: what is made of stored runs."""

from __future__ import annotations

import json
import math

import pytest

from harness.verbs.options import answer_json
from tests.cli.conftest import Project
from tests.unit.reports.factory import record_json, write

SYSTEMS = {"Base": 8.0, "SHiFT": 4.0, "Alsatian": 2.0}


@pytest.fixture
def stored(project: Project) -> Project:
    """Two rounds of a search of figure 10, and the same a tenth slower."""
    for folder, factor in (("runs", 1.0), ("slower", 1.1)):
        for number in range(2):
            for label, time_s in SYSTEMS.items():
                content = record_json(
                    label, wall_s=factor * time_s, round=number, scenario="fig10", scale="cpu"
                )
                write(project.folder / folder, content)
    return project


def test_the_papers_figures_and_what_is_missing(stored: Project) -> None:
    result = stored.look("figures", "runs", "--paper", "-o", "out")
    assert result.code == 0
    assert "fig10@cpu: png, pdf, tex" in result.out
    assert "fig12: no runs. Make them with" in result.out
    assert (stored.folder / "out" / "fig10@cpu.png").read_bytes().startswith(b"\x89PNG")
    assert "begin{tabular}" in (stored.folder / "out" / "fig10@cpu.tex").read_text()


def test_figures_beyond_the_paper_as_json(stored: Project) -> None:
    result = stored.look("figures", "runs", "-o", "out", "--format", "json")
    made = json.loads(result.out)["figures"]
    assert {"fig10@cpu", "fig10@cpu-efficiency"} <= made.keys()


def test_a_figure_without_runs_names_the_command(stored: Project) -> None:
    result = stored.look("figures", "runs", "--paper", "--fig", "12")
    assert result.code == 3
    assert "run fig12 --scale cpu" in result.err
    result = stored.look("figures", "runs", "--fig", "9")
    assert result.code == 2
    assert "There is no figure '9'" in result.err
    assert "table1" in result.err
    result = stored.look("figures", "nowhere")
    assert result.code == 3
    assert "nowhere" in result.err


def test_two_sets_are_held_against_each_other(stored: Project) -> None:
    result = stored.look("compare", "runs", "slower", "-o", "out")
    assert result.code == 0
    assert "1.10×" in result.out
    assert "claim" in result.out
    assert (stored.folder / "out" / "contrast.md").exists()
    document = json.loads(stored.look("compare", "runs", "slower", "--format", "json").out)
    assert [row["label"] for row in document["contrasts"]] == list(SYSTEMS)
    result = stored.look("compare", "runs", "slower", "runs")
    assert result.code == 2
    assert "one folder of runs, or two" in result.err


def test_sets_that_overlap_or_went_wrong(stored: Project) -> None:
    result = stored.look("compare", "runs", "runs")
    assert result.code == 2
    assert "6 runs are in both" in result.err
    broken = record_json("Alsatian", status="crashed", reason="signal 11", wall_s=None,
                         answer=None, scenario="fig10", scale="cpu")  # fmt: skip
    write(stored.folder / "broken", broken)
    assert stored.look("compare", "runs", "broken").code == 3


def test_a_figure_that_cannot_be_drawn_says_why(stored: Project) -> None:
    for number in range(2):
        content = record_json("Base", round=number, scenario="fig10")
        write(stored.folder / "alone", content)
    result = stored.look("figures", "alone", "--fig", "10", "--format", "json")
    assert result.code == 3
    assert "no other system than Base" in json.loads(result.out)["not_drawn"]["fig10"]


def test_one_set_as_json_has_the_lines_of_the_table(stored: Project) -> None:
    document = json.loads(stored.look("compare", "runs", "--format", "json").out)
    assert document["is_valid"]
    assert [line["speed_up"] for line in document["systems"]] == [1.0, 2.0, 4.0]


def test_export_by_ending_and_as_json(stored: Project) -> None:
    for name in ("all.csv", "all.parquet"):
        result = stored.look("export", "runs", "slower", "-o", name)
        assert result.code == 0
        assert "12 runs" in result.out
        assert (stored.folder / name).exists()
    assert len(json.loads(stored.look("export", "runs", "--format", "json").out)) == 6
    result = stored.look("export", "runs", "-o", "all.xlsx")
    assert result.code == 3
    assert ".parquet" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("validate", "tiny"),
        ("data", "list"),
        ("data", "list", "food_101"),
        ("data", "list", "digits"),
    ],
    ids=" ".join,
)
def test_what_is_printed_for_people_is_there_for_programs_too(
    project: Project, arguments: tuple[str, ...]
) -> None:
    result = project.look(*arguments, "--format", "json")
    assert result.code == 0
    assert json.loads(result.out)


def test_what_is_left_open_is_said_to_people_only(project: Project) -> None:
    result = project.look("validate", "tiny", "--set", "batch_size=auto", "--format", "json")
    assert json.loads(result.out)["scenario"] == "tiny"
    assert "batch_size: auto" in result.err


def test_json_has_no_numbers_that_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    answer_json({"a": math.nan, "b": [-math.inf, 1.5], "c": ({"d": 2},)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": [{"d": 2}]}


def test_history_is_kept_and_drift_is_found(stored: Project) -> None:
    for night in range(12):
        runs = stored.folder / f"night{night}"
        for label, time_s in SYSTEMS.items():
            factor = 1.2 if night >= 6 else 1.0
            started = f"2025-06-{night + 1:02}T02:00:00Z"
            write(runs, record_json(label, wall_s=factor * time_s, started_at=started))
        assert stored.look("history", "add", runs).code == 0
    result = stored.look("history", "check", "-o", "out")
    assert result.code == 1
    assert "1.20× of its lowest level" in result.out
    assert "1.20× since 2025-06-07" in result.out
    assert (stored.folder / "out" / "history.png").exists()
    assert stored.look("history", "check", "--tolerance", "30%").code == 0
    assert stored.look("history", "check", "--tolerance", "x").code == 2
    assert stored.look("history", "check", "--since", "2025-06-07").code == 0
    assert stored.look("history", "check", "--since", "June").code == 2
    assert stored.look("history", "check", "--file", "none").code == 3
    nothing = stored.look("history", "check", "--since", "2999-01-01")
    assert nothing.code == 3
    assert "holds no time since 2999-01-01" in nothing.err
    found = json.loads(stored.look("history", "check", "-o", "out", "--format", "json").out)
    assert [each["has_drifted"] for each in found] == [True] * 3
    again = stored.look("history", "add", runs, "--format", "json")
    assert json.loads(again.out)["added"] == 0
    write(stored.folder / "broken", record_json(status="failed", wall_s=None, answer=None))
    assert stored.look("history", "add", "broken").code == 3
