"""What one run parameter is, and how its values are read and written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from scenarios.errors import nearest
from scenarios.quantities import (
    format_bytes,
    format_seconds,
    parse_bytes,
    parse_rate,
    parse_seconds,
)

AUTO = "auto"
"""Of a parameter that ``allows_auto``: what a measurement finds best."""

Value: TypeAlias = str | int | float | bool | None
T = TypeVar("T")
Kind = Literal["text", "integer", "fraction", "boolean", "bytes", "rate", "seconds", "choice"]

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NULLS = ("null", "none", "~")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One thing that a scenario can fix or vary."""

    name: str
    kind: Kind
    default: Value = None
    required: bool = False
    """A scenario has to give it; every other parameter has its default."""
    unit: str | None = None
    meaning: str
    vocabulary: str | None = None
    """Which set of names, supplied by the caller, its values come from."""
    choices: tuple[str, ...] = ()
    """The values of a ``choice`` whose names need no caller."""
    minimum: int = 0
    """Smallest ``integer``, ``bytes`` or ``rate``."""
    allows_auto: bool = False
    """Whether ``auto`` is a value: chosen by a measurement."""
    pattern: str | None = None
    """Regular expression of a ``text``."""
    form: str = ""
    """What ``pattern`` means, in words."""
    system_option: bool = False
    """Whether it tells a system what it may share; None is then the system's own default."""
    in_identity: bool = True
    """Whether it can influence the run."""

    @property
    def allows_null(self) -> bool:
        """Whether None is a value: "as the default says"."""
        return self.default is None and not self.required

    def parse(self, value: object) -> Value:
        """``value``, as YAML gives it, as this parameter keeps it (bytes, seconds, …).

        Parsing a value twice changes nothing.

        Raises:
            ValueError: a sentence with the value and the rule.
        """
        if value is None:
            if self.allows_null:
                return None
            raise ValueError(f"{self.name} must be {self._rule()}, but nothing (null) is given.")
        if self.allows_auto and value == AUTO:
            return AUTO
        try:
            return self._parse(value)
        except _UnfitError as error:
            reason = f" ({error})" if str(error) else ""
            near = nearest(str(value), self.choices)
            raise ValueError(
                f"{self.name} must be {self._rule()}, not {_shown(value)}{reason}."
                + (f" Did you mean '{near}'?" if near else "")
            ) from None

    def parse_text(self, text: str) -> Value:
        """``text``, as a person types it on a command line, as this parameter keeps it.

        Raises:
            ValueError: a sentence with the value and the rule.
        """
        if text.lower() in _NULLS and self.allows_null:
            return None
        if self.kind == "boolean":
            return self.parse(_BOOLEANS.get(text.lower(), text))
        if self.kind == "integer" and re.fullmatch(r"\d{1,40}", text, re.ASCII):
            return int(text)
        if self.kind == "fraction" and re.fullmatch(
            r"\d{0,9}\.?\d{1,40}(e-\d{1,3})?", text, re.ASCII
        ):
            return self.parse(float(text))
        return self.parse(text)

    def text(self, value: Value) -> str:
        """``value`` as a person writes it; ``parse_text`` reads it back."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return str(value).lower()
        if self.kind == "bytes" and isinstance(value, int):
            return format_bytes(value)
        if self.kind == "rate" and isinstance(value, int):
            return f"{format_bytes(value)}/s"
        if self.kind == "seconds" and isinstance(value, float):
            return format_seconds(value)
        return str(value)

    def _parse(self, value: object) -> Value:
        match self.kind:
            case "boolean":
                return _typed(value, bool)
            case "integer":
                return self._at_least_minimum(_typed(value, int))
            case "fraction":
                share = _number(value)
                if not 0.0 < share < 1.0:
                    raise _UnfitError
                return share
            case "bytes":
                size = _read(parse_bytes, value) if isinstance(value, str) else _typed(value, int)
                return self._at_least_minimum(size)
            case "rate":
                rate = _read(parse_rate, value) if isinstance(value, str) else _typed(value, int)
                return self._at_least_minimum(rate)
            case "seconds":
                duration = _read(parse_seconds, value) if isinstance(value, str) else _number(value)
                if not 0.001 <= duration <= 1000 * 86_400:
                    raise _UnfitError
                return duration
            case "choice":
                if self.choices and value not in self.choices:
                    raise _UnfitError
                return _typed(value, str)
            case "text":
                text = _typed(value, str)
                if not text or (self.pattern and not re.fullmatch(self.pattern, text)):
                    raise _UnfitError
                return text

    def _at_least_minimum(self, number: int) -> int:
        if number < self.minimum:
            raise _UnfitError
        return number

    def _rule(self) -> str:
        return self._rule_of_kind() + (f", or {AUTO}" if self.allows_auto else "")

    def _rule_of_kind(self) -> str:
        match self.kind:
            case "boolean":
                return "true or false"
            case "integer":
                return f"a whole number of at least {self.minimum}"
            case "fraction":
                return "a number between 0 and 1, both excluded"
            case "bytes":
                return "a size of at least one byte, such as 512 MiB, 200 MB or 1048576"
            case "rate":
                return "a rate of at least one byte per second, such as 200 MB/s"
            case "seconds":
                return "a duration from 1 ms to 1000 days, such as 90 s or 10 min"
            case "choice":
                *others, last = self.choices or ("a name",)
                return f"{', '.join(others)} or {last}" if others else last
            case "text":
                return self.form or "text"


class _UnfitError(Exception):
    """A value breaks the rule of its kind; the text, if any, says in which way."""


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)


def _typed(value: object, kind: type[T]) -> T:
    # To Python, True is an int; to a person who writes `items: yes`, it is a mistake.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        quotes = isinstance(value, bool | int | float) and kind is str
        raise _UnfitError("write it in quotes if it is meant as text" if quotes else "")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _UnfitError
    try:
        return float(value)
    except OverflowError:
        raise _UnfitError from None


def _read(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise _UnfitError(str(error)) from None
