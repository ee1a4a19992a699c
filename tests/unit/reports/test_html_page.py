"""The HTML report as a whole: complete, escaped, without a network, whatever the runs are."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reports.campaigns import Words
from reports.errors import ReportError
from reports.html.page import Report, Sources, write_report
from reports.loading import load_records
from reports.records import Record
from tests.unit.reports.factory import record_json, write
from tests.unit.reports.test_html_parts import tree_rows, write_spans

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)"> & "quotes" \u2028'


class Page(HTMLParser):
    """What a browser would see: elements, the text between them, and data."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.data: dict[str, Any] = {}
        self.words: list[str] = []
        self._script: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._script = (dict(attrs).get("id") or "code") if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.words.append(data)
        elif self._script != "code":
            self.data[self._script] = json.loads(data)
        self._script = None

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]


def command(record: Record) -> str | None:
    return f"alsatian-bench run {record.scenario}" if record.system == "alsatian" else None


SOURCES = Sources(
    title="A report", words={("quick", None): Words(title="Quick", description="A few seconds")},
    command=command, made_by="alsatian-bench report runs",
)  # fmt: skip


def report(folder: Path, records: list[dict[str, Any] | str]) -> tuple[Report, Page]:
    for content in records:
        write(folder / "runs", content)
    written = write_report(load_records(folder / "runs"), folder / "report", SOURCES)
    return written, Page(written.path.read_text(encoding="utf-8"))


def test_a_report_says_what_the_runs_say(tmp_path: Path) -> None:
    spans = write(tmp_path / "runs", record_json("Base")).parent
    write_spans(spans, tree_rows(is_batch_major=True), end_ns=20)
    timeout = record_json(
        "SHiFT", status="timeout", wall_s=None, answer=None, reason="longer than 10 min"
    )
    written, page = report(tmp_path, [record_json("Alsatian", wall_s=2.5), timeout])
    for words in ("A report", "Quick", "A few seconds", "incomplete", "4.00×", "longer than 10 min",
                  "3, 2 of them measured", "a claim takes 8", "alsatian-bench report runs",
                  "Task tree: 7 blocks to execute instead of 9"):  # fmt: skip
        assert words in page.text
    runs = {name: data for name, data in page.data.items() if name.startswith("data-")}
    assert len(runs) == 3
    links = [each["href"] for each in page.of("a") if "#run-" in str(each["href"])]
    assert {f"data-{str(link).removeprefix('#run-')}" for link in links} == set(runs)
    (base,) = (data for data in runs.values() if data["name"] == "Base, round 1")
    (alsatian,) = (data for data in runs.values() if data["name"] == "Alsatian, round 1")
    assert base["lanes"] == [["search", "c540k60"]]  # 18 of 20 ns inference
    assert "command" not in base
    assert alsatian["command"] == "alsatian-bench run quick"
    assert alsatian["ranking"][0][:2] == ["m0", "0.950"]
    short = written.as_json()["campaigns"][0]
    assert short["verdict"] == "incomplete"
    assert short["speed_ups"]["Alsatian"]["median"] == 4.0


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    named = {"dataset": HOSTILE, "architecture": HOSTILE, "path": HOSTILE}
    bad = record_json("Alsatian", scenario=HOSTILE, key=HOSTILE, host_class=HOSTILE,
                      reason=HOSTILE, git={"commit": HOSTILE}, wall_s=5.0,
                      environment={HOSTILE: HOSTILE}, decisions=[{"what": HOSTILE, "x": HOSTILE}],
                      spec=named)  # fmt: skip
    bad["label"] = HOSTILE
    bad["answer"] |= {"winner": HOSTILE, "ranking": [HOSTILE], "tied": [HOSTILE]}
    failed = bad | {"status": "failed", "wall_s": None, "answer": None, "round": 1}
    written, page = report(tmp_path, [bad, failed, "{" + HOSTILE])
    assert len([each for each in page.of("script") if "id" not in each]) == 1
    assert not page.of("img")
    assert not [a for _, attributes in page.elements for a in attributes if a.startswith("on")]
    first = page.data[next(name for name in page.data if name.startswith("data-"))]
    assert HOSTILE in first["name"]
    assert HOSTILE in json.dumps(page.data["shared"], ensure_ascii=False).replace('\\"', '"')
    ids = [each["id"] for _, each in page.elements if each.get("id")]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[\w-]+", str(name)) for name in ids)
    assert written.runs == 2


def test_nothing_is_fetched_and_only_the_own_script_runs(tmp_path: Path) -> None:
    written, page = report(tmp_path, [record_json("Base")])
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data"):
            target = str(attributes.get(name) or "#")
            assert target.startswith(("#", "data:")), (tag, target)
        assert "style" not in attributes  # the policy would refuse it
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttpRequest", written.path.read_text())
    policy = next(str(m["content"]) for m in page.of("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_what_is_damaged_costs_its_part_only(tmp_path: Path) -> None:
    run = write(tmp_path / "runs", record_json("Base")).parent
    (run / "spans.parquet").write_bytes(b"not parquet")
    newer = record_json("SHiFT") | {"schema": 99}
    written, page = report(tmp_path, [record_json("Alsatian", wall_s=5.0), newer, "{"])
    assert written.runs == 2
    said = "\n".join(written.problems)
    assert len(written.problems) == 3
    for words in ("spans.parquet", "99", "not a readable record"):
        assert words in said
        assert words in page.text
    assert "2.00×" in page.text


def test_a_run_that_does_not_count_has_its_reason_and_no_efficiency(tmp_path: Path) -> None:
    flag = {"name": "busy", "sentence": "the machine was busy", "invalidates": True}
    invalid = record_json("Base", status="invalid", reason=flag["sentence"], flags=[flag])
    _, page = report(tmp_path, [invalid, record_json("Alsatian")])
    of_run = {data["name"]: data for name, data in page.data.items() if name.startswith("data-")}
    heads = page.data["shared"]["heads"]
    names = {run: heads[data["facts"][0]][1] for run, data in of_run.items()}
    assert "efficiency" in names["Alsatian, round 1"]
    assert "efficiency" not in names["Base, round 1"]
    base = of_run["Base, round 1"]
    assert (base["status"], base["reason"]) == ("invalid", "the machine was busy")
    assert "flags" not in base  # the reason says it
    assert page.text.count("no Base to compare with")


def test_there_is_no_report_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="No readable run"):
        report(tmp_path, ["{"])
    assert not (tmp_path / "report").exists()


def test_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    written, _ = report(tmp_path, [record_json("Base"), record_json("Alsatian")])
    before = written.path.read_bytes()
    again = write_report(load_records(tmp_path / "runs"), tmp_path / "report", SOURCES)
    assert again.path.read_bytes() == before
    assert {path.name for path in again.path.parent.iterdir()} == {"index.html", "summary.md"}


def test_different_measurements_are_told_apart(tmp_path: Path) -> None:
    _, page = report(
        tmp_path, [record_json("Base"), record_json("Base", scale="smoke", host_class="another")]
    )
    assert "Not one measurement." in page.text
    assert "quick@smoke" in page.text
    heads = [word for word in page.words if word == "machine"]
    assert heads  # a column of its own, as the runs differ in it


def test_probes_are_tables_of_their_own(tmp_path: Path) -> None:
    rows = [{"block": 1, "seconds_s": 0.5, "low_seconds_s": 0.4, "high_seconds_s": 0.6}]
    probe = record_json("probe-blocks", answer=None, readings=rows, phases_s={"plan": 10.0})
    _, page = report(tmp_path, [probe])
    assert "measured" in page.text
    assert "0.50 s" in page.text or "500 ms" in page.text
    assert not [each for each in page.of("details") if each.get("class") == "search"]
