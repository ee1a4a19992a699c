"""Reports of a campaign of 96 runs: reading, comparing, the page, a figure."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.report_scale import ROUNDS, SYSTEMS, write_runs
from reports.comparison import Comparison, compare
from reports.figures.figure_runs import figure_runs
from reports.figures.paper import PAPER_FIGURES
from reports.html.page import Report, Sources, write_report
from reports.loading import Records, load_records

RUNS = 96
SEARCHES = RUNS // (ROUNDS * len(SYSTEMS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "runs"
    write_runs(folder, RUNS)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Records:
    return load_records(folder)


def test_reading_records(benchmark: BenchmarkFixture, folder: Path) -> None:
    loaded = benchmark.pedantic(load_records, args=(folder,), rounds=5, warmup_rounds=1)
    assert len(loaded.records) == RUNS
    assert loaded.problems == ()
    assert all(len(record.answer.models) == 35 for record in loaded.records)


def test_comparing_systems(benchmark: BenchmarkFixture, loaded: Records) -> None:
    comparison = benchmark.pedantic(compare, args=(loaded.records,), rounds=5, warmup_rounds=1)
    assert_right(comparison)


def test_writing_the_page(benchmark: BenchmarkFixture, loaded: Records, tmp_path: Path) -> None:
    sources = Sources(title="Speed", words={}, command=lambda _: None, made_by="bench")

    def write() -> Report:
        return write_report(loaded, tmp_path, sources)

    report = benchmark.pedantic(write, rounds=3, warmup_rounds=1)
    assert (report.runs, report.problems) == (RUNS, ())
    page = report.path.read_text()
    assert all(page.count(f">{system}<") for system in SYSTEMS)
    assert len(page) < 50_000 * RUNS


def test_drawing_figure_10(benchmark: BenchmarkFixture, loaded: Records, tmp_path: Path) -> None:
    (runs,) = figure_runs(loaded.records, lambda *_: ("", ()))
    assert_right(runs.comparison)
    benchmark.pedantic(
        PAPER_FIGURES["fig10"], args=(runs, tmp_path, "fig10"), rounds=3, warmup_rounds=1
    )
    assert (tmp_path / "fig10.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "fig10.pdf").read_bytes().startswith(b"%PDF")


def assert_right(comparison: Comparison) -> None:
    """Speed-ups within the noise that the records were made with."""
    assert len(comparison.searches) == SEARCHES
    for search in comparison.searches:
        found = {row.label: row.speed_up.value for row in search.rows if row.speed_up}
        for system, wall_s in SYSTEMS.items():
            if system != "Base":
                assert found[system] == pytest.approx(SYSTEMS["Base"] / wall_s, rel=0.1)
