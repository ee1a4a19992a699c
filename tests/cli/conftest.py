"""Drives the real command in real processes, on scenarios written for the test."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from harness.cli import main

ROOT = Path(__file__).resolve().parents[2]

SCENARIO = """\
name: small
title: A test's scenario
matrix:
  system: [shift, alsatian]
fixed:
  architecture: resnet18
  distribution: top_layers
  dataset: digits
  models: 3
  items: 100
  resolution: 32
  allow_tiny: true
  telemetry: false  # whether this machine is busy is no matter of these tests
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A user's folder, with the command to run in it."""

    folder: Path
    cache: Path

    def write(self, text: str, name: str = "small.yaml") -> Path:
        """Write a scenario file."""
        path = self.folder / name
        path.write_text(text)
        return path

    def start(self, *arguments: str | Path, cache: Path | None = None) -> subprocess.Popen[str]:
        """Start the command without waiting for it."""
        environment = dict(
            os.environ, PYTHONPATH=str(ROOT), ALSATIAN_BENCH_CACHE=str(cache or self.cache)
        )
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *map(str, arguments)],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests that a shell runs in the background have inherited that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *arguments: str | Path, cache: Path | None = None) -> Result:
        """Run the command to its end."""
        process = self.start(*arguments, cache=cache)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        return Result(code=process.returncode, out=out, err=err)

    def look(self, *arguments: str | Path, cache: Path | None = None) -> Result:
        """Run a command that measures nothing to its end, in this process: it takes no second
        to start. All that a person sees of it is the same."""
        out, err = io.StringIO(), io.StringIO()
        surroundings = {"ALSATIAN_BENCH_CACHE": str(cache or self.cache)}
        handler = signal.getsignal(signal.SIGTERM)
        try:
            with (
                contextlib.chdir(self.folder),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                mock.patch.dict(os.environ, surroundings),
                mock.patch.object(sys, "argv", ["alsatian-bench", *map(str, arguments)]),
                pytest.raises(SystemExit) as end,
            ):
                main()
        finally:
            signal.signal(signal.SIGTERM, handler)
        assert "Traceback" not in err.getvalue(), err.getvalue()
        return Result(code=int(end.value.code or 0), out=out.getvalue(), err=err.getvalue())

    def records(self, scenario: str = "small") -> list[Path]:
        """The records of a scenario's runs, sorted."""
        return sorted((self.folder / "runs" / scenario).glob("[!.]*/record.json"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all projects: snapshots are made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, shared_cache: Path) -> Project:
    """An empty project."""
    return Project(folder=tmp_path, cache=shared_cache)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Project:
    """A project whose scenario has been run once."""
    project = Project(folder=tmp_path_factory.mktemp("measured"), cache=shared_cache)
    project.write(SCENARIO)
    result = project.run("run", "small.yaml")
    assert result.code == 0, result.err
    return project
