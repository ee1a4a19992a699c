"""The one table of run parameters: what a scenario can say, with units and defaults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from scenarios.condition_parameters import CONDITIONS
from scenarios.option_parameters import OPTIONS
from scenarios.parameter import Parameter, Value
from scenarios.subject_parameters import SUBJECT

__all__ = ["PARAMETERS", "SYSTEM_OPTIONS", "Parameter", "Value"]

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {parameter.name: parameter for parameter in (*SUBJECT, *CONDITIONS, *OPTIONS)}
)
"""All run parameters by name."""

SYSTEM_OPTIONS: tuple[str, ...] = tuple(parameter.name for parameter in OPTIONS)
"""What a system may share and in which order it works; null is its own default."""
