"""What a record says that decides whether its run counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

SLOWDOWNS = frozenset(
    (
        "hardware slowdown",
        "software thermal slowdown",
        "hardware thermal slowdown",
        "hardware power brake",
    )
)
"""Throttle reasons of a GPU that is too hot or badly powered."""
POWER_CAPS = frozenset(("software power cap", "board limit", "reliability voltage"))
"""Those of a GPU that does all that it is allowed to."""

_SAMPLED = ("host", "gpu")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """What is known of a run that ended well; None is unknown, or was not asked for."""

    cache_state: Literal["cold", "warm"] | None = None
    """As asked for."""
    is_cache_proved: bool | None = None
    cache_reason: str | None = None
    """Why it is not proved, as a sentence."""
    resident_share: float | None = None
    """Of the files' pages, at the start."""
    store_bandwidth_bytes_per_s: int | None = None
    """As asked for."""
    read_bytes_per_s: float | None = None
    memory_limit_bytes: int | None = None
    """As asked for."""
    memory_mechanism: str | None = None
    is_memory_limit_weaker: bool = False
    cores: int | None = None
    """As asked for."""
    pinned_cores: int | None = None
    wall_s: float | None = None
    phases_s: float | None = None
    """All phases together."""
    throttled_share: float | None = None
    """Of the GPU's samples, those with a thermal or hardware slowdown."""
    power_capped_share: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    """Names of the reasons that were seen."""
    foreign_gpu_processes: int | None = None
    """Most of them at once."""
    allocator_retries: int | None = None
    swapped_bytes: int | None = None
    """In and out together."""
    others_share: float | None = None
    """Processor time of others / (time × cores): of the machine's cores or of those that the
    run may use, whichever is more."""
    held_up_share: float | None = None
    """Processor time of others on the run's cores / time, where the run computes on all of them:
    its threads wait for the slowest, so that it takes up to 1 / (1 - this) times as long."""
    stolen_share: float | None = None
    """Processor time that a hypervisor gave to others / (time × cores of the machine)."""
    is_telemetry_asked: bool = False
    samples: int | None = None
    longest_gap_s: float | None = None
    """Between two samples, or a sample and the start or end of the timed unit."""
    interval_s: float | None = None
    """Between samples, as asked for."""


def run_facts(record: Mapping[str, Any]) -> RunFacts:
    """Collect from a run's record what the rules of ``harness.validity`` look at.

    ``spec`` holds what was asked for. Of the rest, ``cache_proof`` is that of
    ``harness.page_cache``; ``limits`` that of ``harness.limits``, with the store's
    ``achieved_bytes_per_s`` under ``bandwidth``; ``telemetry`` that of
    ``harness.telemetry``; ``gpu_uuid`` PyTorch's for the device of the run (without it, all
    devices that CUDA sees count). Parts may be missing or null.
    """
    spec = record["spec"]
    proof = record.get("cache_proof") or {}
    limits = record.get("limits") or {}
    memory = limits.get("memory") or {}
    pinned = (limits.get("cores") or {}).get("pinned")
    phases_s = record.get("phases_s")
    telemetry = record.get("telemetry") or {}
    doubts = telemetry.get("doubts") or {}
    sampling = _worst_sampling(telemetry)
    return RunFacts(
        cache_state=spec.get("cache"),
        is_cache_proved=proof.get("is_proved"),
        cache_reason=proof.get("reason"),
        resident_share=proof.get("resident_after"),
        store_bandwidth_bytes_per_s=spec.get("store_bandwidth"),
        read_bytes_per_s=(limits.get("bandwidth") or {}).get("achieved_bytes_per_s"),
        memory_limit_bytes=spec.get("memory_limit"),
        memory_mechanism=memory.get("mechanism"),
        is_memory_limit_weaker=bool(memory.get("is_weaker")),
        cores=spec.get("cores"),
        pinned_cores=None if pinned is None else len(pinned),
        wall_s=record.get("wall_s"),
        phases_s=None if phases_s is None else sum(phases_s.values()),
        allocator_retries=(record.get("counts") or {}).get("allocator_retries"),
        swapped_bytes=_sum(doubts.get("swap_in_bytes"), doubts.get("swap_out_bytes")),
        others_share=_most(doubts.get("others_cpu_share"), doubts.get("others_own_cores_share")),
        held_up_share=_held_up_share(spec, doubts),
        stolen_share=doubts.get("steal_share"),
        is_telemetry_asked=bool(spec.get("telemetry")),
        samples=sampling.get("samples"),
        longest_gap_s=sampling.get("longest_gap_s"),
        interval_s=sampling.get("interval_s"),
        **_gpu_facts(record, telemetry),
    )


def _held_up_share(spec: Mapping[str, Any], doubts: Mapping[str, Any]) -> float | None:
    share, cores = doubts.get("others_own_cores_share"), doubts.get("own_cores")
    if share is None or cores is None or spec.get("device") != "cpu":
        return None
    threads = spec.get("threads")
    is_on_all = threads is None or threads >= cores  # else others have a core for themselves
    return share * cores if is_on_all else None


def _gpu_facts(record: Mapping[str, Any], telemetry: Mapping[str, Any]) -> dict[str, Any]:
    """What befell the run's GPU; nothing for a run on the processor."""
    if not str(record["spec"].get("device")).startswith("cuda"):
        return {}
    places = _places(telemetry.get("gpus") or {}, record.get("gpu_uuid"))
    throttled = (telemetry.get("doubts") or {}).get("throttled") or {}
    known = [shares for place in places if (shares := throttled.get(place)) is not None]
    counters = telemetry.get("counters") or {}
    foreign = [(counters.get(f"{place}.foreign_processes") or {}).get("max") for place in places]
    return {
        "throttled_share": _share_of(SLOWDOWNS, known),
        "power_capped_share": _share_of(POWER_CAPS, known),
        "throttle_reasons": tuple(sorted({name for each in known for name in each} & SLOWDOWNS)),
        "foreign_gpu_processes": _whole(_most(*foreign)),
    }


def _places(gpus: Mapping[str, Mapping[str, Any]], uuid: str | None) -> list[str]:
    """The devices of the run by telemetry's names: NVML writes ``GPU-`` before the UUID."""
    own = [place for place, facts in gpus.items() if uuid and uuid in (facts.get("uuid") or "")]
    return own or list(gpus)


def _share_of(reasons: frozenset[str], devices: list[Mapping[str, float]]) -> float | None:
    """Of samples with one of ``reasons``, on the device that has most (at least so many)."""
    if not devices:
        return None
    return max(shares.get(reason, 0.0) for shares in devices for reason in reasons)


def _worst_sampling(telemetry: Mapping[str, Any]) -> Mapping[str, Any]:
    groups = telemetry.get("sampling") or {}
    found = [groups[name] for name in _SAMPLED if name in groups]
    return max(found, key=lambda group: group["longest_gap_s"] or 0.0, default={})


def _most(*values: float | None) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _sum(*values: float | None) -> int | None:
    known = [value for value in values if value is not None]
    return int(sum(known)) if known else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
