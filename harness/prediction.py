"""What runs would take, by the cost model: predicted, not measured; nothing is run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.hardware_profiles import find_profile
from harness.inputs import cost_model, search_options
from harness.particulars import IN_SUMMARY, particulars
from harness.search_shape import TYPICAL_BATCH, search_shape, strategy
from harness.spec import RunSpec
from scenarios.parameter import AUTO
from systems.errors import ConfigurationError
from systems.planning.hardware_profile import HardwareProfile
from systems.planning.search_choice import choose_search
from systems.planning.simulation import predict
from systems.registry import system_info
from systems.scoring.registry import BUILT_IN as LINEAR_HEADS

_SYSTEM = ("system", "options", "telemetry", "profile")


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictedRun:
    """One run of a scenario and what it would take."""

    spec: RunSpec
    wall_s: float
    phases_s: Mapping[str, float]
    speed_up: float | None
    """time(Base)/time(system), both predicted; None where no Base is predicted."""
    bytes_read: float
    items_decoded: float
    hardware: HardwareProfile


def predict_runs(
    specs: Sequence[RunSpec], *, profile: str | None, cache: Path
) -> tuple[PredictedRun, ...]:
    """Predict each run; the first takes some seconds, for torch is asked for block profiles.

    Args:
        profile: a shipped profile's name, a file, or None for this machine's own.
        cache: where a measured profile of this machine is looked for.

    Raises:
        ScenarioError: the profile is not right.
        ConfigurationError: a run cannot be predicted.
    """
    refuse_probes(specs)
    profiles = {
        device: find_profile(profile, cache=cache, device=device)
        for device in {spec.device for spec in specs}
    }
    runs = [_predicted(spec, profiles[spec.device]) for spec in specs]
    base_s = {_search(run.spec): run.wall_s for run in runs if run.spec.label == "Base"}
    return tuple(
        replace(run, speed_up=base_s[_search(run.spec)] / run.wall_s)
        if _search(run.spec) in base_s
        else run
        for run in runs
    )


def refuse_probes(specs: Sequence[RunSpec]) -> None:
    """Refuse runs that are no searches: nothing predicts what a probe is asked to measure."""
    probes = sorted({spec.system for spec in specs if system_info(spec.system).kind == "probe"})
    if not probes:
        return
    searches = sorted({spec.system for spec in specs} - set(probes))
    fix = (
        f"Leave them out with --filter system={','.join(searches)}."
        if searches
        else "Run the scenario instead: it takes seconds to minutes."
    )
    raise ConfigurationError(
        f"Only searches can be predicted, and {', '.join(probes)} measure single steps. {fix}"
    )


def rows(runs: Sequence[PredictedRun]) -> list[dict[str, Any]]:
    """The predictions in plain types, for reports."""
    particular = particulars([run.spec for run in runs], said=IN_SUMMARY)
    return [
        {
            "search": ", ".join(filter(None, (run.spec.summary.partition(": ")[2], words))),
            "label": run.spec.label,
            "identity": run.spec.identity,
            "wall_s": run.wall_s,
            "phases_s": dict(run.phases_s),
            "speed_up": run.speed_up,
            "bytes_read": run.bytes_read,
            "items_decoded": run.items_decoded,
            "profile": run.hardware.name,
            "is_fallback": run.hardware.is_fallback,
        }
        for run, words in zip(runs, particular, strict=True)
    ]


def notes(runs: Sequence[PredictedRun]) -> list[str]:
    """What a reader of the predictions has to know of the profiles, as sentences."""
    found = []
    for hardware in {run.hardware.name: run.hardware for run in runs}.values():
        if hardware.is_fallback:
            found.append(
                "No hardware profile: the numbers are of a guessed machine and right to an order "
                "of magnitude at best. Measure this one with 'alsatian-bench doctor --calibrate', "
                "or give --profile."
            )
        else:
            title = f": {hardware.title}" if hardware.title else "."
            found.append(f"Hardware profile '{hardware.name}'{title}")
    specs = [run.spec for run in runs]
    if any(spec.batch_size == AUTO for spec in specs):
        found.append(
            f"batch_size: auto was not measured on this machine yet; {TYPICAL_BATCH} items stand "
            "in for it. 'alsatian-bench run' measures it first."
        )
    left_out = {
        "precision": any(spec.precision != "fp32" for spec in specs),
        "compile": any(spec.compile for spec in specs),
        "fold_batch_norm": any(spec.fold_batch_norm for spec in specs),
        "threads": any(spec.threads is not None for spec in specs),
        "cores": any(spec.cores is not None for spec in specs),
    }
    if any(left_out.values()):
        names = ", ".join(name for name, is_so in left_out.items() if is_so)
        found.append(f"Not predicted: how {names} changes times. They are those without.")
    return found


def _predicted(spec: RunSpec, hardware: HardwareProfile) -> PredictedRun:
    canonical = spec.canonical()
    if spec.scorer not in {info.name for info in LINEAR_HEADS}:
        raise ConfigurationError(
            f"The scorer '{spec.scorer}' cannot be predicted: only what linear heads cost is "
            "known. Predict with --set scorer=linear."
        )
    limits = [hardware.page_cache_bytes]
    limits += [spec.memory_limit] if spec.memory_limit is not None else []
    limits += [hardware.memory_size_bytes] if spec.device == "cpu" else []
    hardware = replace(hardware, page_cache_bytes=min(limits))
    options, model = search_options(spec.options), cost_model(hardware, canonical)
    search = search_shape(canonical)
    way = strategy(spec.system, options, memory_limit_bytes=_memory_limit(spec, hardware))
    if options.choose_search:
        way = replace(way, halves=choose_search(search, way, model).halves)
    try:
        prediction = predict(search, way, model)
    except ConfigurationError as error:
        raise ConfigurationError(f"{spec.summary}: cannot be planned. {error}") from error
    return PredictedRun(
        spec=spec,
        wall_s=prediction.wall_s,
        phases_s=prediction.phases_s,
        speed_up=None,
        bytes_read=prediction.bytes_read,
        items_decoded=prediction.items_decoded,
        hardware=hardware,
    )


def _memory_limit(spec: RunSpec, hardware: HardwareProfile) -> int | None:
    """Bytes that the run may take on its device; None where nothing says so."""
    of_run = spec.memory_limit if spec.device == "cpu" else spec.gpu_allocator_cap
    least = min(math.inf if of_run is None else of_run, hardware.memory_size_bytes)
    return None if math.isinf(least) else int(least)


def _search(spec: RunSpec) -> tuple[object, ...]:
    """Everything but the system: what runs are compared within."""
    return tuple((k, v) for k, v in spec.canonical().items() if k not in _SYSTEM)
