"""Versions of the code from git."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.worktrees import (
    check_clean,
    commit_of,
    find_repository,
    forget_worktrees,
    worktree,
)
from systems.errors import ConfigurationError
from tests.unit.harness.test_environment import checkout, git  # noqa: F401


@pytest.fixture
def repository(checkout: Path) -> Path:  # noqa: F811
    (checkout / "harness").mkdir()
    (checkout / "harness/campaign.py").write_text("1\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "second")
    return checkout


def test_a_version_is_there_for_the_block_only(repository: Path, tmp_path: Path) -> None:
    with worktree(repository, commit_of(repository, "HEAD~1"), tmp_path / "old") as folder:
        assert (folder / "code.py").read_text() == "1\n"
        assert not (folder / "harness").exists()
    assert not folder.exists()
    assert git(repository, "worktree", "list").count("\n") == 0


def test_the_repository_is_found_from_below(repository: Path, tmp_path: Path) -> None:
    assert find_repository(repository / "harness") == repository
    with pytest.raises(ConfigurationError, match="in no git checkout"):
        find_repository(tmp_path)
    git(repository, "rm", "--quiet", "harness/campaign.py")
    with pytest.raises(ConfigurationError, match="no checkout of alsatian-bench"):
        find_repository(repository)


def test_only_ones_own_worktrees_are_forgotten(repository: Path, tmp_path: Path) -> None:
    for name in ("ours/gate-1/code", "ours/gate-2/code", "theirs/code"):
        git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / name), "HEAD")
    git(repository, "worktree", "lock", str(tmp_path / "ours/gate-1/code"))
    shutil.rmtree(tmp_path / "ours/gate-1")
    shutil.rmtree(tmp_path / "theirs")  # or on a disk that is not mounted
    forget_worktrees(repository, gone_from=tmp_path / "ours")
    left = git(repository, "worktree", "list")
    assert "gate-1" not in left
    assert "gate-2" in left
    assert "theirs" in left


@pytest.mark.parametrize("ref", ["nosuch", "--help", "HEAD~99", ""])
def test_what_is_no_commit_is_refused(repository: Path, ref: str) -> None:
    with pytest.raises(ConfigurationError, match="is no commit of"):
        commit_of(repository, ref)


def test_uncommitted_changes_are_refused_and_stored_gates_are_none(repository: Path) -> None:
    (repository / "gates").mkdir()
    (repository / "gates/gate.md").write_text("")
    check_clean(repository)
    (repository / "code.py").write_text("2\n")
    with pytest.raises(ConfigurationError, match=r"uncommitted changes \(code.py\)"):
        check_clean(repository)
