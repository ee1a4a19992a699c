"""Runs as a table for other programs, and the page that describes its columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from reports.errors import ReportError
from reports.export import COLUMNS, SPEC_PREFIX, export_lines, write_export
from tests.unit.reports.factory import failed, record

DOCS = Path(__file__).resolve().parents[3] / "docs" / "export.md"
RECORDS = (record("Base"), record("Alsatian", wall_s=2.0, round=1), failed("SHiFT"))


def test_csv_and_parquet_hold_the_same(tmp_path):
    csv, parquet = tmp_path / "new" / "runs.csv", tmp_path / "runs.parquet"
    assert write_export(RECORDS, csv) == write_export(RECORDS, parquet) == 3
    a, b = pd.read_csv(csv), pd.read_parquet(parquet)
    assert list(a.columns) == list(b.columns)
    assert a["wall_s"].tolist()[:2] == b["wall_s"].tolist()[:2] == [10.0, 2.0]
    assert pd.isna(b["wall_s"][2])
    assert b["status"].tolist() == ["ok", "ok", "out_of_memory"]
    field = pq.read_schema(parquet).field("wall_s")
    assert field.metadata[b"unit"] == b"s"


def test_parameters_of_several_types_and_none_are_kept(tmp_path):
    records = [record(spec={"tasks": value}) for value in ("digits", 3, None, [1, 2])]
    lines = export_lines(records)
    assert [line[f"{SPEC_PREFIX}tasks"] for line in lines] == ["digits", 3, None, "[1, 2]"]
    write_export(records, tmp_path / "runs.parquet")
    table = pq.read_table(tmp_path / "runs.parquet")
    assert table["spec_tasks"].to_pylist() == ["digits", "3", None, "[1, 2]"]


def test_values_of_one_parameter_that_do_not_go_together_are_text(tmp_path):
    for number, values in enumerate(([True, 3], [2**70, 1], [1, 2.5])):
        path = tmp_path / f"{number}.parquet"
        write_export([record(spec={"cores": value}) for value in values], path)
        expected = values if number == 2 else [str(value) for value in values]
        assert pq.read_table(path)["spec_cores"].to_pylist() == expected


def test_whole_numbers_stay_whole_and_unknown_is_empty(tmp_path):
    unknown = record(spec={"cores": None}, flags=None, git=None)
    write_export([record(spec={"cores": 2}), unknown], tmp_path / "runs.csv")
    table = pd.read_csv(tmp_path / "runs.csv", dtype=str)
    assert table["spec_cores"].tolist()[0] == "2"
    assert table.loc[1, ["spec_cores", "flags", "commit"]].isna().all()


def test_another_ending_is_a_sentence(tmp_path):
    with pytest.raises(ReportError, match=r"\.csv or \.parquet"):
        write_export(RECORDS, tmp_path / "runs.xlsx")


def test_the_page_describes_every_column():
    text = DOCS.read_text(encoding="utf-8")
    for name, column in COLUMNS.items():
        unit = column.unit or " "
        assert f"| `{name}` | {column.type} | {unit} | {column.meaning} |" in text
