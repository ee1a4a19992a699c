"""The two versions of a gate, checked out beside each other, each with a cache of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from harness.claims import Hold
from harness.gate import Side
from harness.worktrees import forget_worktrees, worktree

_PLACE = "gate-"
"""How the folders with both versions are called, below the cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """What is to be measured against what."""

    base: str
    head: str
    base_python: Path
    head_python: Path
    allow_dirty: bool


@contextmanager
def checked_out(
    repository: Path, versions: Versions, commits: Sequence[str], folder: Path, cache: Path
) -> Iterator[tuple[Side, Side]]:
    """Both versions until the end of the block: one may not understand the other's store.

    Raises:
        GitError: git cannot make them.
    """
    cache.mkdir(parents=True, exist_ok=True)
    remove_leftovers(repository, cache)
    refs = (versions.base, versions.head)
    pythons = (versions.base_python, versions.head_python)
    with tempfile.TemporaryDirectory(prefix=_PLACE, dir=cache) as place, ExitStack() as stack:
        stack.enter_context(Hold.take(Path(place)) or nullcontext())
        sides = []
        for name, ref, commit, python in zip(("base", "head"), refs, commits, pythons, strict=True):
            root = stack.enter_context(worktree(repository, commit, Path(place, name, "code")))
            own_cache = Path(place, name, "cache")
            if (cache / "hardware").is_dir():  # plans go by it: the same for both
                shutil.copytree(cache / "hardware", own_cache / "hardware")
            sides.append(
                Side(
                    name=name,
                    ref=ref,
                    commit=commit,
                    root=root,
                    python=python,
                    runs=folder / name,
                    cache=own_cache,
                )
            )
        yield sides[0], sides[1]


def remove_leftovers(repository: Path, cache: Path) -> None:
    """Gates that were killed leave two versions behind, with stores of gigabytes."""
    for place in cache.glob(f"{_PLACE}*"):
        if hold := Hold.take(place):
            with hold:
                shutil.rmtree(place, ignore_errors=True)
    forget_worktrees(repository, gone_from=cache)
