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
    python = temporary / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    summary = tmp_path / "summary"
    surroundings = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    for name in ("Report", "History", "Drift"):
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(GPU, name)],
            cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert "Alsatian | 2.5" in summary.read_text()
    assert (temporary / "report/index.html").is_file()
    assert (temporary / "report/history.png").is_file()
    assert len((tmp_path / "history/history.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_a_pull_request_brings_can_do_no_harm(name: str) -> None:
    workflow = document(name)
    assert set(workflow["on"]) <= ALLOWED_TRIGGERS  # so no pull_request_target
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    assert not re.search(r"secrets\b|github\.token", str(workflow), re.IGNORECASE)
    for job, step in steps(name):
        assert "permissions" not in job
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        # What others can name, such as a branch, comes by the environment, never as code.
        assert "${{" not in step.get("run", "")


def test_one_gpu_runs_one_job_and_forks_wait_for_approval() -> None:
    workflow = document(GPU)
    assert workflow["concurrency"] == {"group": "gpu", "cancel-in-progress": False}
    for job in workflow["jobs"].values():
        assert "self-hosted" in job["runs-on"]
        if job["if"] == "github.event_name == 'pull_request'":
            assert job["environment"] == FORKS_APART
        else:
            assert job["if"] == "github.event_name != 'pull_request'"
            assert job["environment"] == "gpu"
    for name in WORKFLOWS.keys() - {GPU}:
        assert all("self-hosted" not in job["runs-on"] for job in document(name)["jobs"].values())
