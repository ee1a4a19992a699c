"""Stored campaigns in one line each."""

from __future__ import annotations

from pathlib import Path

from bench.gains import lines
from tests.unit.reports.factory import record_json, write


def test_medians_and_ranges_over_searches(tmp_path: Path) -> None:
    for items, factor in ((100, 1.0), (200, 2.0), (400, 3.0)):
        for label, time_s in (("Base", 12.0), ("SHiFT", 6.0), ("Alsatian", 4.0 / factor)):
            content = record_json(
                label, wall_s=time_s, scenario="fig10", scale="cpu", spec={"items": items}
            )
            write(tmp_path / "fig10", content)
    write(tmp_path / "other", record_json("Base", scenario="fig10", scale="gpu"))
    (_, _, line) = lines(tmp_path, scale="cpu")
    assert "| fig10 | 2.00× (2.00–2.00) | – | 6.00× (3.00–9.00) |" in line
    assert line.endswith("| agree in 3 of 3 |")
