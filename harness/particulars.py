"""What tells the searches of one scenario from each other, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.spec import RunSpec
from scenarios.parameters import PARAMETERS

IN_TITLE = frozenset({"architecture", "distribution", "model_set", "dataset"})
"""What the title of a run says of its search."""
IN_SUMMARY = IN_TITLE | {"models", "items", "resolution", "device"}
"""What ``RunSpec.summary`` says of it."""
_OF_SYSTEMS = frozenset({"specification", "system", "options"})


def particulars(specs: Sequence[RunSpec], *, said: Collection[str]) -> list[str]:
    """For each run: parameters in which the searches differ, but for those ``said`` already.

    Such as ``memory_limit 2 GB``; several with commas; empty where nothing else differs.
    """
    values = [spec.canonical() for spec in specs]
    names = sorted({name for each in values for name in each} - _OF_SYSTEMS - set(said))
    differing = [name for name in names if len({repr(each.get(name)) for each in values}) > 1]
    return [
        ", ".join(
            f"{name.replace('_', ' ')} {PARAMETERS[name].text(each[name])}"
            for name in differing
            if each.get(name) is not None
        )
        for each in values
    ]
