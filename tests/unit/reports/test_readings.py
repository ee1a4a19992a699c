"""Readings: rounds laid together, tables for people and programs, figures."""

import csv
from pathlib import Path

import pytest
from rich.console import Console

from reports.comparison import compare
from reports.figures.readings import draw_readings
from reports.readings import collect_readings, laid_together
from reports.readings_tables import (
    head,
    markdown_section,
    number,
    print_readings,
    text,
    write_csv,
)
from tests.unit.reports import factory


def times(name: str, value: float) -> dict[str, float]:
    return {name: value, f"low_{name}": 0.9 * value, f"high_{name}": 1.2 * value, "repeats": 7}


def blocks(architecture: str, count: int = 3) -> list[dict]:
    return [
        {
            "architecture": architecture, "block": at, "parameters": 10**6 * (at + 1),
            "store_bytes": 4 * 10**6, "input_bytes": 12288, "output_bytes": 65536 // (at + 1),
            "operations": 10**8, "batch_items": 8, **times("item_time_s", 1e-3 * (at + 1)),
        }
        for at in range(count)
    ]  # fmt: skip


def ways(names: list[str], column: str, **columns: object) -> list[dict]:
    return [
        {"architecture": "resnet18", "way": way, **columns, **times(column, 0.01 * at),
         "speed_up": 1.0 / at, "bit_identical": at != 2, "same_result": True}
        for at, way in enumerate(names, 1)
    ]  # fmt: skip


def probe(name: str, readings: list[dict], **changes: object):
    spec = {"system": name, "models": 1, **changes.pop("spec", {})}
    return factory.record(
        name, spec=spec, answer=None, readings=readings, scenario="micro", **changes
    )


RATES = [{"architecture": "resnet18", "batch_items": 8, **times("items_per_s", 900.0)}]
EVERY_KIND = {
    "probe-sizes": [
        {"architecture": "resnet18", "blocks": 9, "published_parameters": 11_689_512,
         "parameters": 11_176_512, "store_bytes": 44_744_608, "file_bytes": 44_760_000},
    ],
    "probe-blocks": blocks("resnet18") + blocks("vit_ti_16@32", 5),
    "probe-inference": RATES,
    "probe-loading": [
        {"items_as": "64 px", "data_workers": workers, "batch_size": 16, "items": 128,
         **times("items_per_s", 100.0 * (workers + 1))}
        for workers in (0, 1, 2)
    ],
    "probe-heads": [
        {"models": models, "way": way, **times("time_s", 0.1 * models), "speed_up": 1.5,
         "same_result": True}
        for models in (1, 2, 4)
        for way in ("one by one", "together")
    ],
    "probe-composition": ways(["plain forward", "bound blocks"], "batch_time_s"),
    "probe-snapshot-loading": [
        row for cache in ("cold", "warm")
        for row in ways(["state dict", "blocks"], "time_s", cache=cache)
    ],
}  # fmt: skip


def test_rounds_are_laid_together() -> None:
    first = {"way": "a", "time_s": 1.0, "repeats": 5, "files": 9, "bit_identical": True, "x": None}
    second = {**first, "time_s": 3.0, "repeats": 7, "bit_identical": False, "x": 2}
    assert laid_together([[first], [second]]) == [
        {"way": "a", "time_s": 2.0, "repeats": 12, "files": 9, "bit_identical": False, "x": 2}
    ]


def test_rounds_of_different_length_are_never_mixed() -> None:
    assert laid_together([[{"a": 1}, {"a": 2}], [{"a": 5}]]) == [{"a": 5}]


def test_columns_say_what_sets_runs_apart() -> None:
    records = [
        probe("probe-inference", RATES, spec={"architecture": name, "resolution": side, "items": n})
        for name, side, n in (("resnet18", 64, 40), ("vit_ti_16", 224, 50))
    ]
    (table,) = collect_readings(records)
    # The items follow from the architecture, which is in the rows; pixels are always told.
    assert table.apart == ("resolution",)
    assert [row["resolution"] for row in table.rows] == [64, 224]
    assert table.is_valid


def test_batches_are_in_the_order_of_their_size() -> None:
    records = [
        probe("probe-inference", [{**RATES[0], "batch_items": size}], spec={"batch_size": size})
        for size in (8, 128, 32)
    ]
    (table,) = collect_readings(records)
    assert [row["batch_items"] for row in table.rows] == [8, 32, 128]


def test_probes_stay_out_of_comparisons() -> None:
    searches = [factory.record("Base"), factory.record("SHiFT", wall_s=5.0)]
    records = [*searches, probe("probe-inference", RATES)]
    assert compare(records) == compare(searches)
    assert [table.probe for table in collect_readings(records)] == ["probe-inference"]


def test_scales_and_scenarios_are_kept_apart() -> None:
    records = [probe("probe-inference", RATES, scale=scale) for scale in ("cpu", "gpu", None)]
    assert [table.scale for table in collect_readings(records)] == [None, "cpu", "gpu"]


def test_a_probe_that_failed_is_a_problem_with_its_reason() -> None:
    (table,) = collect_readings(
        [
            probe("probe-inference", RATES),
            probe("probe-inference", [], status="out_of_memory", reason="It was too large.",
                  wall_s=None, spec={"batch_size": 512}),
        ]
    )  # fmt: skip
    assert not table.is_valid
    assert len(table.rows) == 1
    (problem,) = table.problems
    assert "out of memory: It was too large." in problem
    assert "batches of 512" in problem


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("time_s", 2.5, "2.50 s"),
        ("item_time_s", 0.0123, "12.3 ms"),
        ("item_time_s", 4.56e-6, "4.56 µs"),
        ("store_bytes", 44_744_608, "44.7 MB"),
        ("output_bytes", 512, "512 B"),
        ("items_per_s", 1234.5, "1,234"),
        ("operations", 3_640_000_000, "3.64 G"),
        ("operations_per_s", 2.5e11, "250 G"),
        ("parameters", 11_176_512, "11,176,512"),
        ("same_result", True, "yes"),
        ("speed_up", 4.413, "4.41×"),
        ("disk_bytes", None, "–"),
        ("architecture", "vit_l_32@224", "ViT-L-32 (224 px)"),
    ],
)
def test_numbers_have_their_units(column: str, value: object, shown: str) -> None:
    assert number(column, value) == shown


def test_heads_and_quartiles() -> None:
    assert [head(c) for c in ("item_time_s", "items_per_s", "output_bytes", "same_result")] == [
        "item time", "items/s", "output", "same result",
    ]  # fmt: skip
    assert text("time_s", times("time_s", 0.01)) == "10.0 ms (9.00–12.0)"


def test_terminal_and_markdown_show_the_same_numbers() -> None:
    (table,) = collect_readings([probe("probe-blocks", EVERY_KIND["probe-blocks"])])
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    print_readings(console, [table])
    printed, section = console.export_text(), markdown_section(table)
    for shown in ("ViT-Ti-16 (32 px)", "2.00 ms (1.80–2.40)", "3,000,000", "of 7 repeats"):
        assert shown in printed
        assert shown in section
    assert max(map(len, printed.splitlines())) <= 100
    assert section.count("\n| ") == 2 + len(table.rows)


def test_csv_has_every_row_in_si_units(tmp_path: Path) -> None:
    tables = collect_readings([probe(name, rows) for name, rows in EVERY_KIND.items()])
    write_csv(tables, tmp_path / "readings.csv")
    with (tmp_path / "readings.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(map(len, EVERY_KIND.values()))
    (inference,) = (row for row in rows if row["probe"] == "probe-inference")
    assert float(inference["low_items_per_s"]) == pytest.approx(810)
    assert inference["block"] == ""


def test_every_kind_has_a_figure_and_equal_input_equal_bytes(tmp_path: Path) -> None:
    tables = collect_readings([probe(name, rows) for name, rows in EVERY_KIND.items()])
    made = draw_readings(tables, tmp_path / "a")
    names = {f"{name.replace('probe', 'readings')}.png" for name in EVERY_KIND}
    assert {path.name for path in made if path.suffix == ".png"} == names
    few = [table for table in tables if table.probe == "probe-sizes"]
    for path in draw_readings(few, tmp_path / "b"):
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes()


def test_a_probe_of_another_package_has_a_table_and_no_figure(tmp_path: Path) -> None:
    tables = collect_readings([probe("probe-own", [{"thing": "x", "time_s": 1.0}])])
    assert draw_readings(tables, tmp_path) == ()
    assert "| x |" in markdown_section(tables[0])
