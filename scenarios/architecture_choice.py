"""A value of the architecture axis: what the models of one search are built as.

``resnet18+vit_ti_16`` is one search over models of two architectures. ``resnet18@64`` gives
an architecture a resolution of its own, in pixels.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from scenarios.errors import did_you_mean

PIXELS = re.compile(r"[1-9]\d{0,5}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenArchitecture:
    """An architecture by name."""

    name: str
    resolution: int | None = None
    """In pixels; None where none is given with it."""

    @property
    def text(self) -> str:
        """As a person writes it."""
        return self.name if self.resolution is None else f"{self.name}@{self.resolution}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchitectureChoice:
    """The architectures of a search, each once."""

    architectures: tuple[ChosenArchitecture, ...]

    @classmethod
    def parse(cls, text: str, known: Collection[str] | None = None) -> ArchitectureChoice:
        """Read ``name`` or ``name@pixels``, several of them joined by ``+``.

        ``known`` are the names of architectures (with the names that stand for them, where it
        is a mapping); any name is taken when it is not given.

        Raises:
            ValueError: a sentence: unknown or repeated name, unreadable resolution.
        """
        chosen: dict[str, ChosenArchitecture] = {}
        for part in text.split("+"):
            name, at, pixels = (piece.strip() for piece in part.partition("@"))
            if not name or (known is not None and name not in known):
                where = f" (in '{text}')" if part != text else ""
                message = f"There is no architecture '{name}'{where}."
                raise ValueError(f"{message} {did_you_mean(name, known or ())}".strip())
            if at and not PIXELS.fullmatch(pixels):
                raise ValueError(
                    f"'{part.strip()}' is no architecture: after '@' comes its resolution in "
                    f"pixels, as in {name}@96."
                )
            name = known[name] if isinstance(known, Mapping) else name
            if name in chosen:
                raise ValueError(
                    f"The architecture '{name}' is given twice in '{text}': give each once."
                )
            chosen[name] = ChosenArchitecture(name=name, resolution=int(pixels) if at else None)
        return cls(architectures=tuple(chosen.values()))

    @property
    def text(self) -> str:
        """The value in its one normal form."""
        return "+".join(architecture.text for architecture in self.architectures)
