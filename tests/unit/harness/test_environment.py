"""What a record says of code, libraries and machine."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from harness import environment
from harness.environment import CODE, describe_environment, host_class, torch_build

ROOT = Path(__file__).parents[3]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    try:
        git(folder, "init", "--quiet")
    except FileNotFoundError:
        pytest.skip("there is no git command")
    (folder / "code.py").write_text("1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def test_the_commit_of_a_clean_checkout(checkout: Path) -> None:
    state = environment._git_state(checkout)
    assert state == {
        "commit": git(checkout, "rev-parse", "HEAD"),
        "is_dirty": False,
        "reason": None,
    }


@pytest.mark.parametrize("name", ["code.py", "new.py"])
def test_a_changed_or_new_file_makes_it_dirty(checkout: Path, name: str) -> None:
    (checkout / name).write_text("2\n")
    assert environment._git_state(checkout)["is_dirty"] is True


def test_the_index_is_not_touched(checkout: Path) -> None:
    (checkout / "code.py").touch()  # git would refresh the index, but for the lock variable
    before = (checkout / ".git" / "index").read_bytes()
    assert environment._git_state(checkout)["is_dirty"] is False
    assert (checkout / ".git" / "index").read_bytes() == before


def test_outside_git_there_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    state = environment._git_state(tmp_path)
    assert (state["commit"], state["is_dirty"]) == (None, None)
    assert "not a git repository" in state["reason"]


def test_a_copy_inside_another_repository_is_no_checkout(checkout: Path) -> None:
    inner = checkout / "venv"
    inner.mkdir()
    assert "part of no checkout" in environment._git_state(inner)["reason"]


def test_without_git_there_is_a_reason(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert environment._git_state(checkout)["reason"] == "There is no git command."


def test_the_environment_of_a_hook_does_not_mislead(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    assert environment._git_state(checkout)["is_dirty"] is False


def test_torch_build_is_what_torch_says_and_torch_is_not_imported() -> None:
    program = (
        "import json, sys; from harness.environment import torch_build, describe_environment;"
        "describe_environment(); build = torch_build(); assert 'torch' not in sys.modules;"
        "import torch; real = [torch.__version__, torch.version.cuda, torch.version.git_version];"
        "print(json.dumps([[build['version'], build['cuda'], build['git']], real]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT, text=True
    )
    read, real = json.loads(done.stdout)
    assert read == real
    assert read[0].startswith(version("torch").split("+")[0])


def test_a_torch_that_cannot_be_read_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    torch_build.cache_clear()
    try:
        assert set(torch_build().values()) == {None}
    finally:
        torch_build.cache_clear()


def test_variables_by_an_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MY_SECRET", "x")
    described = describe_environment()
    assert described["variables"]["OMP_NUM_THREADS"] == "3"
    assert "MY_SECRET" not in json.dumps(described)


def test_the_host_class_names_processor_cores_and_memory() -> None:
    processor, cores, memory, *_ = host_class().split(" | ")
    assert processor
    assert "cores" in cores
    assert memory.endswith(" GiB")


def imported(file: Path) -> set[str]:
    """Modules of the harness that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("harness.")}


def test_all_code_that_a_run_imports_is_in_the_fingerprint() -> None:
    files = {
        file
        for place in CODE
        for file in ((ROOT / place).rglob("*.py") if (ROOT / place).is_dir() else [ROOT / place])
    }
    for file in files:
        for name in imported(file):
            module = ROOT / Path(*name.split("."))
            for source in (module.with_suffix(".py"), module / "__init__.py"):
                assert source in files or not source.exists(), f"{file} imports {name}"
