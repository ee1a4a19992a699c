"""A value of the system axis: a system and the options it runs with.

``alsatian+schedule=block_major+keep_blocks=false`` is one value, so that an ablation is
one more value on the axis. ``+option`` alone switches an option on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from scenarios.errors import did_you_mean
from scenarios.parameters import PARAMETERS, SYSTEM_OPTIONS, Value


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemChoice:
    """A system by name, and the options given with it."""

    name: str
    options: Mapping[str, Value]

    @classmethod
    def parse(cls, text: str, known: Collection[str] | None = None) -> SystemChoice:
        """Read ``name``, then ``+option`` or ``+option=value``, any number of times.

        ``known`` are the names of systems; any name is taken when it is not given.

        Raises:
            ValueError: a sentence: unknown system, unknown, repeated or unreadable option.
        """
        name, *given = (part.strip() for part in text.split("+"))
        if known is not None and name not in known:
            raise ValueError(f"There is no system '{name}'. {did_you_mean(name, known)}")
        options: dict[str, Value] = {}
        for part in given:
            option, equals, value = (piece.strip() for piece in part.partition("="))
            if option not in SYSTEM_OPTIONS:
                raise ValueError(
                    f"There is no system option '{option}' (in '{text}'). "
                    f"{did_you_mean(option, SYSTEM_OPTIONS)}"
                )
            if option in options:
                raise ValueError(f"The option '{option}' is given twice in '{text}'.")
            options[option] = _option_value(option, value if equals else None)
        return cls(name=name, options=options)

    @property
    def text(self) -> str:
        """The value in its one normal form: options by name, ``+option`` for true."""
        parts = [self.name]
        for option, value in sorted(self.options.items()):
            written = PARAMETERS[option].text(value)
            parts.append(option if value is True else f"{option}={written}")
        return "+".join(parts)


def _option_value(option: str, text: str | None) -> Value:
    parameter = PARAMETERS[option]
    if text is not None:
        return parameter.parse_text(text)
    if parameter.kind == "boolean":
        return True
    raise ValueError(f"The option '{option}' needs a value: +{option}=…")
