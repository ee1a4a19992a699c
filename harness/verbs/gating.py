"""Gates from end to end: measuring two versions and judging them, or judging stored runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.markup import escape

from harness.checkouts import Versions, checked_out
from harness.gate import Request, RunEnd, SideProcess, Turns
from harness.gate_side import tolerance_of
from harness.host_lock import only_one_measures
from harness.noise import NoiseFolder, known_baselines
from harness.spec import vocabulary
from harness.terminal import ERR, OUT, say_waiting
from harness.worktrees import check_clean, commit_of, find_repository
from reports.errors import ReportError
from reports.gating.judgement import GateJudgement, Sides, judge_by_looks
from reports.gating.looks import Looks
from reports.gating.metric import Rules, metric_name
from reports.gating.tables import GATE_JSON, GATE_MARKDOWN, write_gate
from reports.gating.verdict import DECIDED, Verdict
from reports.loading import load_records
from reports.noise import NoiseFloor
from reports.pairing import Cell, pair_cells
from reports.statistics import CLAIM_ROUNDS, smallest_shown
from scenarios.errors import ScenarioError
from scenarios.loading import find_scenario, load_scenario, shipped_scenarios
from systems.errors import BenchError, ConfigurationError

Facts = dict[str, Any]
"""About a gate, besides its judgement: for its report."""


def judge_stored(base: Path, head: Path, rules: Rules, looks: Looks) -> tuple[GateJudgement, Facts]:
    """Judge runs that are there: by the looks of the gate that measured them, or in one.

    A look at all rounds of a gate that had looked before would forget what those had spent.

    Raises:
        ReportError: there are none on one side.
    """
    sides = [load_records(folder) for folder in (base, head)]
    for problem in (problem for side in sides for problem in side.problems):
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    of_base, of_head = (side.records for side in sides)
    rounds = 1 + max(record.round for record in (*of_base, *of_head))
    looks = _looks_of_gate(base, head) or Looks(rounds=(rounds,), alpha=looks.alpha)

    def runs_until(rounds: int, _: object) -> Sides:
        return (
            [record for record in of_base if record.round < rounds],
            [record for record in of_head if record.round < rounds],
        )

    judgement = judge_by_looks(runs_until, looks, rules)
    return judgement, {"base": {"name": str(base)}, "head": {"name": str(head)}, **_told(looks)}


def _looks_of_gate(base: Path, head: Path) -> Looks | None:
    """When the gate looked that left its runs in these two folders; None if none did."""
    if base.resolve().parent != head.resolve().parent:
        return None
    try:
        looks = json.loads((base.resolve().parent / GATE_JSON).read_bytes())["looks"]
        return Looks(rounds=tuple(map(int, looks["rounds"])), alpha=float(looks["alpha"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _told(looks: Looks) -> Facts:
    return {"looks": {"rounds": list(looks.rounds), "alpha": looks.alpha}}


def measure_versions(
    versions: Versions,
    request: Request,
    looks: Looks,
    rules: Rules,
    *,
    cache: Path,
    output: Path | None,
) -> tuple[GateJudgement, Facts, Path]:
    """Measure both versions in turns until all is decided, or the last look is over.

    What keeps a gate from being measured is raised, and written where its summary would be:
    whoever looks there finds a reason.

    Raises:
        ConfigurationError: no such versions, or nothing that both have.
        BenchError: a version does not run.
    """
    folder = None if output is None else _own_folder(output)
    try:
        repository = find_repository(Path.cwd())
        if not versions.allow_dirty:
            check_clean(repository)
        commits = [commit_of(repository, ref) for ref in (versions.base, versions.head)]
        if folder is None:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            folder = _own_folder(Path("gates") / f"{stamp}-{commits[0][:7]}-{commits[1][:7]}")
        judgement, facts = _measured(
            repository, versions, commits, request, looks, rules, cache=cache, folder=folder
        )
    except (BenchError, ReportError, ScenarioError) as error:
        if folder is not None:
            write_gate(folder, GateJudgement(faults=(str(error),)), {})
        raise
    return judgement, facts, folder


def _own_folder(path: Path) -> Path:
    """The folder of one gate, made; a mistake that is told in it does not take it.

    Raises:
        ConfigurationError: there is something else in it.
    """
    folder = path.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    told = {GATE_MARKDOWN, GATE_JSON, "base.log", "head.log"}
    if {file.name for file in folder.iterdir()} - told:
        raise ConfigurationError(f"'{folder}' is not empty: a gate needs a folder of its own.")
    return folder


def _measured(
    repository: Path, versions: Versions, commits: Sequence[str], request: Request, looks: Looks,
    rules: Rules, *, cache: Path, folder: Path,
) -> tuple[GateJudgement, Facts]:  # fmt: skip
    request = replace(
        request, scenarios=[for_worktrees(name, repository) for name in request.scenarios]
    )
    with ExitStack() as stack:
        stack.enter_context(only_one_measures(say_waiting))
        sides = stack.enter_context(checked_out(repository, versions, commits, folder, cache))
        base, head = (
            stack.enter_context(SideProcess(side, request, log=folder / f"{side.name}.log"))
            for side in sides
        )
        judgement, facts = _take_turns(base, head, request, looks, rules)
    named = {
        side.name: {"name": side.ref, "commit": side.commit, "runs": str(side.runs)}
        for side in sides
    }
    return judgement, {**named, **facts}


def for_worktrees(scenario: str, repository: Path) -> str:
    """A scenario's name as it is; a file so that it is found from the top of a worktree.

    One of the repository is each version's own, one from outside is the same for both.
    """
    if scenario in shipped_scenarios() or not Path(scenario).is_file():
        return scenario
    path = Path(scenario).resolve()
    within = repository.resolve()
    return str(path.relative_to(within) if path.is_relative_to(within) else path)


def _take_turns(
    base: SideProcess, head: SideProcess, request: Request, looks: Looks, rules: Rules
) -> tuple[GateJudgement, Facts]:
    of_base, of_head = base.planned(), head.planned()
    tolerances, changed = _tolerances(base, head)
    rules = replace(rules, by_scenario={**rules.by_scenario, **tolerances})
    neither = [name for name in request.scenarios if name in {*of_base[1]} & {*of_head[1]}]
    if neither:
        raise ConfigurationError(
            f"Neither version has the scenario '{neither[0]}': give --scenario one that both have."
        )
    faults = [f"The scenario '{name}' is missing in head." for name in of_head[1]]
    notes = changed + [f"The scenario '{name}' is new in head." for name in of_base[1]]
    cells = [[_cell(described) for described in side] for side, _ in (of_base, of_head)]
    pairing = pair_cells(*cells)
    missing = [cells[0][at] for at in pairing.missing]
    faults += [
        f"{cell.title} is missing in head." for cell in missing if cell.scenario not in of_head[1]
    ]
    faults += pairing.problems
    new = [cells[1][at] for at in pairing.new]
    notes += [f"{cell.title} is new in head." for cell in new if cell.scenario not in of_base[1]]
    if not pairing.pairs:
        faults.append("Base and head have nothing in common that could be compared.")
        return GateJudgement(faults=tuple(faults), notes=tuple(notes)), {}
    OUT.print("preparing data and snapshots for each version …")
    for number, side in enumerate((base, head)):
        side.prepare([pair[number] for pair in pairing.pairs])
    for side in (base, head):
        side.wait_until_prepared()

    def show(cell: int, number: int, before: RunEnd, after: RunEnd) -> None:
        ends = f"base {_shown(before)}, head {_shown(after)}"
        OUT.print(f"[round {number + 1}] {cells[0][cell].label}: {ends}", markup=False)

    turns = Turns(base=base, head=head, on_pair=show)
    by_metric = {
        metric_name(
            *(of_head[0][pair[1]][part] for part in ("scenario", "scale", "identity"))
        ): pair
        for pair in pairing.pairs
    }
    judgement = look_until_decided(turns, by_metric, looks=looks, rules=rules)
    facts: Facts = {
        "runs": turns.runs,
        "replaced": turns.replaced,
        **_told(looks),
        "remarks": _noise_remarks(judgement, looks),
    }
    return replace(judgement, faults=tuple(faults) + judgement.faults, notes=tuple(notes)), facts


def _tolerances(
    base: SideProcess, head: SideProcess
) -> tuple[dict[str, Mapping[str, float]], list[str]]:
    """What the versions' scenarios let pass, and where head would change that.

    Base's count: a change does not say itself how much slower it may be.
    """
    notes = []
    for scenario in base.tolerances.keys() & head.tolerances.keys():
        before, after = base.tolerances[scenario], head.tolerances[scenario]
        if before != after:
            notes.append(
                f"The scenario '{scenario}' lets pass {_shares(after)} in head and "
                f"{_shares(before)} in base: judged by base's."
            )
    return {**head.tolerances, **base.tolerances}, notes


def _shares(tolerance: Mapping[str, float]) -> str:
    named = (f"{system} {share:.3g}" for system, share in sorted(tolerance.items()))
    return ", ".join(named) or "what all do"


def look_until_decided(
    turns: Turns, pairs: Mapping[str, tuple[int, int]], *, looks: Looks, rules: Rules
) -> GateJudgement:
    """Measure the rounds up to each look, and judge; from then on only what is undecided.

    ``pairs`` holds the cells by the name of their metric.
    """
    done = 0

    def runs_until(rounds: int, verdicts: Mapping[str, Verdict]) -> Sides:
        nonlocal done
        undecided = [name for name in pairs if verdicts.get(name) not in DECIDED]
        turns.measure([pairs[name] for name in undecided], range(done, rounds))
        done = rounds
        base, head = (load_records(side.side.runs).records for side in (turns.base, turns.head))
        return base, head

    return judge_by_looks(runs_until, looks, rules)


def known_noise(cache: Path) -> Callable[[str, str], float | None]:
    """From a specification and a class of machines to the spread of a pair, where measured.

    A floor of too few rounds is none.
    """
    baselines = known_baselines()

    def spread(identity: str, host_class: str) -> float | None:
        kept = NoiseFolder(cache, host_class, baselines=baselines).floor(
            identity, fewest=CLAIM_ROUNDS
        )
        return NoiseFloor.from_json(kept).sigma_log if kept else None

    return spread


def tolerances_of(
    scenarios: Iterable[str], *, skip_unknown: bool = False
) -> dict[str, Mapping[str, float]]:
    """What scenarios, shipped ones or files, let pass: by their names and systems'.

    ``skip_unknown`` leaves it to the two versions that are measured to say what they lack: a
    scenario may be there in one of them only.

    Raises:
        ScenarioError: one of them cannot be read.
    """
    found: dict[str, Mapping[str, float]] = {}
    for each in scenarios:
        try:
            scenario = load_scenario(find_scenario(each), vocabulary())
        except ScenarioError:
            if not skip_unknown:
                raise
        else:
            found[scenario.name] = tolerance_of(scenario)
    return found


def _noise_remarks(judgement: GateJudgement, looks: Looks) -> list[str]:
    """Whether the rounds can show what the gate is to find, on a machine like this."""
    remarks = []
    level = looks.levels[-1] / max(1, len(judgement.metrics))  # one slower system among many
    for metric in judgement.metrics:
        times = metric.times
        if times is None or times.noise is None or not times.is_enough:
            continue
        shown = smallest_shown(times.noise, looks.rounds[-1], level=level)
        remarks.append(
            f"{metric.label}: {looks.rounds[-1]} rounds on this machine show changes of "
            f"{shown - 1:.1%} and more beyond the tolerance."
        )
    timed = [metric.times for metric in judgement.metrics if metric.times]
    if timed and not any(times.noise for times in timed):
        remarks.append(
            "How much this machine differs from itself is not known: 'alsatian-bench noise' with "
            "the scenario measures it."
        )
    return remarks


def _cell(described: Mapping[str, Any]) -> Cell:
    return Cell(**{name: described[name] for name in ("scenario", "scale", "label", "spec")})


def _shown(end: RunEnd) -> str:
    return f"{end.wall_s:.2f} s" if end.status == "ok" else end.status
