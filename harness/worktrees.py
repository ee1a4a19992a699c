"""Versions of the code from git, each checked out in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.git import GitError, git
from systems.errors import ConfigurationError

_NEEDED = "harness/campaign.py"
"""What every version that can be measured has."""


def find_repository(start: Path) -> Path:
    """The checkout of this project that ``start`` is in.

    Raises:
        ConfigurationError: it is in none.
    """
    try:
        root = Path(git(start, "rev-parse", "--show-toplevel"))
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
        return git(repository, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
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
    changed = git(repository, *arguments).splitlines()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ConfigurationError(
            f"The checkout has uncommitted changes ({changed[0][3:]}{more}), which neither --base "
            "nor --head contains: commit them, or measure without them by --allow-dirty."
        )


def forget_worktrees(repository: Path, *, gone_from: Path) -> None:
    """Let git forget the worktrees below a folder that are no longer there.

    Others that it cannot see at the moment, on a disk that is not mounted, say, are none of ours.
    """
    for line in git(repository, "worktree", "list", "--porcelain").splitlines():
        kind, _, name = line.partition(" ")
        path = Path(name)
        if kind == "worktree" and path.is_relative_to(gone_from.resolve()) and not path.exists():
            # Twice: also where git was killed while it made it, which leaves it locked.
            git(repository, "worktree", "remove", "--force", "--force", name)


@contextmanager
def worktree(repository: Path, commit: str, folder: Path) -> Iterator[Path]:
    """The files of ``commit`` in ``folder``, until the end of the block.

    Raises:
        GitError: git cannot make it.
    """
    git(repository, "worktree", "add", "--quiet", "--detach", str(folder), commit)
    try:
        yield folder
    finally:
        git(repository, "worktree", "remove", "--force", str(folder))
