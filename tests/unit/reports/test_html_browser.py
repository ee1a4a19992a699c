"""The HTML report in a real browser: nothing complains, and what can be used works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.html.page import write_report
from reports.loading import load_records
from tests.browser import Browser, find_chromium
from tests.unit.reports.factory import record_json, write
from tests.unit.reports.test_html_page import HOSTILE, SOURCES
from tests.unit.reports.test_html_parts import tree_rows, write_spans

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium on this machine"),
]

SHOWN = "[...document.querySelectorAll('#all-runs tbody tr')].filter(r => !r.hidden)"
TIMES = f"{SHOWN}.map(r => r.cells[5].textContent)"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    walls = {"Base": 10.0, "SHiFT": 100.0, "Alsatian": 2.5}
    for label, wall_s in walls.items():
        run = write(folder / "runs", record_json(label, wall_s=wall_s)).parent
        write_spans(run, tree_rows(is_batch_major=True), end_ns=20)
    failed = record_json("Alsatian", round=1, status="failed", wall_s=None, reason=HOSTILE)
    write(folder / "runs", failed | {"answer": None})
    return write_report(load_records(folder / "runs"), folder, SOURCES).path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def test_the_report_is_usable(page: Path, browser: Browser) -> None:
    browser.open(page)

    # Sorted by a click: numbers as numbers, the unknown last.
    browser.click("#all-runs th:nth-child(6) button")
    assert browser.run(TIMES) == ["2.50 s", "10.0 s", "100 s", "–"]
    browser.click("#all-runs th:nth-child(6) button")
    assert browser.run(TIMES) == ["100 s", "10.0 s", "2.50 s", "–"]
    sorted_by = "document.querySelector('#all-runs th:nth-child(6)').getAttribute('aria-sort')"
    assert browser.run(sorted_by) == "descending"

    # Filtered by words and by a choice.
    browser.click("#words")
    browser.write("alsatian failed")
    assert browser.run(f"{SHOWN}.length") == 1
    assert browser.run("document.querySelector('#count').textContent") == "1 of 4 runs"
    browser.click("#filters button[type=reset]")
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert browser.run(f"{SHOWN}.length") == 4
    browser.run(
        "(() => { const s = document.querySelector('select[data-column=\"0\"]'); s.value = 'SHiFT';"
        "s.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    assert browser.run(TIMES) == ["100 s"]

    # A system switched off is gone from figures and tables.
    seen = "[...document.querySelectorAll('.campaign .sys')].filter(n => !n.hidden && "
    seen += "!n.hasAttribute('hidden')).map(n => n.dataset.system)"
    assert browser.run(seen).count("SHiFT") == 3
    browser.click(".systems input[value=SHiFT]")
    assert "SHiFT" not in browser.run(seen)
    assert browser.run(seen).count("Base") == 2
    assert browser.complaints() == []


def test_a_run_has_a_page(page: Path, browser: Browser) -> None:
    browser.open(page)
    browser.click("#all-runs tbody tr a")
    browser.run("new Promise(done => setTimeout(done, 100))")
    assert browser.run("document.querySelector('#overview').hidden") is True
    assert browser.run("document.querySelector('#run h2').textContent") == "Base, round 1"
    assert browser.run("document.activeElement.id") == "run"
    length = "document.querySelector('#readout').textContent.split(' s ')[0]"
    whole = browser.run(length)
    browser.run("document.querySelector('.chart').focus()")
    browser.press("+", text="+")
    assert float(browser.run(length)) == pytest.approx(float(whole) / 2, rel=0.02)
    browser.press("0", text="0")
    assert browser.run(length) == whole
    browser.drag(".chart", 0.3, 0.5)
    read = "document.querySelector('#readout').textContent"
    assert browser.run(read).startswith("at ")
    assert "inference" in browser.run(read)
    browser.run("history.back()")
    browser.run("new Promise(done => setTimeout(done, 100))")
    assert browser.run("document.querySelector('#overview').hidden") is False
    assert browser.complaints() == []


def test_hostile_names_do_nothing(page: Path, browser: Browser) -> None:
    browser.open(page, "run-quick--Alsatian-1")
    assert "alert(1)" in browser.run("document.querySelector('#run').textContent")
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert (
        browser.run("document.scripts.length - document.querySelectorAll('script[id]').length") == 1
    )
    assert browser.complaints() == []
