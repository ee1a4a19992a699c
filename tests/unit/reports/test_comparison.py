import subprocess
import sys

import pytest

from reports.comparison import compare
from reports.frame import to_frame
from tests.unit.reports.factory import SYSTEMS, answer, failed, record


def rows_of(*records):
    (search,) = compare(records).searches
    return {row.label: row for row in search.rows}


def test_speed_up_is_time_of_base_over_time_of_system():
    rows = rows_of(record(wall_s=12.0), record("SHiFT", wall_s=4.0))
    assert rows["SHiFT"].speed_up.value == pytest.approx(3)
    assert rows["SHiFT"].outcome == "3.00×"
    assert rows["Base"].outcome == "1×"
    assert rows["SHiFT"].speed_up.low is None


def test_rounds_are_paired_by_number_and_medians_are_taken():
    base = [record(round=n, wall_s=t) for n, t in enumerate((10.0, 20.0, 40.0))]
    shift = [record("SHiFT", round=n, wall_s=t) for n, t in ((2, 10.0), (0, 5.0))]
    rows = rows_of(*base, *shift)
    assert rows["Base"].wall_s == 20
    assert rows["SHiFT"].wall_s == 7.5
    assert rows["SHiFT"].speed_up.rounds == 2
    # 10/5 and 40/10
    assert rows["SHiFT"].speed_up.value == pytest.approx((2 * 4) ** 0.5)


def test_phases_are_medians_with_the_rest_named():
    phases = {"prepare_data": 1.0, "inference": 5.0}
    rows = rows_of(record(wall_s=10.0, phases_s=phases))
    assert rows["Base"].phases_s == {"prepare_data": 1.0, "inference": 5.0, "other": 4.0}
    assert rows["Base"].shares == {"prepare_data": 0.1, "inference": 0.5, "other": 0.4}
    assert list(rows["Base"].phases_s) == ["prepare_data", "inference", "other"]


def test_a_phase_unknown_to_this_version_is_kept():
    rows = rows_of(record(wall_s=10.0, phases_s={"inference": 6.0, "teleport": 4.0}))
    assert rows["Base"].phases_s == {"inference": 6.0, "teleport": 4.0}


def test_rows_come_in_the_fixed_order_of_systems():
    labels = [*SYSTEMS, "Zebra"]
    (search,) = compare([record(label) for label in reversed(labels)]).searches
    assert [row.label for row in search.rows] == labels


def test_answers_that_differ_have_no_speed_up():
    wrong = answer(halving=True)
    wrong["models"]["m0"]["segments"]["test"]["digest"] = "x"
    comparison = compare([record(), record("SHiFT"), record("Alsatian", answer=wrong)])
    rows = {row.label: row for row in comparison.searches[0].rows}
    assert rows["Alsatian"].speed_up is None
    assert rows["Alsatian"].outcome == "differs: no speed-up"
    assert rows["SHiFT"].speed_up is not None
    assert not comparison.is_valid


def test_no_speed_up_without_base_a_common_round_or_a_check():
    assert (
        rows_of(record("SHiFT"), record("Alsatian"))["SHiFT"].outcome == "no Base to compare with"
    )
    rows = rows_of(record(round=0), record("SHiFT", round=1))
    assert rows["SHiFT"].outcome == "no round in common with Base"
    rows = rows_of(record(), record("SHiFT", answer=None))
    assert rows["SHiFT"].outcome == "answers unchecked: no speed-up"


def test_failed_runs_stay_as_rows_with_their_reason():
    comparison = compare([record(), failed("SHiFT"), failed("Alsatian", "skipped")])
    rows = {row.label: row for row in comparison.searches[0].rows}
    assert (rows["SHiFT"].status, rows["SHiFT"].outcome) == ("out_of_memory", "out of memory")
    assert rows["SHiFT"].reason == "it needed 3 GB of 2 GB"
    assert rows["SHiFT"].wall_s is None
    assert not comparison.is_valid
    assert compare([record(), failed("Alsatian", "skipped")]).is_valid


def test_some_failed_rounds_are_told():
    rows = rows_of(record(round=0), record(round=1), failed("Base", "timeout", round=2))
    assert (rows["Base"].status, rows["Base"].rounds, rows["Base"].attempts) == ("ok", 2, 3)
    assert rows["Base"].reason.startswith("1 of 3 rounds not measured (timeout: it needed")


def test_nothing_measured_is_not_valid():
    assert not compare([]).is_valid
    assert not compare([failed("Base", "skipped")]).is_valid


def test_what_another_search_of_the_scenario_has_is_missing_here():
    other = {"spec": {"distribution": "top_layers"}}
    comparison = compare([record(), record("SHiFT"), record(**other)])
    rows = comparison.searches[1].rows
    assert [(row.label, row.status) for row in rows] == [("Base", "ok"), ("SHiFT", "missing")]
    assert comparison.is_valid


@pytest.mark.parametrize(
    "change",
    [{"host_class": "another"}, {"spec": {"device": "cuda:0"}}, {"spec": {"items": 800}},
     {"scenario": "fig10"}],
)  # fmt: skip
def test_what_may_not_be_mixed_is_another_search(change):
    comparison = compare([record(), record("SHiFT", **change)])
    assert len(comparison.searches) == 2
    assert all(
        row.speed_up is None for s in comparison.searches for row in s.rows if not row.is_base
    )


def test_titles_say_what_is_common_and_what_differs():
    runs = [record(spec={"distribution": d, "model_seed": 3}) for d in ("top_layers", "top_50")]
    comparison = compare(runs)
    assert comparison.common_title == "digits · ResNet-18 · 4 models · 400 items · 64 px · cpu"
    assert [s.panel_title for s in comparison.searches] == ["Top 50%", "Top Layers"]
    assert comparison.searches[0].title == (
        "digits · ResNet-18 · Top 50% · 4 models · 400 items · 64 px · cpu"
    )


def test_titles_name_every_other_parameter_that_differs():
    comparison = compare([record(spec={"model_seed": n, "batch_size": 32 * n}) for n in (1, 2)])
    assert [s.panel_title for s in comparison.searches] == [
        "batches of 32 · model seed 1", "batches of 64 · model seed 2",
    ]  # fmt: skip
    assert comparison.searches[0].title.endswith("cpu · batches of 32 · model seed 1")


def test_different_code_is_noted():
    (search,) = compare([record(code="aaaa"), record("SHiFT", code="bbbb")]).searches
    assert "different versions of the code (Base aaaa, SHiFT bbbb)" in search.notes[0]


def test_plug_ins_of_one_version_are_no_other_code():
    """Each run names the plug-ins that it uses; only what two name differently is noted."""
    codes = ("aaaa+scorer:11", "aaaa+scorer:11+mine:22", "aaaa+scorer:33+mine:22")
    first, second, third = (record(f"S{n}", code=code) for n, code in enumerate(codes))
    (search,) = compare([first, second]).searches
    assert not any("versions of the code" in note for note in search.notes)
    (search,) = compare([first, second, third]).searches
    (note,) = (note for note in search.notes if "versions of the code" in note)
    assert "(S0 scorer 11, S1 scorer 11, S2 scorer 33)" in note


def test_fake_data_are_timing_only_even_if_nothing_was_measured():
    facts = {"name": "x", "classes": 2, "items": 9, "test_items": 2, "timing_only": True}
    assert compare([record(dataset=facts)]).searches[0].timing_only
    assert compare([failed("Base", dataset=None, spec={"dataset": "fake"})]).searches[0].timing_only
    assert not compare([record()]).searches[0].timing_only


def test_frame_has_a_line_per_search_and_system_and_keeps_unknown_values_empty():
    frame = to_frame(compare([record(wall_s=9.0), record("SHiFT", wall_s=3.0), failed("Alsatian")]))
    assert list(frame["label"]) == ["Base", "SHiFT", "Alsatian"]
    shift, alsatian = frame.iloc[1], frame.iloc[2]
    assert shift["speed_up"] == pytest.approx(3)
    assert shift["inference_s"] == pytest.approx(1.5)
    assert shift["inference_share"] == pytest.approx(0.5)
    assert shift["architecture"] == "resnet18"
    assert alsatian[["wall_s", "speed_up", "bytes_read"]].isna().all()
    assert alsatian["reason"] == "it needed 3 GB of 2 GB"


def test_importing_the_package_imports_no_heavy_library():
    code = (
        "import sys; import reports.comparison, reports.tables, reports.summary, "
        "reports.figures.breakdown, reports.figures.paper, reports.frame, reports.parsing; "
        "print([m for m in ('pandas', 'matplotlib', 'seaborn', 'scipy', 'torch', 'harness', "
        "'systems') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_systems_of_a_search_have_the_least_bound_that_any_has_shown():
    (search,) = compare(
        [
            record(wall_s=12.0, time_bound_s=None, efficiency=None),
            record("SHiFT", wall_s=8.0, time_bound_s=4.0, efficiency=0.5),
            record("Alsatian", wall_s=4.0, time_bound_s=3.0, efficiency=0.75),
        ]
    ).searches
    assert [row.time_bound_s for row in search.rows] == [3.0, 3.0, 3.0]
    assert [row.efficiency for row in search.rows] == [0.25, 0.375, 0.75]
