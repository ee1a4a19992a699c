"""The workflows: who may run what, and that every command in them is one that works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from harness.cli import app
from harness.spec import plan_runs
from tests.unit.harness.test_environment import checkout, git  # noqa: F401
from tests.unit.reports.factory import record_json, write

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = {path.name: path for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
GPU = "gpu-regression.yml"
ALLOWED_TRIGGERS = {"push", "pull_request", "schedule", "workflow_dispatch"}
FORKS_APART = (
    "${{ github.event.pull_request.head.repo.full_name == github.repository "
    "&& 'gpu' || 'gpu-forks' }}"
)
LOOP = re.compile(r"for (\w+) in ([^;\n]+); do\n(.*?)\n\s*done", re.DOTALL)
COMMAND = re.compile(r"(?:-m harness|\balsatian-bench)\s+(.*)")


def document(name: str) -> dict[str, Any]:
    values = yaml.safe_load(WORKFLOWS[name].read_text())
    return {("on" if key is True else key): value for key, value in values.items()}  # YAML 1.1


def steps(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each step with its job."""
    for job in document(name)["jobs"].values():
        for step in job["steps"]:
            yield job, step


def script(name: str, step_name: str) -> str:
    """What a step runs."""
    (found,) = (step["run"] for _, step in steps(name) if step.get("name") == step_name)
    return str(found)


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each command of ours in a script, loops unrolled."""

    def unrolled(loop: re.Match[str]) -> str:
        variable, values, body = loop.groups()
        bodies = [body.replace(f"${variable}", value) for value in values.split()]
        return "\n".join(bodies)

    for line in LOOP.sub(unrolled, text.replace("\\\n", " ")).splitlines():
        if match := COMMAND.search(line):
            words = shlex.split(re.split(r"\s(?:\|\||&&|\||>>?|;)\s", match[1])[0])
            yield [re.sub(r"\$\(.*\)|\$\w+", "x", word) for word in words]


def parse(arguments: list[str]) -> dict[str, Any]:
    """What the command line makes of ``arguments``; nothing is run."""
    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "resolve_command"):
        context = command.make_context(command.name, list(arguments), parent=context)
        _, command, arguments = command.resolve_command(context, arguments)
    return dict(command.make_context(command.name, list(arguments), parent=context).params)


OURS = [
    pytest.param(arguments, id=" ".join(arguments[:3]))
    for name in WORKFLOWS
    for _, step in steps(name)
    for arguments in commands(step.get("run", ""))
]


def test_the_commands_are_found() -> None:
    verbs = [" ".join(param.values[0][:2]) for param in OURS]
    assert verbs.count("run fig10") == 1
    assert {"gate --base", "run bottlenecks", "run fig15", "history add", "history check"} <= {
        *verbs
    }
    assert any(verb.startswith("report ") for verb in verbs)
    with pytest.raises(Exception, match="no-such-option"):
        parse(["run", "fig10", "--no-such-option"])
    with pytest.raises(Exception, match="valid integer"):
        parse(["gate", "--most-rounds", "many"])
    with pytest.raises(Exception, match="nosuch"):
        parse(["history", "nosuch"])


def test_the_commands_of_the_pages_are_some() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = []
    for page in pages:
        for block in re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                if line.startswith(("alsatian-bench ", "python3 -m harness ")):
                    found.append(next(commands(line.partition("  #")[0])))
                    parse(found[-1])
    assert len(found) > 30


@pytest.mark.parametrize("arguments", OURS)
def test_every_command_is_one(arguments: list[str]) -> None:
    values = parse(arguments)
    if arguments[0] == "run":
        plan = plan_runs(values["scenario"], scale=values["scale"])
        assert plan.specs
    if arguments[0] == "gate":
        assert plan_runs("gate", scale=values["scale"]).specs[0].device == "cuda"


def test_the_night_is_summed_up_from_its_runs(tmp_path: Path) -> None:
    """The steps after the matrix, as they stand there, on runs that the matrix could have left."""
    temporary = tmp_path / "temp"
    for number, (label, wall_s) in enumerate((("Base", 10.0), ("Alsatian", 4.0)) * 3):
        write(temporary / "runs", record_json(label, wall_s=wall_s, round=number // 2))
    program(temporary / "venv/bin/python", f'exec {shlex.quote(sys.executable)} "$@"')
    summary = tmp_path / "summary"
    surroundings = {"PYTHONPATH": str(ROOT), "GITHUB_STEP_SUMMARY": str(summary)}
    for name in ("Report", "History", "Drift"):
        done = run_step(name, tmp_path, temporary, **surroundings)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("::warning::No earlier night" in done.stdout) == (name == "History")
    assert "Alsatian | 2.5" in summary.read_text()
    assert (temporary / "report/index.html").is_file()
    assert (temporary / "report/history.png").is_file()
    assert len((tmp_path / "history/history.jsonl").read_text().splitlines()) == 2


def run_step(
    name: str, folder: Path, temporary: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a step of the GPU workflow as it stands there."""
    surroundings = {**os.environ, "RUNNER_TEMP": str(temporary), **more}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(GPU, name)],
        cwd=folder, env=surroundings, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def program(path: Path, lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("changed", ["pyproject.toml", "code.py"])
def test_base_has_dependencies_of_its_own_where_they_differ(
    checkout: Path,  # noqa: F811
    tmp_path: Path,
    changed: str,
) -> None:
    for number in range(2):
        (checkout / changed).write_text(f"{number}\n")
        git(checkout, "add", ".")
        git(checkout, "commit", "--quiet", "--message", str(number))
    # A Python that makes environments of itself, and notes what is installed into each.
    python3 = program(
        tmp_path / "bin/python3",
        'if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; '
        'else echo "$0 $5" >> "$RUNNER_TEMP/log"; fi',
    )
    temporary = tmp_path / "temp"
    temporary.mkdir()
    path = f"{python3.parent}{os.pathsep}{os.environ['PATH']}"
    done = run_step(
        "Install both versions",
        checkout,
        temporary,
        PATH=path,
        BASE_SHA=git(checkout, "rev-parse", "HEAD~1"),
    )
    assert done.returncode == 0, done.stderr
    installed = (temporary / "log").read_text().splitlines()
    assert installed[0] == f"{temporary}/head/bin/python ."
    assert (temporary / "base/bin/python").is_file()
    if changed == "code.py":
        assert len(installed) == 1
    else:
        assert installed[1:] == [f"{temporary}/base/bin/python {temporary}/code"]
        assert (temporary / "code/pyproject.toml").read_text() == "0\n"


@pytest.mark.parametrize(("code", "shown"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 0)])
def test_only_the_inconclusive_is_no_alarm(
    checkout: Path,  # noqa: F811
    tmp_path: Path,
    code: int,
    shown: int,
) -> None:
    python = program(
        tmp_path / "head/bin/python", f'echo "$@" > "$RUNNER_TEMP/arguments"; exit {code}'
    )
    base = git(checkout, "rev-parse", "HEAD")
    done = run_step("Gate", checkout, tmp_path, BASE_SHA=base)
    assert done.returncode == shown, done.stderr
    assert ("::warning::" in done.stdout) == (code == 4)
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[:5] == ["-m", "harness", "gate", "--base", base]
    assert arguments[arguments.index("--head-python") + 1] == str(python)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_a_pull_request_brings_can_do_no_harm(name: str) -> None:
    workflow = document(name)
    assert set(workflow["on"]) <= ALLOWED_TRIGGERS  # so no pull_request_target
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    assert not re.search(r"secrets\b|github\.token", str(workflow), re.IGNORECASE)
    for job, step in steps(name):
        assert "permissions" not in job
        if "uses" in step:  # what a tag names can change, a commit cannot
            assert re.fullmatch(r"actions/[\w/-]+@[0-9a-f]{40}", step["uses"])
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        # What others can name, such as a branch, comes by the environment, never as code.
        assert "${{" not in step.get("run", "")


def test_forks_wait_for_approval_and_keep_nobody_waiting() -> None:
    jobs = document(GPU)["jobs"]
    approval, gate, nightly = (jobs.pop(name) for name in ("approval", "gate", "nightly"))
    assert not jobs
    assert approval["environment"] == FORKS_APART
    assert approval["runs-on"] == "ubuntu-latest"  # who waits for people occupies no GPU
    assert gate["needs"] == "approval"
    for job in (approval, gate):
        assert job["if"] == "github.event_name == 'pull_request'"
    assert nightly["if"] == "github.event_name != 'pull_request'"
    assert nightly["environment"] == "gpu"
    for job in (gate, nightly):
        assert "self-hosted" in job["runs-on"]
    # Only a newer push of the same pull request takes an older one's place.
    concurrency = document(GPU)["concurrency"]
    assert "github.event.pull_request.number || 'night'" in concurrency["group"]
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    for name in WORKFLOWS.keys() - {GPU}:
        assert all("self-hosted" not in job["runs-on"] for job in document(name)["jobs"].values())
