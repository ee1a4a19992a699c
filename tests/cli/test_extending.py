"""``docs/extending.md``, carried out: its files, its commands, and what comes of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT
from tests.plug_in import install

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Reader:
    """Somebody who does what the page says, in a folder of their own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self._site = folder / "site-packages"
        self._cache = cache
        blocks = BLOCK.findall((ROOT / "docs/extending.md").read_text())
        files = [text for language, text in blocks if language]
        self.names = [text.partition("\n")[0].removeprefix("# ") for text in files]
        for name, text in zip(self.names, files, strict=True):
            (folder / name).write_text(text)
        (commands,) = (text for language, text in blocks if not language)
        self.commands = commands.splitlines()

    def install(self) -> None:
        """As ``pip install .`` would, which may need a network for its build."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())
        modules = project["tool"]["setuptools"]["py-modules"]
        install(
            self._site,
            project["project"]["name"],
            modules={name: (self.folder / f"{name}.py").read_text() for name in modules},
            entry_points=project["project"]["entry-points"],
        )
        for name in modules:  # what is installed counts, in the worker too
            (self.folder / f"{name}.py").write_text("raise RuntimeError('not this one')\n")

    def change(self, module: str, *, add: str) -> None:
        with (self._site / f"{module}.py").open("a") as file:
            file.write(add)

    def type(self, command: str) -> str:
        """Run a command to its end; what it prints."""
        words = command.split()
        python = [sys.executable, "-P"]  # as the installed command: without the current folder
        program = {"python3": python, "alsatian-bench": [*python, "-m", "harness"]}
        done = subprocess.run(
            [*program[words[0]], *words[1:]],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join((str(self._site), str(ROOT))),
                "ALSATIAN_BENCH_CACHE": str(self._cache),
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path, shared_cache: Path) -> Reader:
    return Reader(tmp_path, shared_cache)


def test_the_page_works_from_its_first_to_its_last_command(reader: Reader) -> None:
    assert reader.names == [
        "pyproject.toml", "my_system.py", "my_scorer.py", "my_dataset.py", "make_arrays.py",
        "mine.yaml",
    ]  # fmt: skip
    pip, make, listing, validate, run = reader.commands
    assert pip == "python3 -m pip install ."
    reader.install()
    reader.type(make)
    assert "two by two" in reader.type(listing)
    assert "2 different runs" in reader.type(validate)
    reader.type(f"{run} --set telemetry=false")  # whether this machine is busy is no matter here
    paths = (reader.folder / "runs/mine").glob("[!.]*/record.json")
    records = {record["label"]: record for record in map(json.loads, map(Path.read_text, paths))}
    shift, pairs = records["SHiFT"], records["Pairs"]
    assert [shift["status"], pairs["status"]] == ["ok", "ok"]
    assert pairs["answer"] == shift["answer"]
    # What the three additions do, in numbers: a pair shares blocks; means are no linear head,
    # but far better than guessing one of ten digits; the items are those of the arrays.
    assert pairs["counts"]["operations"] < shift["counts"]["operations"]
    assert max(model["score"] for model in pairs["answer"]["models"].values()) > 0.3
    assert (pairs["dataset"]["name"], pairs["dataset"]["classes"]) == ("arrays", 10)
    # A run depends on the plug-ins that it uses: here on the system, by one of them.
    reader.change("my_system", add="\n# other code\n")
    pending = reader.type(f"{run} --set telemetry=false --dry-run")
    assert ("Pairs" in pending, "SHiFT" in pending) == (True, False)
