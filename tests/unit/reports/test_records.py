import json

import pytest

from reports.errors import ReportError
from reports.loading import load_records
from tests.unit.reports.factory import failed, record, record_json, write


def test_a_record_is_read_with_types(tmp_path):
    path = write(tmp_path, record_json("SHiFT", wall_s=4, round=2))
    (read,) = load_records(tmp_path).records
    assert read.path == path
    assert (read.label, read.system, read.round, read.wall_s) == ("SHiFT", "shift", 2, 4)
    assert read.answer.models["m0"].segments["chunk_2"].items == 160
    assert read.answer.models["m0"].train_items == 240
    assert read.answer.tied == {"m0"}
    assert read.dataset.test_items == 80


def test_unknown_values_may_be_null(tmp_path):
    nulls = dict.fromkeys(
        ("answer", "phases_s", "counts", "operation_ratio", "time_bound_s", "time_bound_parts_s",
         "efficiency", "dataset", "environment", "excluded_s", "process_s", "limits",
         "cache_proof", "telemetry", "host_state", "git")
    )  # fmt: skip
    write(tmp_path, record_json(**nulls))
    (read,) = load_records(tmp_path).records
    assert read.answer is None
    assert read.phases_s == {}
    assert read.efficiency is None


def test_null_numbers_stay_out_of_mappings():
    assert record(counts={"bytes_read": None, "operations": 3}).counts == {"operations": 3}


def test_train_items_follow_from_the_chunks_where_they_are_not_recorded():
    data = record_json("SHiFT")
    for model in data["answer"]["models"].values():
        del model["train_items"]
    models = record("SHiFT", answer=data["answer"]).answer.models
    assert [models[name].train_items for name in ("m0", "m3")] == [240, 80]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not a readable record"),
        ("", "not a readable record"),
        ("[1]", "the record is no JSON object"),
        (record_json(schema=6), "record schema 6, but this program reads schemas 1 to 5"),
        (record_json(schema="3"), "it was not written by alsatian-bench"),
        (record_json(schema=True), "record schema True"),
        (record_json(flags={}), "'flags' of the record is {}, not a list"),
        (record_json(flags=[{"name": "busy"}]), "'sentence' of a flag is None, not a text"),
        (record_json(git="main"), "'git' is no JSON object"),
        (record_json(status="fine"), "'status' of the record is 'fine', not one of ok"),
        (record_json(wall_s=None), "'wall_s' of the record is None, not a positive number"),
        (record_json(wall_s=float("nan")), "not a positive number"),
        (record_json(round="1"), "'round' of the record is '1', not a whole number"),
        (record_json(phases_s={"plan": "long"}), "'plan' of 'phases_s' is 'long', not a number"),
        (record_json(counts={"operations": float("nan")}), "is nan, not a finite number"),
        (record_json(efficiency=float("inf")), "is inf, not a finite number"),
        (record_json(answer={"models": {"m": 3}}), "'m' is no JSON object"),
    ],
)
def test_a_bad_record_is_a_problem_and_stops_nothing(tmp_path, content, said):
    write(tmp_path, record_json())
    bad = write(tmp_path, content)
    loaded = load_records(tmp_path)
    assert len(loaded.records) == 1
    (problem,) = loaded.problems
    assert problem.startswith(str(bad))
    assert said in problem
    assert "run its scenario again" in problem or "record schema" in problem


def test_bytes_that_are_no_text_are_a_problem(tmp_path):
    write(tmp_path, record_json())
    write(tmp_path, "{}").write_bytes(b"\xff\xfe\x00")
    assert len(load_records(tmp_path).problems) == 1


def test_nothing_found_names_the_command_that_makes_runs(tmp_path):
    with pytest.raises(ReportError, match="alsatian-bench run quick"):
        load_records(tmp_path)
    with pytest.raises(ReportError, match=r"no folder .*nowhere.*alsatian-bench run quick"):
        load_records(tmp_path / "nowhere")


def test_only_bad_records_are_reported_with_the_first_cause(tmp_path):
    write(tmp_path, "{")
    with pytest.raises(ReportError, match="not a readable record"):
        load_records(tmp_path)


def test_overlapping_folders_links_and_hidden_folders_count_once(tmp_path):
    run = write(tmp_path / "quick", record_json()).parent
    write(tmp_path / "quick" / ".123-working", record_json("SHiFT"))
    (tmp_path / "again").symlink_to(tmp_path / "quick")
    folders = [tmp_path, tmp_path / "quick", run, run / "record.json", tmp_path / "again"]
    assert len(load_records(folders).records) == 1


def test_a_missing_folder_beside_a_good_one_is_a_problem(tmp_path):
    write(tmp_path, record_json())
    assert "typo" in load_records([tmp_path, tmp_path / "typo"]).problems[0]


def test_rounds_of_older_code_are_left_out_and_counted(tmp_path):
    old, new = (
        {"code": code, "started_at": f"2025-06-{day}"} for code, day in (("a", 1), ("b", 2))
    )
    for number in range(3):
        write(tmp_path, record_json(round=number, **old))
    write(tmp_path, record_json(round=0, **new))
    write(tmp_path, record_json("SHiFT", **old))
    loaded = load_records(tmp_path)
    assert sorted((r.label, r.code) for r in loaded.records) == [("Base", "b"), ("SHiFT", "a")]
    assert "3 of 5 records are left out" in loaded.problems[0]


def test_rounds_of_other_files_and_of_earlier_campaigns_are_never_mixed_in(tmp_path):
    old, new = (
        {"files": files, "started_at": f"2025-06-{day}"} for files, day in (("a", 1), ("b", 2))
    )
    for number in range(3):
        write(tmp_path / "old", record_json(round=number, **old))
    write(tmp_path / "new", record_json(round=0, wall_s=3.0, **new))
    again = {**new, "started_at": "2025-06-3"}
    write(tmp_path / "again", record_json(round=0, wall_s=4.0, **again))
    loaded = load_records(tmp_path)
    assert [(run.files, run.round, run.wall_s) for run in loaded.records] == [("b", 0, 4.0)]
    assert "4 of 5 records are left out" in loaded.problems[0]


def test_a_round_that_was_measured_is_not_replaced_by_one_that_was_not(tmp_path):
    write(tmp_path / "a", record_json(started_at="2025-06-1"))
    failure = {"status": "failed", "wall_s": None, "answer": None, "reason": "it broke"}
    write(tmp_path / "b", record_json(**failure, started_at="2025-06-2"))
    (kept,) = load_records(tmp_path).records
    assert kept.ok


def test_newer_code_of_another_scenario_replaces_nothing(tmp_path):
    write(tmp_path / "fig10", record_json(scenario="fig10", code="a", started_at="2025-06-1"))
    write(tmp_path / "fig11", record_json(scenario="fig11", code="b", started_at="2025-06-2"))
    loaded = load_records(tmp_path)
    assert [(r.scenario, r.code) for r in loaded.records] == [("fig10", "a"), ("fig11", "b")]
    assert loaded.problems == ()


def test_search_and_variant_keys():
    base, other = record("Base"), record("Base + decode_once")
    assert base.search == other.search
    assert base.variant != other.variant
    assert base.is_base
    assert not other.is_base
    for change in ({"spec": {"items": 800}}, {"host_class": "b"}, {"scenario": "fig10"}):
        assert record("Base", **change).search != base.search


def test_a_run_that_was_not_measured_has_no_time():
    assert failed("Base").wall_s is None
    assert record(status="timeout", wall_s=3600.0).wall_s is None


def test_written_records_survive_the_round_trip(tmp_path):
    path = write(tmp_path, record_json())
    assert json.loads(path.read_text())["schema"] == 5
