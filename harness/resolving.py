"""Fills in what a cell of a scenario leaves open, and refuses what cannot be run.

Torch-free, and without opening any data. Systems, architectures and datasets may come
from installed packages, so that their rules are asked for here, not in the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.dataset_paths import dataset_path, where_from
from harness.snapshot_resolving import SNAPSHOTS, at_most, refused, searched
from harness.task_resolving import resolve_tasks
from scenarios.architecture_choice import ArchitectureChoice, ChosenArchitecture
from scenarios.errors import nearest
from scenarios.matrix import Cell
from scenarios.parameters import PARAMETERS, SYSTEM_OPTIONS, Value
from scenarios.system_choice import SystemChoice
from systems.data.datasets import (
    LARGEST_RESOLUTION,
    DatasetKind,
    available_datasets,
    dataset_kind,
)
from systems.errors import ConfigurationError
from systems.models.architectures import ARCHITECTURES, Architecture, check_resolution
from systems.models.checkpoints.finding import GENERATED
from systems.registry import system_info
from systems.scoring import check_head

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
    """The values of the parameters that depend on the architectures, dataset and disk.

    Those of the other modality become None, so that they make no difference. Resolutions
    stand with the architectures where these have different ones, else under ``resolution``.

    Raises:
        SpecError: two values do not go together, or a path does not exist.
    """
    try:
        chosen = ArchitectureChoice.parse(str(values["architecture"])).architectures
        entries = [searched(each, values) for each in chosen]
    except ValueError as error:
        raise _blame(str(error), values, "architecture") from None
    try:
        kind = dataset_kind(str(values["dataset"]))
    except ConfigurationError as error:
        raise _blame(str(error), values, "dataset") from None
    _check_modality(entries, kind, values)
    is_snapshots = values["model_set"] == SNAPSHOTS
    if is_snapshots and (problem := refused(values)):
        raise _blame(problem[1], values, problem[0])
    if not is_snapshots:
        _check_count(chosen, values)
    resolved: dict[str, Value] = {
        "architecture": "+".join(entry.name for entry in entries),
        "resolution": None,
        "sequence_length": None,
    }
    if kind.modality == "image" and is_snapshots:
        resolved |= {"resolution": values["resolution"], "vocabulary": None}
    elif kind.modality == "image":
        pixels = [
            _resolution(entry, each, values) for entry, each in zip(entries, chosen, strict=True)
        ]
        if len(set(pixels)) == 1:
            resolved["resolution"] = pixels[0]
        else:
            named = zip(entries, pixels, strict=True)
            resolved["architecture"] = "+".join(f"{entry.name}@{side}" for entry, side in named)
        resolved["vocabulary"] = None
    else:
        for entry, each in zip(entries, chosen, strict=True):
            if each.resolution is not None:
                _resolution(entry, each, values)  # refuses it
        resolved["sequence_length"] = _sequence_length(entries, values)
        resolved["vocabulary"] = _existing(values, "vocabulary", folder)
        resolved["memory_format"] = "contiguous"  # there is no other layout of text
    resolved["path"] = _dataset_path(kind, values, folder) if kind.needs_path else None
    resolved["weights"] = _weights(entries, values, folder)
    resolved |= _model_set(values, folder)
    if is_snapshots:
        resolved["models"] = _models(entries, resolved, values)
    if resolved["tasks"] is not None:
        resolved["tasks"] = _tasks(kind, resolved, values, folder)
    resolved["part_input"] = None if values["part"] == "full" else values["part_input"]
    try:
        check_head(values["head_classes"], classes=kind.classes or 0, dataset=kind.name)
    except ConfigurationError as error:
        raise _blame(str(error), values, "head_classes") from None
    _check_precision(values)
    if not any(entry.has_batch_norm for entry in entries):
        resolved["fold_batch_norm"] = False  # there is nothing to fold
    return resolved


def _check_modality(
    entries: Sequence[Architecture], kind: DatasetKind, values: Mapping[str, Any]
) -> None:
    reads = {entry.modality: entry.name for entry in entries}
    if len(reads) > 1:
        message = (
            f"{reads['image']} reads images, {reads['text']} reads text; the architectures of "
            "one search must read the same data: search for each kind apart."
        )
        raise _blame(message, values, "architecture")
    ((modality, name),) = reads.items()
    if modality != kind.modality:
        known = available_datasets().values()
        fitting = [other.name for other in known if other.modality == modality]
        read = "images" if modality == "image" else "text"
        holds = "images" if kind.modality == "image" else "text"
        message = (
            f"{name} reads {read}; the dataset '{kind.name}' has {holds}. "
            f"Choose one of {', '.join(fitting)}."
        )
        # The default dataset stands in no line; then the architecture is what was written.
        raise _blame(message, values, "architecture")


def _check_count(chosen: Sequence[ChosenArchitecture], values: Mapping[str, Any]) -> None:
    if values["models"] < len(chosen):
        message = (
            f"models is {values['models']}, but {values['architecture']} are {len(chosen)} "
            f"architectures, which need a model each: set models to at least {len(chosen)}."
        )
        raise _blame(message, values, "models")


def _resolution(entry: Architecture, chosen: ChosenArchitecture, values: Mapping[str, Any]) -> int:
    """In pixels: what stands with the architecture, what is given for all, or its own."""
    given = chosen.resolution or values["resolution"] or entry.resolution or 0
    blamed = "resolution" if chosen.resolution is None else "architecture"
    try:
        check_resolution(entry.name, given)
    except ConfigurationError as error:
        raise _blame(str(error), values, blamed) from None
    if given > LARGEST_RESOLUTION:
        rule = f"it must be at most {LARGEST_RESOLUTION} px"
        raise _blame(f"A resolution of {given} px is too large: {rule}.", values, blamed)
    return given


def _sequence_length(entries: Sequence[Architecture], values: Mapping[str, Any]) -> Value:
    given = values["sequence_length"]
    for entry in entries:
        most = entry.maximum_sequence_length
        if most is not None and given > most:
            rule = f"{entry.name} reads at most {most}"
            message = f"A sequence_length of {given} tokens is too long: {rule}."
            raise _blame(message, values, "sequence_length")
    return given


def _dataset_path(kind: DatasetKind, values: Mapping[str, Any], folder: Path) -> str:
    try:
        given = _existing(values, "path", folder)
    except SpecError as error:
        raise _blame(f"{error}{where_from(kind)}", values, "path") from None
    try:
        return dataset_path(kind, given)
    except ConfigurationError as error:
        blamed = "dataset" if values["path"] is None else "path"
        raise _blame(str(error), values, blamed) from None


def _model_set(values: Mapping[str, Any], folder: Path) -> dict[str, Value]:
    """What says where models come from; what the kind of set does not ask for is None."""
    kind = values["model_set"]
    asked = {
        "synthetic": ("distribution",),
        "trained": ("distribution", "tasks", "train_epochs", "train_items"),
        "snapshots": ("models_path",),
    }[kind]
    unasked = ("distribution", "models_path", "tasks", "train_epochs", "train_items")
    resolved: dict[str, Value] = {name: values[name] for name in asked}
    resolved |= {name: None for name in unasked if name not in asked}
    for name in ("distribution", "models_path"):
        if name in asked and values[name] is None:
            message = f"The parameter '{name}' is missing: model_set {kind} needs it."
            raise _blame(message, values, name)
    if kind == SNAPSHOTS and values["models_path"] != GENERATED:
        resolved["models_path"] = _existing(values, "models_path", folder)
    return resolved


def _models(
    entries: Sequence[Architecture], resolved: Mapping[str, Any], values: Mapping[str, Any]
) -> int:
    families = [entry.name for entry in entries]
    try:
        return at_most(values["models"], resolved["models_path"], families)
    except ConfigurationError as error:
        raise _blame(str(error), values, "models_path") from None


def _tasks(
    kind: DatasetKind, resolved: Mapping[str, Any], values: Mapping[str, Any], folder: Path
) -> str:
    try:
        return resolve_tasks(
            values["tasks"],
            modality=kind.modality,
            has_vocabulary=resolved["vocabulary"] is not None,
            find=lambda path: _existing({"path": path}, "path", folder),
        )
    except ConfigurationError as error:
        raise _blame(str(error), values, "tasks") from None


def _check_precision(values: Mapping[str, Any]) -> None:
    if values["precision"] == "tf32" and values["device"] == "cpu":
        message = (
            "precision tf32 is a format of NVIDIA GPUs: on the device cpu choose fp32 or bf16."
        )
        raise _blame(message, values, "precision")


def _weights(entries: Sequence[Architecture], values: Mapping[str, Any], folder: Path) -> Value:
    if values["weights"] != HUB:
        if values["weights"] is not None and len(entries) > 1:
            message = (
                f"The weights '{values['weights']}' are of one architecture, but the search is "
                f"over {values['architecture']}: choose 'weights: hub' or none."
            )
            raise _blame(message, values, "weights")
        return _existing(values, "weights", folder)
    for entry in entries:
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
            if parameter != "models_path" and place.is_dir() != (parameter == "path"):
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
