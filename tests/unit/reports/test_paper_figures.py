"""The paper's figures and tables, and those beyond it, from records."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reports.comparison import compare
from reports.errors import ReportError
from reports.figures.drawing import house_style, log_scale, new_figure
from reports.figures.energy import QUANTITIES, spent
from reports.figures.figure_runs import FigureRuns, figure_runs
from reports.figures.gains import ablations
from reports.figures.insights import INSIGHTS
from reports.figures.overview import grid_of
from reports.figures.paper import PAPER_FIGURES, arranged, panels_of_one_model, why_nothing
from reports.figures.planning import draw_planning, read_planned
from reports.figures.predicted import draw_predicted
from reports.latex import architecture_table, escape, speed_up_table
from reports.predictions import PredictedRow
from reports.readings import collect_readings
from tests.unit.reports.factory import failed, record

TIMES = {"Base": 8.0, "SHiFT": 4.0, "Alsatian (paper)": 2.5, "Alsatian": 2.0}


def searches(scenario="fig10", axes=({},), stands_for=None, rounds=2, **changes):
    """All systems on searches with the given parameters."""
    return [
        record(label, wall_s=time_s * (1 + 0.01 * number), round=number, scenario=scenario,
               spec=dict(spec), stands_for=stands_for or {}, **changes)
        for spec in axes
        for number in range(rounds)
        for label, time_s in TIMES.items()
    ]  # fmt: skip


def one(records, expected=()):
    (runs,) = figure_runs(records, lambda *_: ("", expected))
    return runs


def written(runs: FigureRuns, folder):
    made = PAPER_FIGURES[runs.kind.scenario](runs, folder, runs.stem)
    assert all(path.exists() for path in made)
    return {path.name for path in made}


def test_figure_10_is_drawn_with_a_table_and_equal_bytes(tmp_path):
    axes = [{"architecture": name, "distribution": "top_50"} for name in ("resnet18", "resnet152")]
    runs = one(searches(axes=axes, stands_for={"items": 2000}, scale="cpu"))
    assert written(runs, tmp_path / "a") == {"fig10@cpu.png", "fig10@cpu.pdf", "fig10@cpu.tex"}
    written(runs, tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_run_that_was_never_made_is_a_cell_of_the_figure():
    axes = [{"distribution": "top_50"}, {"distribution": "top_layers"}]
    expected = [{**searches()[0].spec, "distribution": name} for name in ("top_25", "top_50")]
    grid = grid_of(compare(searches(axes=axes)), fewest=1, expected=expected)
    assert grid is not None
    assert grid.columns == ("top_25", "top_50", "top_layers")
    assert "top_25" not in {column for _, column, _ in grid.searches}
    assert len(grid.cells) == 3
    table = speed_up_table(grid, caption="c", label="l")
    assert r"\emph{not run}" in table


def test_a_figure_that_cannot_be_drawn_says_why(tmp_path):
    runs = one([run for run in searches() if run.is_base])
    assert written(runs, tmp_path) == set()
    assert "no other system" in why_nothing(runs)


def test_a_heading_says_rounds_made_up_data_and_what_was_not_run():
    data = {"name": "fake", "classes": 2, "items": 400, "test_items": 80, "timing_only": True}
    known = [{**run.spec, "items": items} for run in searches() for items in (400, 800)]
    heading = one(searches(dataset=data), [*known, {**known[0], "system": "joint"}]).heading
    assert "2 rounds (a claim takes 8)" in heading
    assert "fake data: timing only" in heading
    assert "not run: joint" in heading
    assert one(searches(), known).absent == "not run: 800 items"
    assert "claim" not in one(searches(rounds=8)).heading


def test_names_in_records_never_become_paths():
    found = figure_runs([run for name in ("../../up", "a" * 300, "") for run in
                         searches(name, rounds=1)], lambda *_: ("", ()))  # fmt: skip
    stems = [runs.stem for runs in found]
    assert all("/" not in stem and not stem.startswith(".") and len(stem) < 100 for stem in stems)
    twice = [*searches("x", scale="y"), *searches("x", scale="y", host_class="b"),
             *searches("x", scale="y-2")]  # fmt: skip
    assert len({runs.stem for runs in figure_runs(twice, lambda *_: ("", ()))}) == 3


def test_figure_11_has_a_column_for_each_distribution():
    axes = [{"architecture": "resnet152", "items": 2000, "distribution": "top_layers"}]
    axes += [
        {**axes[0], "items": 8000, "distribution": d} for d in ("top_50", "top_25", "top_layers")
    ]
    places, columns = arranged(one(searches("fig11", axes)).comparison.searches)
    assert columns == 3
    assert [place and place.spec["distribution"] for place in places] == [
        None, None, "top_layers", "top_50", "top_25", "top_layers",
    ]  # fmt: skip


def test_what_figure_5_lacks_has_its_reason():
    broken = failed("Base", scenario="fig5", spec={"items": 60})
    (panel,) = panels_of_one_model(one([broken, *searches("fig5", [{"items": 90}])[:1]]))
    assert [(bar.name, bar.text) for bar in panel.bars] == [
        ("60 items", "out of memory"), ("90 items", "8.00 s"),
    ]  # fmt: skip


def test_energy_is_the_searchs_own():
    counters = {"tree.cpu_s": 12.5, "sampler.cpu_s": 0.5, "machine.cpu_busy_s": 99.0,
                "gpu0.energy_j": 3000.0, "gpu1.energy_j": 1000.0}  # fmt: skip
    telemetry = {"counters": {name: {"total": total} for name, total in counters.items()},
                 "gpus": {"gpu0": {"uuid": "GPU-a"}, "gpu1": {"uuid": "GPU-b"}}}  # fmt: skip
    energy, cpu = QUANTITIES
    runs = [record(telemetry=telemetry), record(telemetry={**telemetry, "is_complete": False})]
    assert spent(runs, cpu) == 12.5
    assert spent(runs, energy) == 4.0  # whose device is not known
    assert spent([record(telemetry=telemetry, gpu_uuid="b")], energy) == 1.0
    assert spent([record()], energy) is None


def test_splits_show_the_published_ones_beside(tmp_path):
    axes = [{"architecture": "resnet50", "distribution": d} for d in ("top_50", "top_25")]
    stands = {"architecture": "resnet152", "items": 8000}
    records = searches("fig11", axes, stands)
    rows = compare(records).searches[0].rows
    assert sum(rows[0].published_phases_s.values()) == pytest.approx(715.21, abs=0.1)
    assert written(one(records), tmp_path) == {"fig11.png", "fig11.pdf"}
    limits = [{"memory_limit": gb * 10**9} for gb in (10, 64)]
    broken = failed("Alsatian", scenario="fig16", spec={"memory_limit": 5 * 10**9})
    assert written(one([*searches("fig16", limits), broken], ()), tmp_path)
    assert written(one([r for r in searches("fig5", [{"items": 60}]) if r.is_base]), tmp_path)


def test_table_1_is_latex(tmp_path):
    reading = {"architecture": "resnet18", "blocks": 9, "published_parameters": 11_689_512,
               "parameters": 11_176_512, "store_bytes": 44_700_000}  # fmt: skip
    sizes = record("probe-sizes", scenario="table1", readings=[reading], answer=None)
    assert "table1.tex" in written(one([sizes]), tmp_path)
    (table,) = collect_readings([sizes])
    text = architecture_table(table, caption="sizes_of 100%", label="t")
    assert r"ResNet-18 & 9 & 11\,689\,512" in text
    assert r"sizes\_of 100\%" in text


def test_latex_shows_what_it_is_given():
    assert escape(r"a_b & 50% {x} \y #1 $2 ~^") == (
        r"a\_b \& 50\% \{x\} \textbackslash{}y \#1 \$2 \textasciitilde{}\textasciicircum{}"
    )
    assert escape("a\n\nb") == "a b"  # a blank line would end the caption


def test_machines_and_scales_have_figures_of_their_own():
    records = [
        *searches(scale="cpu"), *searches(scale="gpu"), *searches(scale="cpu", host_class="other"),
    ]  # fmt: skip
    found = figure_runs(records, lambda *_: ("", ()))
    assert {runs.stem for runs in found} == {"fig10@cpu", "fig10@cpu-2", "fig10@gpu"}
    assert len({runs.heading for runs in found}) == 3


def test_every_insight_is_drawn_or_says_nothing(tmp_path):
    axes = [{"architecture": name} for name in ("resnet18", "resnet50")]
    counts = {"process_peak_bytes": 2 * 10**9, "operations": 1}
    telemetry = {"counters": {"tree.cpu_s": {"total": 12.5}, "machine.cpu_busy_s": {"total": 99.0}}}
    runs = one(searches(axes=axes, counts=counts, telemetry=telemetry))
    drawn = {name for name, draw in INSIGHTS.items() if draw(runs, tmp_path, name)}
    assert drawn == {"efficiency", "sharing", "pareto", "energy"}  # no options changed, no series
    bare = one([record("Base", counts={}, time_bound_s=None, efficiency=None)])
    for name, draw in INSIGHTS.items():
        assert draw(bare, tmp_path / "bare", name) == ()
    lacking = [run for run in runs.records if run.label != "SHiFT"]
    lacking += [failed("SHiFT", scenario="fig10", spec=dict(search)) for search in axes]
    for name in drawn:
        assert INSIGHTS[name](one(lacking), tmp_path / "lacking", name)


def test_an_ablation_is_a_paired_ratio_to_the_system_without_the_change(tmp_path):
    changed = [
        record("Alsatian + prefetch=false", wall_s=3.0 * (1 + 0.01 * number), round=number,
               spec={"system": "alsatian", "options": {"prefetch": False}})
        for number in range(2)
    ]  # fmt: skip
    added = [
        record("Alsatian (paper) + decode_once", wall_s=1.25, round=number,
               spec={"system": "alsatian-paper", "options": {"decode_once": True}})
        for number in range(2)
    ]  # fmt: skip
    broken = failed("Alsatian + keep_blocks=false",
                    spec={"system": "alsatian", "options": {"keep_blocks": False}})  # fmt: skip
    records = [*searches("quick"), *changed, *added, broken]
    found = ablations(one(records))
    lacking, without = sorted(found["Alsatian"], key=lambda each: each.option)
    assert (lacking.ratio, lacking.reason) == (None, "out of memory")
    assert without.option == "prefetch=false"
    assert without.ratio.value == pytest.approx(1.5)
    assert found["Alsatian (paper)"][0].ratio.value == pytest.approx(1.25 / 2.5 / 1.01**0.5)
    assert INSIGHTS["ablation"](one(records), tmp_path, "ablation")


def test_an_ablation_within_each_memory_budget(tmp_path):
    records = [
        replace(
            record("Alsatian", wall_s=wall_s,
                   spec={"options": {"memory_budget": budget, "changed": option}}),
            label=" + ".join(["Alsatian", f"memory_budget={budget}", *option]),
        )
        for budget in ("64 MiB", "128 MiB")
        for option, wall_s in (((), 2.0), (("recompute=false",), 3.0), (("in_place=false",), 2.2))
    ]  # fmt: skip
    (found,) = ablations(one(records)).values()
    assert sorted((each.option, round(each.ratio.value, 2)) for each in found) == [
        *[("in_place=false", 1.1)] * 2, *[("recompute=false", 1.5)] * 2,
    ]  # fmt: skip
    assert {each.search.rpartition(" · ")[2] for each in found} == {
        "memory_budget=64 MiB", "memory_budget=128 MiB",
    }  # fmt: skip
    assert INSIGHTS["ablation"](one(records), tmp_path, "ablation")


def test_predictions_and_planning_are_drawn(tmp_path):
    rows = [
        PredictedRow(search="s", label=label, identity=label, wall_s=time_s, phases_s={},
                     speed_up=None, bytes_read=0, items_decoded=0, profile="mine",
                     is_fallback=False, measured_s=1.1 * time_s)
        for label, time_s in TIMES.items()
    ]  # fmt: skip
    assert len(draw_predicted(rows, one(searches()), tmp_path, "predicted")) == 2
    assert draw_predicted([], one(searches()), tmp_path, "none") == ()
    file = tmp_path / "planner.json"
    row = {"planner": "dfs_plus", "distribution": "top_layers", "models": 1000, "seconds": 0.01}
    file.write_text(json.dumps([row, {**row, "models": 10_000, "seconds": 0.1}]))
    assert len(draw_planning(read_planned(file), tmp_path, "planning")) == 2


def test_logarithmic_ticks_are_plain_numbers():
    with house_style():
        figure = new_figure()
        axis = figure.subplots()
        axis.plot([1, 3000], [0.01, 5])
        log_scale(axis, "both")
        figure.draw_without_rendering()
        ticks = [tick.get_text() for tick in (*axis.get_xticklabels(), *axis.get_yticklabels())]
    assert {"1,000", "0.1"} <= set(ticks)
    assert not any("$" in tick for tick in ticks)


NONE = '[{"planner": "p", "distribution": "d", "models": 0, "seconds": 0.0}]'


@pytest.mark.parametrize("text", ["", "[]", "[1]", '[{"planner": "p"}]', NONE])
def test_times_of_planners_that_are_none_are_a_sentence(tmp_path, text):
    file = tmp_path / "planner.json"
    file.write_text(text)
    with pytest.raises(ReportError, match=r"bench\.planner_scale"):
        read_planned(file)
