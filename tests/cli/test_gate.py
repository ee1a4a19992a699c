"""``gate``: two versions of the code, from stored runs and from git."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.gate_trials import PLANTED
from tests.cli.conftest import ROOT, Project, Result
from tests.unit.reports.factory import record_json, write
from tests.unit.reports.test_gate import side

WRONG_BIT = """

def _one_bit_off(self, model_id, features, *, is_test, _add=FeatureStore.add):
    features = features.clone()
    if model_id == min([model_id, *self._test]) and is_test:
        features.view(torch.int32)[0, 0] ^= 1
    _add(self, model_id, features, is_test=is_test)


FeatureStore.add = _one_bit_off
"""
"""The last bit of one feature of one item, for one model."""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This code as a repository of two versions: ``right``, and HEAD with a wrong bit."""
    folder = tmp_path_factory.mktemp("checkout")
    for package in ("harness", "systems", "scenarios", "reports"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    (folder / ".gitignore").write_text("__pycache__/\n")
    try:
        git(folder, "init", "--quiet")
    except FileNotFoundError:
        pytest.skip("there is no git command")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "right")
    git(folder, "tag", "right")
    with (folder / "systems/execution/features.py").open("a") as file:
        file.write(WRONG_BIT)
    git(folder, "commit", "--quiet", "--all", "--message", "wrong")
    return folder


def gate(folder: Path, *arguments: str | Path) -> Result:
    process = subprocess.run(
        [sys.executable, "-m", "harness", "gate", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "ALSATIAN_BENCH_CACHE": "c"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "Traceback" not in process.stderr, process.stderr
    return Result(code=process.returncode, out=process.stdout, err=process.stderr)


def test_one_wrong_bit_is_invalid_and_has_no_number(checkout: Path, tmp_path: Path) -> None:
    result = gate(
        checkout, "--base", "right", "--head", "HEAD", "--scale", "smoke", "--filter",
        "system=alsatian", "--rounds", "1", "--most-rounds", "1", "-o", tmp_path / "out",
        "--set", "telemetry=false",
    )  # fmt: skip
    assert result.code == 3, result.err
    assert "Answers differ" in result.out
    document = json.loads((tmp_path / "out/gate.json").read_text())
    (metric,) = document["metrics"]
    assert (metric["verdict"], metric["ratio"]) == ("invalid", None)
    assert "digests" in metric["reason"]
    assert document["base"]["commit"] == git(checkout, "rev-parse", "right")
    assert "## Speed gate: invalid" in (tmp_path / "out/gate.md").read_text()
    records = [next((tmp_path / "out" / name).glob("**/record.json")) for name in ("base", "head")]
    assert [json.loads(path.read_text())["status"] for path in records] == ["ok", "ok"]
    assert git(checkout, "worktree", "list").count("\n") == 0  # nothing is left behind
    assert not list((checkout / "c").glob("gate-*"))


@pytest.mark.slow
def test_a_slower_version_is_measured_and_found(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "checkout", "--quiet", "right")
    with (checkout / "systems/registry.py").open("a") as file:
        file.write(PLANTED.format(share=3.0, system="alsatian"))
    git(checkout, "commit", "--quiet", "--all", "--message", "slower")
    git(checkout, "tag", "slower")
    git(checkout, "checkout", "--quiet", "-")
    result = gate(
        checkout, "--base", "right", "--head", "slower", "--scale", "smoke", "--filter",
        "system=alsatian", "--most-rounds", "8", "-o", tmp_path / "out", "--set", "telemetry=false",
    )  # fmt: skip
    assert result.code == 1, result.out + result.err
    (metric,) = json.loads((tmp_path / "out/gate.json").read_text())["metrics"]
    assert metric["verdict"] == "regressed"
    assert 2 < metric["ratio"] < 8
    again = gate(
        checkout, "--base-runs", tmp_path / "out/base", "--head-runs", tmp_path / "out/head"
    )
    assert again.code == 1
    assert "plan " in again.out  # the phase that became slower


def test_mistakes_are_sentences(checkout: Path, tmp_path: Path) -> None:
    result = gate(checkout, "--base", "right")
    assert result.code == 2
    assert "--base REF --head REF" in result.err
    output = tmp_path / "out"
    result = gate(checkout, "--base", "wrong-name", "--head", "HEAD", "-o", output)
    assert result.code == 2
    assert "'wrong-name' is no commit" in result.err
    assert "'wrong-name' is no commit" in json.loads((output / "gate.json").read_text())["sentence"]
    # What is told there does not keep the next try out.
    result = gate(
        checkout, "--base", "right", "--head", "HEAD", "-o", output, "--base-python", "/nosuch"
    )
    assert result.code == 2
    assert "'/nosuch' cannot be started" in result.err
    assert "--base-python" in (output / "gate.md").read_text()
    result = gate(checkout, "--base", "right", "--head", "HEAD", "--scenario", "nosuch")
    assert result.code == 2
    assert "Neither version has the scenario 'nosuch'" in result.err
    (checkout / "new.py").write_text("")
    result = gate(checkout, "--base", "right", "--head", "HEAD")
    (checkout / "new.py").unlink()
    assert result.code == 2
    assert "uncommitted changes (new.py)" in result.err


def test_versions_that_do_not_run_or_lack_the_scenario(checkout: Path, tmp_path: Path) -> None:
    (checkout / "harness/spec.py").write_text("import no_such_module\n")
    git(checkout, "commit", "--quiet", "--all", "--message", "broken")
    git(checkout, "tag", "broken")
    git(checkout, "reset", "--quiet", "--hard", "HEAD~1")
    result = gate(checkout, "--base", "broken", "--head", "HEAD", "-o", tmp_path / "broken")
    assert result.code == 3
    assert "base (broken) cannot be run" in result.err
    assert "No module named 'no_such_module'" in result.err
    assert "cannot be run" in (tmp_path / "broken/gate.md").read_text()
    git(checkout, "rm", "--quiet", "scenarios/gate.yaml")
    git(checkout, "commit", "--quiet", "--message", "without")
    git(checkout, "tag", "without")
    git(checkout, "reset", "--quiet", "--hard", "HEAD~1")
    result = gate(checkout, "--base", "HEAD", "--head", "without", "-o", tmp_path / "without")
    assert result.code == 3
    assert "The scenario 'gate' is missing in head." in result.out
    assert json.loads((tmp_path / "without/gate.json").read_text())["verdict"] == "invalid"


def test_stored_runs_give_every_exit_code(project: Project, tmp_path: Path) -> None:
    def stored(name: str, which: str, **changes: float) -> Path:
        for run in side(which, changes):
            write(
                tmp_path / name,
                record_json(
                    run.label, round=run.round, wall_s=run.wall_s, started_at=run.started_at
                ),
            )
        return tmp_path / name

    base = stored("base", "base")
    for factor, code in ((1.3, 1), (0.7, 0)):
        head = stored(f"head-{code}", "head", Alsatian=factor)
        result = project.run("gate", "--base-runs", base, "--head-runs", head, "-o", tmp_path / "o")
        assert result.code == code, result.out + result.err
    assert "Improved: 1 of 2 times became faster" in result.out
    (tmp_path / "empty").mkdir()
    result = project.run("gate", "--base-runs", base, "--head-runs", tmp_path / "empty")
    assert result.code == 3
    assert "No readable run" in result.err
    result = project.run(
        "gate", "--base-runs", base, "--head-runs", head, "--tolerance", "alsatian=1000%"
    )
    assert result.code == 2
    assert "alsatian=1000%" in result.err
    for options, words in (
        (["--tolerance", "alsation=3%"], "Did you mean 'alsatian'?"),
        (["--filter", "system=alsatian"], "--filter does not apply to stored runs"),
        (["--scenario", "nosuch"], "There is no scenario 'nosuch'"),
    ):
        result = project.run("gate", "--base-runs", base, "--head-runs", head, *options)
        assert result.code == 2
        assert words in " ".join(result.err.split())
    result = project.run(
        "gate", "--base-runs", base, "--head-runs", tmp_path / "head-1", "--tolerance", "mosix=40%"
    )
    assert result.code == 0  # what Alsatian is called, too
