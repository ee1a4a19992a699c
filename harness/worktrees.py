"""Versions of the code from git, each checked out in a folder of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from systems.errors import BenchError, ConfigurationError

_NEEDED = "harness/campaign.py"
"""What every version that can be measured has."""

_LIMIT_S = 120.0


class GitError(BenchError):
    """Git could not do what it was asked for; the message is git's own."""


def find_repository(start: Path) -> Path:
    """The checkout of this project that ``start`` is in.

    Raises:
        ConfigurationError: it is in none.
    """
    try:
        root = Path(_git(start, "rev-parse", "--show-toplevel"))
    except GitError as error:
        raise ConfigurationError(
            f"'{start}' is in no git checkout, which --base and --head need: go to one of "
            f"alsatian-bench, or judge stored runs with --base-runs and --head-runs. ({error})"
        ) from error
    if not (root / _NEEDED).is_file():
        raise ConfigurationError(
            f"'{root}' is no checkout of alsatian-bench (it has no {_NEEDED}): go to one, or judge "
            "stored runs with --base-runs and --head-runs."
        )
    return root


def commit_of(repository: Path, ref: str) -> str:
    """The commit that a branch, tag or hash stands for: 40 hex digits.

    Raises:
        ConfigurationError: it stands for none.
    """
    try:
        return _git(repository, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    except GitError as error:
        raise ConfigurationError(
            f"'{ref}' is no commit of '{repository}': give a branch, a tag or a hash that "
            "'git rev-parse' knows (a shallow clone has only its newest commits: git fetch "
            "--unshallow)."
        ) from error


def check_clean(repository: Path) -> None:
    """See to it that nobody believes uncommitted changes to be measured.

    Raises:
        ConfigurationError: there are some.
    """
    ours = ":(exclude,top)gates"  # where gates are kept, if nothing else is said
    arguments = ("status", "--porcelain", "--ignore-submodules", "--", ":(top)", ours)
    changed = _git(repository, *arguments).splitlines()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ConfigurationError(
            f"The checkout has uncommitted changes ({changed[0][3:]}{more}), which neither --base "
            "nor --head contains: commit them, or measure without them by --allow-dirty."
        )


@contextmanager
def worktree(repository: Path, commit: str, folder: Path) -> Iterator[Path]:
    """The files of ``commit`` in ``folder``, until the end of the block.

    Raises:
        GitError: git cannot make it.
    """
    _git(repository, "worktree", "prune")  # what killed processes left behind
    _git(repository, "worktree", "add", "--quiet", "--detach", str(folder), commit)
    try:
        yield folder
    finally:
        _git(repository, "worktree", "remove", "--force", str(folder))


def _git(root: Path, *arguments: str) -> str:
    """What git prints, without the last line's end."""
    # Nothing of the user's may run: no hooks, neither of fsmonitor nor after a checkout.
    command = [
        "git",
        "-C",
        str(root),
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
    ]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # set while a hook runs
        environment.pop(name, None)
    try:
        done = subprocess.run(
            [*command, *arguments],
            env=environment, capture_output=True, check=False, timeout=_LIMIT_S, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise GitError("There is no git command.") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"Git did not answer within {_LIMIT_S:g} s.") from None
    if done.returncode:
        raise GitError(f"Git: {done.stderr.strip() or f'code {done.returncode}'}")
    return done.stdout.rstrip("\n")
