"""What installed packages offer beside what is built in: systems, scorers, datasets.

A package offers one through an entry point that names an inert description of it, and the
description names the code (``module:attribute``), which is imported only when it is used:

    [project.entry-points."alsatian_bench.scorers"]
    nearest-mean = "my_package:NEAREST_MEAN"
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, TypeVar

from systems.errors import ConfigurationError


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Info = TypeVar("_Info", bound=_Named)


def with_offered(
    built_in: Iterable[_Info], *, group: str, kind: type[_Info], what: str
) -> Mapping[str, _Info]:
    """``built_in`` by name, and what installed packages offer in the entry point group.

    Args:
        built_in: descriptions that come with this package.
        group: of entry points, such as ``alsatian_bench.systems``.
        kind: what an entry point has to name.
        what: one of them, in a word for messages.

    Raises:
        ConfigurationError: an offer cannot be loaded, is of another kind, or has a name that
            is taken.
    """
    found: dict[str, _Info] = {}
    owners: dict[str, str] = {}
    for info in built_in:
        found[info.name] = info
        owners |= dict.fromkeys(_names(info), "alsatian-bench itself")
    for entry in entry_points(group=group):
        info, source = _loaded(entry, kind=kind, what=what), _source(entry)
        for name in _names(info):
            if name in owners:
                raise ConfigurationError(
                    f"The {what} '{name}' of {source} ({entry.value}) has a name that "
                    f"{owners[name]} has given already. Rename it, or uninstall one of them."
                )
        found[info.name] = info
        owners |= dict.fromkeys(_names(info), source)
    return found


def imported(reference: str, *, of: str) -> Any:
    """The object that ``module:attribute`` names.

    Args:
        reference: where it is.
        of: what it belongs to, for the message, such as ``the system 'mine'``.

    Raises:
        ConfigurationError: there is no such module or attribute.
    """
    module, _, attribute = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"The code of {of} ('{reference}', as module:attribute) cannot be imported: "
            f"{type(error).__name__}: {error}. Correct the name, or repair the package."
        ) from error


def _loaded(entry: EntryPoint, *, kind: type[_Info], what: str) -> _Info:
    try:
        info = entry.load()
    except Exception as error:
        raise ConfigurationError(
            f"{_source(entry)}, which offers the {what} '{entry.name}' ({entry.value}), cannot be "
            f"loaded: {type(error).__name__}: {error}. Repair or uninstall it."
        ) from error
    if not isinstance(info, kind):
        raise ConfigurationError(
            f"The {what} '{entry.name}' of {_source(entry)} ({entry.value}) is of the type "
            f"{type(info).__name__}: an entry point of the group '{entry.group}' has to name a "
            f"{kind.__name__} ({kind.__module__}). Correct or uninstall the package."
        )
    return info


def _names(info: _Named) -> tuple[str, ...]:
    return (info.name, *getattr(info, "aliases", ()))


def _source(entry: EntryPoint) -> str:
    return f"the package '{entry.dist.name}'" if entry.dist else "an installed package"
