"""Fills in what a cell of a scenario leaves open, and refuses what cannot be run.

Torch-free, and without opening any data. Systems, architectures and datasets may come
from installed packages, so that their rules are asked for here, not in the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenarios.errors import nearest
from scenarios.matrix import Cell
from scenarios.parameters import PARAMETERS, SYSTEM_OPTIONS, Value
from scenarios.system_choice import SystemChoice
from systems.data.datasets import DATASETS, LARGEST_RESOLUTION, DatasetKind, dataset_kind
from systems.errors import ConfigurationError
from systems.models.architectures import ARCHITECTURES, Architecture, architecture, check_resolution
from systems.registry import system_info

HUB = "hub"


class SpecError(ConfigurationError):
    """A cell cannot be run; ``parameter`` and ``value`` say what of it is to blame."""

    def __init__(self, message: str, *, parameter: str, value: Value = None) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.value = value


def complete(cell: Cell) -> dict[str, Any]:
    """A value for every parameter: the cell's, or the default.

    Raises:
        SpecError: a value breaks its parameter's rule, or a required one is missing.
    """
    values: dict[str, Any] = {}
    for name, parameter in PARAMETERS.items():
        value = cell.parameters.get(name, parameter.default)
        if parameter.required and value is None:
            raise SpecError(f"The parameter '{name}' is missing.", parameter=name)
        try:
            values[name] = parameter.parse(value)
        except ValueError as error:
            raise SpecError(str(error), parameter=name, value=value) from None
    return values


def resolve_system(values: Mapping[str, Any]) -> tuple[str, dict[str, Value]]:
    """The name of the system, and a value for each option that it understands.

    What is given with the system (``+option``) comes before what is given for all systems,
    and that before the system's own default. An option that the system does not understand
    is dropped, unless it is given with the system.

    Raises:
        SpecError: no such system, or it does not understand an option given with it.
    """
    text = str(values["system"])
    try:
        choice = SystemChoice.parse(text)
        info = system_info(choice.name)
    except ValueError as error:
        raise SpecError(str(error), parameter="system", value=text) from None
    for option in choice.options.keys() - info.options.keys():
        known = f"It understands: {', '.join(sorted(info.options)) or 'none'}."
        raise SpecError(
            f"The system '{info.name}' has no option '{option}' (in '{text}'). {known}",
            parameter="system",
            value=text,
        )
    options: dict[str, Value] = {}
    for option in SYSTEM_OPTIONS:
        if option in info.options:
            own_default = info.options[option]
            given = [choice.options.get(option), values[option], own_default]
            options[option] = next((value for value in given if value is not None), None)
    return info.name, options


def resolve_inputs(values: Mapping[str, Any], *, folder: Path) -> dict[str, Value]:
    """The values of the parameters that depend on the architecture, dataset and disk.

    Those of the other modality become None, so that they make no difference.

    Raises:
        SpecError: two values do not go together, or a path does not exist.
    """
    try:
        entry = architecture(str(values["architecture"]))
    except ConfigurationError as error:
        raise _blame(str(error), values, "architecture") from None
    try:
        kind = dataset_kind(str(values["dataset"]))
    except ConfigurationError as error:
        raise _blame(str(error), values, "dataset") from None
    _check_modality(entry, kind, values)
    resolved: dict[str, Value] = {"resolution": None, "sequence_length": None}
    if entry.modality == "image":
        resolved["resolution"] = _resolution(entry, values)
        resolved["vocabulary"] = None
    else:
        resolved["sequence_length"] = _sequence_length(entry, values)
        resolved["vocabulary"] = _existing(values, "vocabulary", folder)
        resolved["memory_format"] = "contiguous"  # there is no other layout of text
    if kind.needs_path and values["path"] is None:
        what = "the folder that holds one sub-folder per class"
        raise _blame(f"The dataset '{kind.name}' needs a path: {what}.", values, "dataset")
    resolved["path"] = _existing(values, "path", folder) if kind.needs_path else None
    resolved["weights"] = _weights(entry, values, folder)
    return resolved


def _check_modality(entry: Architecture, kind: DatasetKind, values: Mapping[str, Any]) -> None:
    if entry.modality != kind.modality:
        fitting = [other.name for other in DATASETS.values() if other.modality == entry.modality]
        reads = "images" if entry.modality == "image" else "text"
        holds = "images" if kind.modality == "image" else "text"
        message = (
            f"{entry.name} reads {reads}; the dataset '{kind.name}' has {holds}. "
            f"Choose one of {', '.join(fitting)}."
        )
        # The default dataset stands in no line; then the architecture is what was written.
        raise _blame(message, values, "architecture")


def _resolution(entry: Architecture, values: Mapping[str, Any]) -> Value:
    given = values["resolution"]
    if given is None:
        return entry.resolution
    try:
        check_resolution(entry.name, given)
    except ConfigurationError as error:
        raise _blame(str(error), values, "resolution") from None
    if given > LARGEST_RESOLUTION:
        rule = f"it must be at most {LARGEST_RESOLUTION} px"
        raise _blame(f"A resolution of {given} px is too large: {rule}.", values, "resolution")
    return given


def _sequence_length(entry: Architecture, values: Mapping[str, Any]) -> Value:
    given, most = values["sequence_length"], entry.maximum_sequence_length
    if most is not None and given > most:
        rule = f"{entry.name} reads at most {most}"
        message = f"A sequence_length of {given} tokens is too long: {rule}."
        raise _blame(message, values, "sequence_length")
    return given


def _weights(entry: Architecture, values: Mapping[str, Any], folder: Path) -> Value:
    if values["weights"] != HUB:
        return _existing(values, "weights", folder)
    if entry.hub_id is None:
        published = ", ".join(name for name, other in ARCHITECTURES.items() if other.hub_id)
        message = f"Nobody publishes weights for {entry.name}: remove 'weights: hub', or choose"
        raise _blame(f"{message} one of {published}.", values, "weights")
    return HUB


def _existing(values: Mapping[str, Any], parameter: str, folder: Path) -> str | None:
    """The absolute path under ``parameter``, looked for in ``folder``, then where we are."""
    given = values[parameter]
    if given is None:
        return None
    places = [base.resolve() / Path(str(given)).expanduser() for base in (folder, Path())]
    for place in places:
        if place.exists():
            if place.is_dir() != (parameter == "path"):
                must = "a folder" if parameter == "path" else "a file"
                raise _blame(f"The {parameter} '{given}' must be {must}.", values, parameter)
            return str(place.resolve())
    looked = " and ".join(dict.fromkeys(str(place) for place in places))
    message = f"There is nothing at the {parameter} '{given}' (looked for {looked})."
    siblings = places[0].parent.iterdir() if places[0].parent.is_dir() else ()
    near = nearest(places[0].name, [path.name for path in siblings])
    hint = f" Did you mean '{near}'?" if near else ""
    raise _blame(f"{message}{hint}", values, parameter)


def _blame(message: str, values: Mapping[str, Any], parameter: str) -> SpecError:
    return SpecError(message, parameter=parameter, value=values[parameter])
