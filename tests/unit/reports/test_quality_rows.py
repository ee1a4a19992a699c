"""Records held against the truth: rows, tables and the figure."""

import csv
import io

import pytest
from rich.console import Console

from reports.amortisation import IngestCost
from reports.figures.quality import draw_quality
from reports.quality.rows import Truth, judge
from reports.quality.tables import print_quality, write_quality
from tests.unit.reports.factory import failed, record

# The searches rank m0 > m1 > m2 > m3; in truth m1 is best.
ACCURACY = {"m0": 0.88, "m1": 0.92, "m2": 0.80, "m3": 0.60}


def truth(**changes):
    values = {
        "accuracy": ACCURACY,
        "fine_tuning_s": 40.0,
        "items": 300,
        "evaluated_on": "held_out",
        "repeats": 1,
        "first_models": frozenset({"m3"}),
        "model_bytes": dict.fromkeys(ACCURACY, 1000),
        "ingest": IngestCost(total_s=9.0, hashing_s=2.0, model_bytes=4000, unique_bytes=2500),
    }
    return Truth(**{**values, **changes})


@pytest.fixture
def judged():
    records = [
        record("Base", wall_s=10.0),
        record("Base", wall_s=12.0, round=1),
        record("Alsatian", wall_s=2.0),
        failed("SHiFT"),
    ]
    return judge(records, {each.identity: truth() for each in records})


def test_a_row_per_system_and_the_references(judged) -> None:
    (search,) = judged
    rows = {row.label: row for row in search.rows}
    assert list(rows) == [
        "Base", "Alsatian", "a model at random", "the set's base model", "fine-tuning every model",
    ]  # fmt: skip
    assert rows["Base"].wall_s == 11.0
    assert rows["Alsatian"].regret == pytest.approx(0.04)
    assert rows["Alsatian"].accuracy == pytest.approx(0.88)
    assert rows["Alsatian"].tau == pytest.approx(4 / 6)
    assert rows["Alsatian"].recall == {1: 0.0, 3: 1.0, 5: None}
    assert rows["a model at random"].regret == pytest.approx(0.92 - 0.80)
    assert rows["a model at random"].recall[1] == pytest.approx(1 / 4)
    assert rows["the set's base model"].regret == pytest.approx(0.32)
    assert rows["fine-tuning every model"].wall_s == 40.0
    assert search.best == "m1"


def test_ingest_is_held_against_what_a_search_saves(judged) -> None:
    (paid,) = judged[0].amortisations  # Base needs no block store
    assert (paid.label, paid.saved_s, paid.searches) == ("Alsatian", 9.0, 1)
    assert paid.saved_over_strong_s is None


def test_scorers_stand_together_and_other_data_apart() -> None:
    records = [
        record("Alsatian", spec={"scorer": "linear"}),
        record("Alsatian", spec={"scorer": "linear-paper"}),
        record("Alsatian", spec={"scorer": "linear", "items": 800}),
    ]
    found = judge(records, {each.identity: truth() for each in records})
    labels = [[row.label for row in search.rows if not row.is_reference] for search in found]
    assert sorted(labels) == [["Alsatian"], ["Alsatian · linear", "Alsatian · linear-paper"]]


def test_models_of_several_sizes_name_the_largest() -> None:
    one = record("Base")
    sizes = {"m0": 1, "m1": 2, "m2": 9, "m3": 1}
    (search,) = judge([one], {one.identity: truth(model_bytes=sizes)})
    largest = next(row for row in search.rows if row.label == "the largest model")
    assert largest.winner == "m2"
    assert largest.regret == pytest.approx(0.12)


def test_tables_and_figure_say_what_numbers_rest_on(judged, tmp_path) -> None:
    console = Console(file=io.StringIO(), width=100)
    print_quality(console, judged)
    printed = console.file.getvalue()
    assert "4.0" in printed  # percentage points
    assert "300 held-out items" in printed
    assert "1 search" in printed
    written, markdown = write_quality(judged, tmp_path)
    with written.open() as file:
        lines = {line["label"]: line for line in csv.DictReader(file)}
    assert float(lines["Alsatian"]["regret"]) == pytest.approx(0.04)
    assert lines["Alsatian"]["searches_until_paid"] == "1.0"
    assert lines["Base"]["searches_until_paid"] == ""
    assert "| Alsatian |" in markdown.read_text()
    png, pdf = draw_quality(judged, tmp_path)
    first = png.read_bytes()
    assert len(first) > 10_000
    assert pdf.stat().st_size > 5_000
    assert draw_quality(judged, tmp_path)[0].read_bytes() == first
