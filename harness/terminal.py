"""What several verbs do at the terminal: say, wait, and measure what has to be known first."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

OUT = Console(
    highlight=False,
    soft_wrap=not sys.stdout.isatty(),
    width=None if sys.stdout.isatty() else 100,  # of a log file, not of a screen it has not
)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)


def default_cache() -> Path:
    """The user's cache folder, where none is given."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "alsatian-bench"


def say_waiting() -> None:
    """Why nothing happens yet."""
    OUT.print("Waiting: another command measures on this machine, and two disturb each other.")


def calibrate_machine(cache: Path, device: str) -> tuple[Any, Path]:
    """Measure this machine's hardware profile, keep it, and show it; the profile and its file."""
    from harness.calibration import calibrate
    from harness.host_lock import only_one_measures
    from harness.progress import Display

    with only_one_measures(say_waiting), Display(OUT) as display:
        profile, path = calibrate(
            cache=cache,
            device=device,
            on_event=lambda event: display.preparing(event) if "what" in event else None,
        )
    OUT.print(f"{escape(profile.title)}. Kept, and used from now on: {path}")
    OUT.print(escape(path.read_text()), end="")
    return profile, path


def with_batch_sizes(plan: Any, cache: Path, *, measure: bool) -> Any:
    """Numbers where ``batch_size`` is auto, as far as they are known or may be measured."""
    from harness import tuning
    from harness.host_lock import only_one_measures
    from harness.progress import Display

    plan = tuning.with_known_batch_sizes(plan, cache=cache)
    if measure and tuning.is_left_open(plan):
        OUT.print("measuring which batch size is fastest …")
        with only_one_measures(say_waiting), Display(OUT) as display:
            plan = tuning.with_batch_sizes(plan, cache=cache, on_event=display.preparing)
    for line in tuning.tuning_notes(plan):
        OUT.print(escape(line))
    return plan


def announce(plan: Any, campaign: Any, pending: list[Any]) -> None:
    """What is about to run, and what is done already."""
    finished = len(campaign.planned) - len(pending)
    OUT.print(
        f"[bold]{escape(plan.scenario.title)}[/bold]: {len(campaign.planned)} runs"
        + (f", {finished} finished before" if finished else "")
    )
    if not pending:
        OUT.print("Nothing to do: all runs are finished (--force repeats them).")


def next_command(scenario: str, folder: Path) -> str:
    """What a person may want to do after this scenario."""
    if scenario == "quick":
        return f"{invocation('run quick', '--rounds 8')}   (a claim rests on at least 8 rounds)"
    return invocation(f"compare {folder}")


def again_command(arguments: Sequence[str]) -> str:
    """The command line as anybody can type it, for a page that is read elsewhere.

    Folders of this machine, and what only matters the first time, are left out.
    """
    words = ["alsatian-bench"]
    rest = iter(arguments)
    for word in rest:
        name, equals, _ = word.partition("=")
        if name in ("--runs", "--cache"):
            if not equals:
                next(rest, None)
        elif word != "--force":
            words.append(word)
    return shlex.join(words)


def invocation(verb: str, options: str = "") -> str:
    """A command as this person can type it: by tox, from a checkout, or installed."""
    environment = os.environ.get("TOX_ENV_NAME")
    if environment == "quick" and verb == "run quick":
        return f"python3 -m tox run -e quick -- {options}"
    if environment:
        program = f".tox/{environment}/bin/alsatian-bench"
    elif Path(sys.argv[0]).name == "__main__.py":
        program = "python3 -m harness"
    else:
        program = "alsatian-bench" if shutil.which("alsatian-bench") else sys.argv[0]
    return f"{program} {verb} {options}".rstrip()
