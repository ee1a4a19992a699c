"""A/A runs, and the noise floors that they gave, kept per class of machines."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.campaign import Campaign
from harness.schedule import against_itself
from harness.spec import RunPlan
from harness.worktrees import find_repository
from systems.errors import ConfigurationError

SUFFIX = "-noise"
"""A/A runs are kept beside those of their scenario, and are never taken for them."""


def noise_campaign(plan: RunPlan, *, rounds: int, runs: Path, cache: Path) -> Campaign:
    """A campaign in which each run of the scenario is done twice per round.

    Its run rounds 2i and 2i + 1 are round i of the measurement (``reports.noise``).
    """
    scenario = replace(plan.scenario, name=f"{plan.scenario.name}{SUFFIX}")
    return Campaign(
        scenario.runs_name, plan.specs, rounds=2 * rounds, runs=runs, cache=cache,
        order=against_itself,
    )  # fmt: skip


_BASELINES = Path("bench", "baselines")
BASELINES = Path(__file__).resolve().parent.parent / _BASELINES
"""What this checkout knows of some classes of machines; an installed package has none."""


def known_baselines() -> Path:
    """Those of the checkout that the user stands in, else of the code that runs."""
    try:
        return find_repository(Path.cwd()) / _BASELINES
    except ConfigurationError:
        return BASELINES


NOISE_FILE = "noise.json"
"""In each folder of it: a list of noise floors."""


class NoiseFolder:
    """The noise floors of one class of machines, a JSON file for each specification.

    What was measured here comes first; ``baselines`` (``known_baselines()``) is asked for what
    was not.
    """

    def __init__(self, cache: Path, host_class: str, *, baselines: Path | None = None) -> None:
        self._host_class = host_class
        self._baselines = known_baselines() if baselines is None else baselines
        name = hashlib.blake2b(host_class.encode(), digest_size=8).hexdigest()
        self.folder = cache / "noise" / name

    def keep(self, floor: Mapping[str, Any]) -> Path:
        """Keep ``floor`` in place of an earlier one of its specification; where it is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(floor["identity"])
        descriptor, working = tempfile.mkstemp(prefix=".", dir=self.folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(dict(floor), file, indent=1)
            Path(working).replace(path)
        except BaseException:
            Path(working).unlink(missing_ok=True)
            raise
        return path

    def floor(self, identity: str, *, fewest: int = 1) -> dict[str, Any] | None:
        """The floor of the specification with this identity; None if there is none.

        ``fewest`` pairs it must have.
        """
        known = [_read(self._path(identity)), *self._recorded(identity)]
        enough = (
            floor
            for floor in known
            if isinstance(floor, dict) and len(floor.get("ratios", ())) >= fewest
        )
        return next(enough, None)

    def floors(self) -> list[dict[str, Any]]:
        """All floors that are known of these machines, one for each specification."""
        read = (_read(path) for path in sorted(self.folder.glob("[!.]*.json")))
        measured = [floor for floor in read if isinstance(floor, dict)]
        known = {floor["identity"]: floor for floor in (*self._recorded(), *measured)}
        return list(known.values())

    def _recorded(self, identity: str | None = None) -> list[dict[str, Any]]:
        read = (_read(path) for path in sorted(self._baselines.glob(f"*/{NOISE_FILE}")))
        return [
            floor
            for floors in read
            if isinstance(floors, list)
            for floor in floors
            if floor["host_class"] == self._host_class and identity in (None, floor["identity"])
        ]

    def _path(self, identity: str) -> Path:
        # Hashed, so that an identity out of a file never becomes a path of its choice.
        name = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
        return self.folder / f"{name}.json"


def _read(path: Path) -> Any:
    """What the file holds; None where it cannot be read."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
