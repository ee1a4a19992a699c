"""What a run with a probe may be asked for: less than a search; torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.resolving import SpecError
from systems.registry import system_info

_RULES: Mapping[str, tuple[object, str]] = {
    "cache": (
        "warm",
        "it repeats its work, so that only the first repeat would start cold; "
        "probe-snapshot-loading measures both by itself",
    ),
    "part": ("full", "it looks at whole models"),
}
"""Parameter to the one value that probes work with, and why."""


def check_probe(system: str, values: Mapping[str, Any]) -> None:
    """Refuse a probe under conditions in which its readings would mean something else.

    ``system`` is a name, never an alias; systems that search are not looked at.

    Raises:
        SpecError: names the parameter, the rule and the fix.
    """
    if system_info(system).kind != "probe":
        return
    for parameter, (fitting, why) in _RULES.items():
        if values[parameter] != fitting:
            raise SpecError(
                f"{system} cannot be run with {parameter}: {values[parameter]}, for {why}. "
                f"Set {parameter} to {fitting}, or leave it out.",
                parameter=parameter,
                value=values[parameter],
            )
