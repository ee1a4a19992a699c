"""Gates from end to end: measuring two versions and judging them, or judging stored runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.markup import escape

from harness.gate import Request, RunEnd, Side, SideProcess, Turns
from harness.host_lock import only_one_measures
from harness.noise import NoiseFolder
from harness.spec import vocabulary
from harness.terminal import ERR, OUT, say_waiting
from harness.worktrees import check_clean, commit_of, find_repository, worktree
from reports.gating.judgement import GateJudgement, judge_gate
from reports.gating.looks import Looks
from reports.gating.metric import Rules, metric_name
from reports.gating.verdict import DECIDED
from reports.loading import load_records
from reports.noise import NoiseFloor
from reports.pairing import Cell, pair_cells
from reports.statistics import CLAIM_ROUNDS, smallest_shown
from scenarios.errors import ScenarioError
from scenarios.loading import find_scenario, load_scenario, shipped_scenarios
from systems.errors import ConfigurationError
from systems.registry import system_info

Facts = dict[str, Any]
"""About a gate, besides its judgement: for its report."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """What is to be measured against what."""

    base: str
    head: str
    base_python: Path
    head_python: Path
    allow_dirty: bool


def judge_stored(base: Path, head: Path, rules: Rules, looks: Looks) -> tuple[GateJudgement, Facts]:
    """Judge runs that are there, in one look at all of them.

    Raises:
        ReportError: there are none on one side.
    """
    sides = [load_records(folder) for folder in (base, head)]
    for problem in (problem for side in sides for problem in side.problems):
        ERR.print(f"[yellow]note:[/yellow] {escape(problem)}")
    judgement = judge_gate(sides[0].records, sides[1].records, replace(rules, level=looks.alpha))
    return judgement, {"base": {"name": str(base)}, "head": {"name": str(head)}}


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

    Raises:
        ConfigurationError: no such versions, or nothing that both have.
        BenchError: a version does not run.
    """
    repository = find_repository(Path.cwd())
    if not versions.allow_dirty:
        check_clean(repository)
    request = replace(
        request, scenarios=[for_worktrees(name, repository) for name in request.scenarios]
    )
    commits = [commit_of(repository, ref) for ref in (versions.base, versions.head)]
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = (output or Path("gates") / f"{stamp}-{commits[0][:7]}-{commits[1][:7]}").absolute()
    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"'{folder}' is not empty: a gate needs a folder of its own.")
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(only_one_measures(say_waiting))
        sides = stack.enter_context(_checked_out(repository, versions, commits, folder, cache))
        base, head = (
            stack.enter_context(SideProcess(side, request, log=folder / f"{side.name}.log"))
            for side in sides
        )
        judgement, facts = _take_turns(base, head, request, looks, rules)
    named = {
        side.name: {"name": side.ref, "commit": side.commit, "runs": str(side.runs)}
        for side in sides
    }
    return judgement, {**named, **facts}, folder


def for_worktrees(scenario: str, repository: Path) -> str:
    """A scenario's name as it is; a file so that it is found from the top of a worktree.

    One of the repository is each version's own, one from outside is the same for both.
    """
    if scenario in shipped_scenarios() or not Path(scenario).is_file():
        return scenario
    path = Path(scenario).resolve()
    within = repository.resolve()
    return str(path.relative_to(within) if path.is_relative_to(within) else path)


@contextmanager
def _checked_out(
    repository: Path, versions: Versions, commits: Sequence[str], folder: Path, cache: Path
) -> Iterator[tuple[Side, Side]]:
    """Both versions, with caches of their own: one may not understand the other's store."""
    cache.mkdir(parents=True, exist_ok=True)
    refs = (versions.base, versions.head)
    pythons = (versions.base_python, versions.head_python)
    with tempfile.TemporaryDirectory(prefix="gate-", dir=cache) as place, ExitStack() as stack:
        sides = []
        for name, ref, commit, python in zip(("base", "head"), refs, commits, pythons, strict=True):
            root = stack.enter_context(worktree(repository, commit, Path(place, name, "code")))
            own_cache = Path(place, name, "cache")
            if (cache / "hardware").is_dir():  # plans go by it: the same for both
                shutil.copytree(cache / "hardware", own_cache / "hardware")
            sides.append(
                Side(
                    name=name,
                    ref=ref,
                    commit=commit,
                    root=root,
                    python=python,
                    runs=folder / name,
                    cache=own_cache,
                )
            )
        yield sides[0], sides[1]


def _take_turns(
    base: SideProcess, head: SideProcess, request: Request, looks: Looks, rules: Rules
) -> tuple[GateJudgement, Facts]:
    of_base, of_head = base.planned(), head.planned()
    neither = [name for name in request.scenarios if name in {*of_base[1]} & {*of_head[1]}]
    if neither:
        raise ConfigurationError(
            f"Neither version has the scenario '{neither[0]}': give --scenario one that both have."
        )
    faults = [f"The scenario '{name}' is missing in head." for name in of_head[1]]
    notes = [f"The scenario '{name}' is new in head." for name in of_base[1]]
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
        "looks": {"rounds": list(looks.rounds), "alpha": looks.alpha},
        "remarks": _noise_remarks(judgement, looks),
    }
    return replace(judgement, faults=tuple(faults) + judgement.faults, notes=tuple(notes)), facts


def look_until_decided(
    turns: Turns, pairs: Mapping[str, tuple[int, int]], *, looks: Looks, rules: Rules
) -> GateJudgement:
    """Measure the rounds up to each look, and judge; from then on only what is undecided.

    ``pairs`` holds the cells by the name of their metric.
    """
    judgement = GateJudgement()
    undecided = list(pairs)
    done = 0
    for rounds, level in zip(looks.rounds, looks.levels, strict=True):
        turns.measure([pairs[name] for name in undecided], range(done, rounds))
        done = rounds
        base, head = (load_records(side.side.runs).records for side in (turns.base, turns.head))
        rules = replace(rules, level=level)
        judgement = judge_gate(base, head, rules, earlier=judgement.decided)
        undecided = [metric.name for metric in judgement.metrics if metric.verdict not in DECIDED]
        if not undecided:
            break
    return judgement


def known_noise(cache: Path) -> Callable[[str, str], float | None]:
    """From a specification and a class of machines to the spread of a pair, where measured.

    A floor of too few rounds is none.
    """

    def spread(identity: str, host_class: str) -> float | None:
        kept = NoiseFolder(cache, host_class).floor(identity, fewest=CLAIM_ROUNDS)
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
            shares = scenario.tolerance.items()
            found[scenario.name] = {system_info(name).name: share for name, share in shares}
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
