"""A user's project for deliberate faults: photos, a cache, a plug-in, and the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench import misbehaving
from bench.misbehaving import Misbehaving
from systems.registry import ENTRY_POINT_GROUP
from tests.plug_in import install

ROOT = Path(__file__).resolve().parent.parent

Record = Mapping[str, Any]


class Project:
    """A user's folder with photos, a cache, and the misbehaving plug-in installed."""

    def __init__(self, folder: Path, systems: Sequence[type[Misbehaving]]) -> None:
        self.folder = folder
        self._plug_in = folder / "site-packages"
        install(
            self._plug_in,
            "misbehaving-systems",
            modules={"misbehaving_systems": Path(misbehaving.__file__).read_text()},
            entry_points={
                ENTRY_POINT_GROUP: {
                    s.info.name: f"misbehaving_systems:{s.__name__}.info" for s in systems
                }
            },
        )
        _make_photos(folder / "photos")

    def run(
        self, scenario: str, *, name: str, rounds: int = 1, prefix: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """``alsatian-bench run`` with this scenario, to its end."""
        file = self.folder / f"{name}.yaml"
        file.write_text(f"name: {name}\ntitle: Deliberate faults\n{scenario}")
        command = [sys.executable, "-m", "harness", "run", str(file), "--rounds", str(rounds)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(self._plug_in))),
            "CUDA_VISIBLE_DEVICES": "",  # a machine with a GPU is to look like one without
            "ALSATIAN_BENCH_CACHE": str(self.cache),
        }
        return subprocess.run(
            [*prefix, *command], cwd=self.folder, env=environment, capture_output=True, text=True
        )

    def records(self, name: str) -> list[Record]:
        """The records of a scenario's runs, by round."""
        paths = (self.folder / "runs" / name).glob("[!.]*/record.json")
        found = [
            {**json.loads(path.read_text()), "written_ns": path.stat().st_mtime_ns}
            for path in paths
        ]
        return sorted(found, key=lambda record: record["round"])

    @property
    def cache(self) -> Path:
        """Where data and snapshots of all commands are kept."""
        return self.folder / "cache"


def _make_photos(folder: Path) -> None:
    """Three classes of 20 small pictures of seeded noise."""
    noise = np.random.default_rng(0)
    for number in range(3):
        place = folder / f"class_{number}"
        place.mkdir(parents=True)
        for index in range(20):
            pixels = noise.integers(80 * number, 80 * number + 60, (30, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{index}.png")
