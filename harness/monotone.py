"""Which runs need not be tried: larger than one that was out of memory already."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields

from harness.spec import RunSpec
from scenarios.parameters import PARAMETERS

_UNEQUAL = frozenset({"wall_limit_s"})
"""What does not change whether the memory suffices."""


def skipped_after_out_of_memory(
    done: Mapping[RunSpec, str], spec: RunSpec, axes: Collection[str]
) -> str | None:
    """Why ``spec`` need not be run, as a sentence for its record; None if it must be.

    It need not where a run that was out of memory is equal in all but ``axes``, in none of
    them larger, and in one at least smaller. Systems are never judged by each other. The same
    run in another round is no larger one: it is tried again.

    Args:
        done: statuses of the runs so far, of this round or earlier ones.
        axes: parameters declared ``monotone`` by the scenario.
    """
    for smaller, status in done.items():
        if status == "out_of_memory" and _is_larger(spec, smaller, axes):
            grown = ", ".join(
                f"{axis} = {PARAMETERS[axis].text(getattr(smaller, axis))}"
                for axis in axes
                if getattr(spec, axis) != getattr(smaller, axis)
            )
            return (
                f"The same run with {grown} was out of memory, and the scenario declares "
                f"{', '.join(axes)} monotone."
            )
    return None


def _is_larger(spec: RunSpec, smaller: RunSpec, axes: Collection[str]) -> bool:
    has_grown = False
    for field in fields(RunSpec):
        one, other = getattr(spec, field.name), getattr(smaller, field.name)
        if one == other or field.name in _UNEQUAL:
            continue
        if field.name not in axes or one is None or other is None or one < other:
            return False
        has_grown = True
    return has_grown
