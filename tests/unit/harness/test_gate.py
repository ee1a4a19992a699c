"""The order in which a gate measures, and what it does about disturbed and broken runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.checkouts import remove_leftovers
from harness.claims import Hold
from harness.gate import RunEnd, Turns
from harness.verbs.gating import _tolerances, for_worktrees, tolerances_of
from scenarios.errors import ScenarioError
from tests.unit.harness.test_environment import checkout, git  # noqa: F401


class Scripted:
    """A side whose runs end as written; it notes what it was asked for."""

    def __init__(self, name: str, calls: list[tuple[str, int, int]], statuses: Iterator[str]):
        self.name, self.calls, self.statuses = name, calls, statuses

    def run(self, cell: int, number: int) -> RunEnd:
        self.calls.append((self.name, cell, number))
        status = next(self.statuses, "ok")
        return RunEnd(status=status, reason=None, wall_s=1.0)


def measure(
    cells: list[tuple[int, int]], rounds: int, base: str = "", head: str = ""
) -> tuple[Turns, list[tuple[str, int, int]], list[tuple[int, int, str, str]]]:
    calls: list[tuple[str, int, int]] = []
    told: list[tuple[int, int, str, str]] = []
    sides: list[Any] = [
        Scripted(name, calls, iter(statuses.split()))
        for name, statuses in (("base", base), ("head", head))
    ]
    turns = Turns(
        base=sides[0],
        head=sides[1],
        on_pair=lambda cell, number, a, b: told.append((cell, number, a.status, b.status)),
    )
    turns.measure(cells, range(rounds))
    return turns, calls, told


def test_every_other_round_goes_back() -> None:
    turns, calls, _ = measure([(0, 5), (1, 6)], 2)
    forth = [("base", 0, 0), ("head", 5, 0), ("base", 1, 0), ("head", 6, 0)]
    back = [("head", 6, 1), ("base", 1, 1), ("head", 5, 1), ("base", 0, 1)]
    assert calls == forth + back
    assert (turns.runs, turns.replaced) == (8, 0)


def test_a_disturbed_run_is_replaced_with_its_partner_and_counted() -> None:
    turns, calls, told = measure([(0, 0)], 2, base="ok ok", head="invalid ok")
    assert calls[:4] == [("base", 0, 0), ("head", 0, 0)] * 2
    assert told == [(0, 0, "ok", "ok"), (0, 1, "ok", "ok")]
    assert (turns.runs, turns.replaced) == (6, 2)


def test_a_machine_that_is_always_busy_is_given_up() -> None:
    turns, _, told = measure([(0, 0)], 8, base="invalid " * 99)
    assert len(told) == 8
    assert turns.runs - turns.replaced == 16
    assert turns.replaced <= 10  # of 16: half of the pairs, and one


def test_a_cell_that_went_wrong_is_not_tried_again() -> None:
    _, calls, told = measure([(0, 0), (1, 1)], 3, head="crashed")
    assert [cell for name, cell, _ in calls if name == "base"] == [0, 1, 1, 1]
    assert told[0] == (0, 0, "ok", "crashed")


def test_a_file_of_ones_own_says_what_it_lets_pass(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(
        "name: mine\ntitle: Mine\nmatrix: {system: [baseline, alsatian]}\n"
        "fixed: {architecture: resnet18, distribution: top_50, dataset: digits, models: 3}\n"
        "tolerance: {mosix: 12%, base: 7%}\n"
    )
    found = tolerances_of(["gate", str(file)])
    assert found["mine"] == {"alsatian": 0.12, "baseline": 0.07}
    assert found["gate"] == {"baseline": 0.05, "alsatian": 0.05}
    assert tolerances_of(["gate", "of_the_future"], skip_unknown=True).keys() == {"gate"}
    with pytest.raises(ScenarioError, match="of_the_future"):
        tolerances_of(["of_the_future"])


def test_head_does_not_say_how_much_slower_it_may_be() -> None:
    base = SimpleNamespace(tolerances={"gate": {"alsatian": 0.05}, "old": {}})
    head = SimpleNamespace(tolerances={"gate": {"alsatian": 0.99}, "new": {"shift": 0.1}})
    tolerances, notes = _tolerances(base, head)  # type: ignore[arg-type]
    assert tolerances == {"gate": {"alsatian": 0.05}, "old": {}, "new": {"shift": 0.1}}
    (note,) = notes
    assert "alsatian 0.99 in head and alsatian 0.05 in base: judged by base's" in note


def test_what_killed_gates_left_is_removed_and_living_ones_stay(
    checkout: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    for name in ("gate-dead", "gate-living"):
        git(checkout, "worktree", "add", "--quiet", "--detach", str(cache / name / "code"), "HEAD")
    (cache / "store").mkdir()
    hold = Hold.take(cache / "gate-living")
    assert hold is not None
    with hold:
        remove_leftovers(checkout, cache)
    assert {path.name for path in cache.iterdir()} == {"gate-living", "store"}
    assert git(checkout, "worktree", "list").count("gate-") == 1


def test_scenario_files_are_found_from_a_worktree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    (repository / "below").mkdir(parents=True)
    for file in (repository / "below" / "own.yaml", tmp_path / "outside.yaml"):
        file.write_text("")
    monkeypatch.chdir(repository / "below")
    assert for_worktrees("gate", repository) == "gate"
    assert for_worktrees("nosuch", repository) == "nosuch"
    assert for_worktrees("own.yaml", repository) == "below/own.yaml"
    assert for_worktrees("../../outside.yaml", repository) == str(tmp_path / "outside.yaml")
