"""What a user can get wrong or a disk can break, as one small family of errors."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Base of errors whose message is a sentence for the user: value, rule and fix."""


class ConfigurationError(BenchError, ValueError):
    """The request cannot be carried out as stated (exit code 2)."""


class DatasetError(ConfigurationError):
    """The data are missing, damaged, or too few for the search that was asked for."""


class StoreError(BenchError):
    """The block store is damaged, of another version, or its disk is full."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A closing sentence for an unknown name: the nearest known one, or all of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {', '.join(choices)}."
