"""The parts of the HTML report: timelines, hardware, task trees, verdicts, facts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reports.campaigns import campaigns_of, mixtures
from reports.comparison import compare
from reports.errors import ReportError
from reports.hardware import read_tracks
from reports.html.charts import boxes_of, strips_of
from reports.html.run_details import Shared, facts
from reports.html.tables import run_row, search_cells
from reports.html.task_tree import Segment, tree_of
from reports.html.views import anchors_of
from reports.timeline import SHOWN, STEPS, lanes_of, read_spans
from tests.unit.reports.factory import answer, failed, record

SPAN_NAMES = ("phase", "lane", "start_ns", "end_ns", "block", "vertex")


def write_spans(
    folder: Path, rows: list[tuple[Any, ...]], *, end_ns: int, begin_ns: int = 0
) -> None:
    """Rows in the order of ``SPAN_NAMES``."""
    columns = dict(zip(SPAN_NAMES, map(list, zip(*rows, strict=True)), strict=True))
    timed = json.dumps({"started_ns": begin_ns, "ended_ns": end_ns})
    table = pa.table(columns).replace_schema_metadata({"alsatian_bench": timed})
    pq.write_table(table, folder / "spans.parquet")


def decoded(code: str) -> list[tuple[str, int]]:
    letters = [(SHOWN[ord(letter) - ord("a")], rest) for letter, rest in split(code)]
    return [(phase, int(count)) for phase, count in letters]


def split(code: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for character in code:
        if character.isdigit():
            found[-1] = (found[-1][0], found[-1][1] + character)
        else:
            found.append((character, ""))
    return found


def test_a_moment_belongs_to_the_innermost_span(tmp_path: Path) -> None:
    begin = 10**18  # the clock of a machine that is up for 30 years: no digit may be lost
    rows = [
        ("cache", "host", 100, 200, None, None),
        ("plan", "host", 150, 200, None, None),  # ends with the span around it
        ("inference", "host", 0, 300, None, None),
        ("strange", "host", 450, 600, None, None),
        ("prepare_model", "prefetch", 0, 300, None, None),
        ("prepare_model", "prefetch", 200, 400, None, None),  # of another thread
    ]
    rows[0], rows[1] = rows[1], rows[0]  # as they end, the inner before the outer
    shifted = [(p, lane, begin + a * 10**6, begin + b * 10**6, *x) for p, lane, a, b, *x in rows]
    write_spans(tmp_path, shifted, begin_ns=begin, end_ns=begin + 600 * 10**6)
    spans = read_spans(tmp_path)
    assert spans is not None
    assert spans.length_s == 0.6
    host, background = lanes_of(spans)
    assert STEPS == 600  # so that a step is one millisecond here
    assert decoded(host.code) == [
        ("inference", 100), ("cache", 50), ("plan", 50), ("inference", 100), ("idle", 150),
        ("other", 150),
    ]  # fmt: skip
    assert decoded(background.code) == [("prepare_model", 400), ("idle", 200)]


def test_a_span_around_a_whole_program_hides_nothing_on_the_device_either(tmp_path: Path) -> None:
    rows = [
        ("inference", "device", 0, 200, None, None),
        ("inference", "device", 210, 600, None, None),
        ("cache", "device", 0, 600, None, None),
    ]
    write_spans(tmp_path, [(p, lane, a * 10**6, b * 10**6, *x) for p, lane, a, b, *x in rows],
                end_ns=600 * 10**6)  # fmt: skip
    spans = read_spans(tmp_path)
    assert spans is not None
    (device,) = lanes_of(spans)
    assert decoded(device.code) == [("inference", 200), ("cache", 10), ("inference", 390)]


def test_steps_show_the_phase_that_took_most_of_them(tmp_path: Path) -> None:
    rows = [("plan", "host", 0, 400, None, None), ("cache", "host", 400, 1000, None, None)]
    write_spans(tmp_path, rows, end_ns=600_000)
    spans = read_spans(tmp_path)
    assert spans is not None
    assert decoded(lanes_of(spans)[0].code) == [("cache", 1), ("idle", STEPS - 1)]


def test_damaged_tables_are_sentences_that_name_the_file(tmp_path: Path) -> None:
    assert read_spans(tmp_path) is None
    assert read_tracks(tmp_path, window_ns=None) == ()
    (tmp_path / "spans.parquet").write_bytes(b"PAR1 no more")
    (tmp_path / "series.parquet").write_bytes(b"")
    with pytest.raises(ReportError, match=r"spans\.parquet: not a readable table"):
        read_spans(tmp_path)
    with pytest.raises(ReportError, match=r"series\.parquet: not a readable series"):
        read_tracks(tmp_path, window_ns=None)
    pq.write_table(pa.table({"something": [1]}), tmp_path / "spans.parquet")
    pq.write_table(pa.table({"something": [1]}), tmp_path / "series.parquet")
    with pytest.raises(ReportError, match="start_ns"):
        read_spans(tmp_path)
    with pytest.raises(ReportError, match="t_ns"):
        read_tracks(tmp_path, window_ns=None)


def test_counters_are_cut_to_the_search_and_growing_ones_are_rates(tmp_path: Path) -> None:
    times_ns = [at * 10**9 for at in range(-1, 5)]
    fields = [
        pa.field("t_ns", pa.int64()),
        pa.field("tree.cpu_s", pa.float64(), metadata={"unit": "s", "kind": "cumulative"}),
        pa.field("tree.rss_bytes", pa.int64(), metadata={"unit": "B", "kind": "level"}),
        pa.field("tree.read_bytes", pa.int64(), metadata={"unit": "B", "kind": "cumulative"}),
        pa.field("gpu0.power_w", pa.float64(), metadata={"unit": "W", "kind": "level"}),
        pa.field("cpu0.busy_s", pa.float64(), metadata={"unit": "s", "kind": "cumulative"}),
    ]
    columns = [
        times_ns,
        [0.0, 0.5, 2.5, 4.5, 4.5, 9.0],
        [9_000_000, 1_000_000, None, 2_000_000, 3_000_000, 9_000_000],
        [0] * 6,  # nothing to see
        [None, 100.0, 123.456, None, None, 300.0],
        [0.0] * 6,
    ]
    table = pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)],
        schema=pa.schema(fields),
    )
    pq.write_table(table, tmp_path / "series.parquet")
    tracks = {t.title: t for t in read_tracks(tmp_path, window_ns=(0, 3 * 10**9))}
    assert list(tracks) == ["processors busy with the search", "memory of the search", "gpu0 power"]
    cpu, memory, power = tracks.values()
    assert (cpu.unit, cpu.from_s, cpu.to_s, cpu.values) == ("cores", 0.5, 2.5, (2, 2, 0))
    assert (memory.unit, memory.values) == ("MB", (1, 2, 3))
    assert (power.unit, power.values) == ("W", (100, 123))


def tree_rows(*, is_batch_major: bool) -> list[tuple[Any, ...]]:
    """Three models of three blocks, two batches each: a-b-c, a-b-d and e-f-g."""
    blocks = []
    for model in ("abc", "abd", "efg"):
        batch = list(enumerate(model, start=1))
        blocks += batch * 2 if is_batch_major else [each for each in batch for _ in range(2)]
    return [
        ("inference", "host", at, at + 1, block, vertex)
        for at, (vertex, block) in enumerate(blocks)
    ]


@pytest.mark.parametrize("is_batch_major", [True, False])
def test_the_task_tree_is_what_a_run_executed(tmp_path: Path, is_batch_major: bool) -> None:
    rows = tree_rows(is_batch_major=is_batch_major)
    rows.append(("prepare_model", "host", 90, 91, "abc", None))
    write_spans(tmp_path, rows, end_ns=100)
    spans = read_spans(tmp_path, with_blocks=True)
    assert spans is not None
    tree = tree_of(spans)
    assert tree is not None
    assert (tree.models, tree.depth, tree.blocks, tree.distinct) == (3, 3, 9, 7)
    assert tree.segments == (
        Segment(first_block=1, last_block=2, first_model=0, models=2, hash="a"),
        Segment(first_block=3, last_block=3, first_model=0, models=1, hash="c"),
        Segment(first_block=3, last_block=3, first_model=1, models=1, hash="d"),
        Segment(first_block=1, last_block=3, first_model=2, models=1, hash="e"),
    )
    boxes = boxes_of(tree)
    assert [(box.x, box.width) for box in boxes] == [(0, 400), (400, 200), (400, 200), (0, 600)]
    assert [box.share for box in boxes] == [5, 0, 0, 0]


def test_a_run_of_one_path_tells_no_tree(tmp_path: Path) -> None:
    write_spans(tmp_path, tree_rows(is_batch_major=True)[:6], end_ns=100)
    spans = read_spans(tmp_path, with_blocks=True)
    assert spans is not None
    assert tree_of(spans) is None


def test_campaigns_never_mix_scales_devices_or_machines() -> None:
    records = [
        record("Base"),
        record("Alsatian", wall_s=5.0),
        record("Alsatian", scale="smoke", wall_s=0.1),
        record("Alsatian", host_class="another", wall_s=0.2),
        record("Alsatian", spec={"device": "cuda"}, wall_s=0.3),
    ]
    campaigns = campaigns_of(records, {})
    assert len(campaigns) == 4
    assert [len(campaign.records) for campaign in campaigns] == [2, 1, 1, 1]
    speeds = [speed for campaign in campaigns for speed in campaign.speeds]
    assert [(speed.label, speed.middle) for speed in speeds] == [("Alsatian", 2.0)]
    said = " ".join(mixtures(records))
    for words in ("2 scales", "as it stands; smoke", "2 devices", "cpu; cuda", "2 kinds of"):
        assert words in said
    assert mixtures(records[:2]) == ()


def test_verdicts_come_before_numbers() -> None:
    wrong = answer(halving=True)
    wrong["models"]["m0"]["segments"]["test"]["digest"] = "another"
    wrong["models"]["m0"]["segments"]["test"]["sketch"] = [9.0, 9.0, 9.0]
    cases = {
        "answers agree": [record("Base"), record("Alsatian"), failed("SHiFT", "skipped")],
        "answers differ": [record("Base"), record("Alsatian", answer=wrong)],
        "answers unchecked": [record("Base")],
        "incomplete": [record("Base"), record("Alsatian"), failed("SHiFT")],
        "nothing measured": [failed("Base"), failed("Alsatian")],
    }
    for word, records in cases.items():
        (campaign,) = campaigns_of(records, {})
        assert campaign.verdict.word == word
        assert campaign.verdict.kind == {"answers agree": "good"}.get(
            word, "bad" if word in ("answers differ", "nothing measured") else "unsure"
        )
    (campaign,) = campaigns_of(cases["incomplete"], {})
    assert any("it needed 3 GB of 2 GB" in line for line in campaign.unmeasured)


def test_systems_that_are_missing_are_said_to_be() -> None:
    records = [record("Base"), record("Alsatian"), record("Base", spec={"items": 800})]
    (campaign,) = campaigns_of(records, {})
    assert campaign.verdict.word == "incomplete"
    assert any("there is no record of it" in line for line in campaign.unmeasured)


def test_a_run_has_no_speed_up_where_its_search_has_none() -> None:
    wrong = answer(halving=True) | {"ranking": ["m3", "m2", "m1", "m0"]}
    wrong["models"]["m0"]["segments"]["test"]["sketch"] = [9.0, 9.0, 9.0]
    wrong["models"]["m0"]["segments"]["test"]["digest"] = "another"
    for changed, expected in ((None, "2.00×"), (wrong, "–")):
        changes = {} if changed is None else {"answer": changed}
        run = record("Alsatian", wall_s=5.0, **changes)
        (campaign,) = campaigns_of([record("Base"), run], {})
        row = run_row(
            run, campaign, anchor="x", kinds=(), search=campaign.comparison.searches[0],
            base_s=10.0,
        )  # fmt: skip
        assert row.cells[6].text == expected


def test_the_cells_of_a_search_say_why_there_is_no_number() -> None:
    search = compare([record("Base"), failed("SHiFT", "timeout")]).searches[0]
    assert [search_cells(row)[0] for row in search.rows] == ["10.0 s", "timeout"]


def test_speed_ups_stand_on_one_logarithmic_axis() -> None:
    records = [
        run
        for items, wall_s in ((400, 5.0), (800, 2.5))
        for run in (
            record("Base", spec={"items": items}),
            record("Alsatian", wall_s=wall_s, spec={"items": items}),
        )
    ]
    (campaign,) = campaigns_of(records, {})
    strips = strips_of(campaign)
    assert strips is not None
    (strip,) = strips.strips
    two, four = (dot.x for dot in strip.dots)
    assert two - strips.one == pytest.approx(four - two, abs=0.2)  # 1, 2, 4
    assert {tick.text for tick in strips.ticks} == {"1×", "2×"}
    assert strips_of(campaigns_of([record("Alsatian")], {})[0]) is None


def test_every_run_has_an_anchor_of_its_own() -> None:
    records = [record(key=key) for key in ("a", "a--2", "a", "ä/b", "ö/b")]
    anchors = anchors_of(records)
    assert len(set(anchors.values())) == 5
    assert anchors[id(records[0])] == "quick--a"
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", anchor) for anchor in anchors.values())


def test_facts_have_units_and_are_kept_once() -> None:
    values = {"peak_bytes": 2_000_000, "rate_bytes_per_s": 2e8, "took_s": 1.5, "swap": {"on": True},
              "cores": [1, 2], "reason": None}  # fmt: skip
    assert facts(values) == [
        ("peak_bytes", "2.00 MB"), ("rate_bytes_per_s", "200 MB/s"), ("took_s", "1.50 s"),
        ("swap.on", "yes"), ("cores", "1, 2"), ("reason", "–"),
    ]  # fmt: skip
    shared = Shared()
    places = [shared.place("Limits", facts(each)) for each in (values, {"x": 1}, values)]
    assert places == [0, 1, 0]
    assert len(shared.sections) == 2
