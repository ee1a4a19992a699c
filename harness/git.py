"""Git commands that nothing of the user's takes part in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from systems.errors import BenchError

_LIMIT_S = 120.0


class GitError(BenchError):
    """Git could not do what it was asked for; the message is git's own."""


def git(root: Path, *arguments: str) -> str:
    """What git prints in ``root``, without the last line's end.

    Neither hooks run (of fsmonitor, after a checkout), nor is an index refreshed.

    Raises:
        GitError: there is no git, it does not answer in time, or it reports an error.
    """
    command = [
        "git", "-C", str(root), "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    ]  # fmt: skip
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
