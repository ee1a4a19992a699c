import csv
import io

import pytest
from rich.console import Console

from reports.comparison import compare
from reports.summary import summarise
from reports.tables import print_comparison, write_csv, write_markdown
from tests.unit.reports.factory import SYSTEMS, answer, failed, record

LONG = "Alsatian + schedule=block_major + cache_budget=64 MiB"


def printed(comparison, width=100):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_comparison(console, comparison)
    return console.file.getvalue()


def eight_rounds():
    return [
        record(label, round=n, wall_s=(1000.0 + n) / (1 + 3 * at), time_bound_s=900.0)
        for at, label in enumerate(SYSTEMS)
        for n in range(8)
    ]


def wrong_answer():
    wrong = answer(halving=True)
    for name in wrong["models"]:
        wrong["models"][name]["score"] = 0.125
    return wrong


def test_the_terminal_table_says_what_was_measured():
    bound = {"time_bound_s": 3.2}
    text = printed(compare([record(wall_s=12.0, **bound), record("SHiFT", wall_s=4.0, **bound)]))
    assert "digits · ResNet-18 · Top 50% · 4 models · 400 items · 64 px · cpu" in text
    line = next(line for line in text.splitlines() if line.startswith("SHiFT"))
    assert line.split() == [
        "SHiFT", "4.00", "s", "3.00×", "10%", "20%", "50%", "15%", "5%", "3.69×", "3.20", "s",
        "80%", "44.7", "MB",
    ]  # fmt: skip
    assert "1 round; a claim takes 8." in text
    assert "Answers agree" in text


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_100_columns_or_the_terminal(width):
    bad = [record(LONG), failed("Alsatian (paper)"), record("Alsatian", answer=wrong_answer())]
    text = printed(compare([*eight_rounds()[:16], *bad]), width=width)
    assert max(len(line) for line in text.splitlines()) <= min(width, 100)


def test_many_rounds_show_their_interval_and_no_caveat():
    text = printed(compare(eight_rounds()))
    assert "interval" in text
    assert "8 rounds, medians." in text
    assert "a claim takes" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_differences_are_named_and_counted():
    runs = [record(), record("SHiFT"), record("Alsatian", answer=wrong_answer())]
    text = printed(compare(runs))
    assert text.count("Answers DIFFER: Base and Alsatian: model m0") == 1
    assert "more such differences" in text
    line = next(line for line in text.splitlines() if line.startswith("Alsatian"))
    assert "differs" in line


def test_reasons_are_told_and_markup_is_not_obeyed():
    run = failed("SHiFT")
    text = printed(compare([record(), run, record("[red]X[/red]")]))
    assert "SHiFT: out of memory: it needed 3 GB of 2 GB" in text
    assert "[red]X[/red]" in text


def test_fake_data_are_labelled():
    runs = [record(spec={"dataset": "fake"}), record("SHiFT", spec={"dataset": "fake"})]
    assert "fake data: timing only" in printed(compare(runs))
    assert "fake data: timing only" in summarise(compare(runs)).lines[0]


def test_markdown_has_one_table_per_search_and_escapes_what_comes_from_outside(tmp_path):
    runs = [record(), record("a|b<script>"), failed("SHiFT")]
    write_markdown(compare(runs), tmp_path / "c.md")
    text = (tmp_path / "c.md").read_text()
    assert "| Base | 10.0 s | 1× |" in text
    assert "a\\|b\\<script\\>" in text
    assert "- SHiFT: out of memory: it needed 3 GB of 2 GB" in text
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if line[:1] == "|"}
    assert len(widths) == 1


def test_csv_can_be_read_back(tmp_path):
    write_csv(compare(eight_rounds()), tmp_path / "c.csv")
    with (tmp_path / "c.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["label"] for line in lines] == list(SYSTEMS)
    assert float(lines[2]["speed_up"]) == pytest.approx(7)
    assert lines[0]["speed_up_rounds"] == "8"


def test_summary_names_the_winner_and_the_fastest_system_first():
    runs = [record(wall_s=12.0), record("SHiFT", wall_s=4.0), record("Alsatian", wall_s=1.0)]
    summary = summarise(compare([*runs, failed("Alsatian (paper)")]))
    (search,) = summary.searches
    assert (search.winner, search.score, search.tied) == ("m0", 0.95, 1)
    assert search.speed_ups == ("Alsatian 12.0×", "SHiFT 3.00×", "Alsatian (paper): out of memory")
    assert "best model m0 (accuracy 0.950 on 80 test items, answers agree)" in summary.lines[0]
    assert summary.lines[-1] == "Measured in 1 round; a claim takes 8."


def test_summary_has_no_winner_where_answers_differ_or_nothing_ran():
    runs = [record(), record("SHiFT", answer=wrong_answer())]
    assert "answers differ" in summarise(compare(runs)).lines[0]
    assert "no answer" in summarise(compare([failed("Base")])).lines[0]


def test_summary_tells_of_ties():
    tied = answer(halving=True) | {"tied": ["m0", "m1"]}
    runs = [record(), record("SHiFT", answer=tied)]
    assert "2 models share this place" in summarise(compare(runs)).lines[0]
