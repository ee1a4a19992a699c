"""The summary for a pull request: what it says, and that it always fits."""

from __future__ import annotations

from reports.campaigns import campaigns_of
from reports.step_summary import MOST_BYTES, step_summary
from tests.unit.reports.factory import failed, record


def test_it_says_verdict_speed_ups_and_reasons():
    records = [record("Base"), record("Alsatian", wall_s=2.0), failed("SHiFT")]
    text = step_summary("Runs of a|b", campaigns_of(records, {}))
    assert text.startswith("# Runs of a\\|b")
    assert "| Alsatian | 5.00× |" in text
    assert "out of memory" in text
    assert "2 of 3 runs measured" in text


def test_it_fits_and_shows_what_went_wrong_first():
    good = [
        record(label, wall_s=time_s, scenario=f"scenario_{number}")
        for number in range(400)
        for label, time_s in (("Base", 8.0), ("Alsatian", 2.0))
    ]
    bad = failed("Base", scenario="zzz")
    text = step_summary("many", campaigns_of([*good, bad], {}))
    assert len(text.encode()) <= MOST_BYTES
    assert text.index("zzz") < text.index("scenario\\_0")
    assert "more scenarios stand in the report" in text
    assert len(step_summary("x" * 100_000, campaigns_of([bad], {})).encode()) <= MOST_BYTES
