"""When a measurement counts: written rules, from what was observed to flags and a status.

Each rule looks at one thing. What it finds is a *flag*, shown with the run; some flags
*invalidate* it: a run that could have been slowed down, or was not what its scenario says,
gets the status ``invalid`` and never enters a comparison. What nobody could observe is None
and breaks no rule but those that demand a proof.

====================== ================================================ ====================
flag                   raised when                                      invalidates when
====================== ================================================ ====================
cold_not_proved        asked for cold; start or reads do not prove it   always
warm_not_proved        asked for warm; under 99% of the files' pages    known to be under
                       in memory at the start, or unknown               99%
store_rate_off         bandwidth asked for; not achieved within ±3%     always
memory_limit_missing   limit asked for; nothing enforced it             always
memory_limit_weaker    the limit did not cover children or page cache   never
cores_not_pinned       cores asked for; the run had others or more      always
phases_incomplete      phases miss the wall time by more than 1% and    always
                       20 ms
gpu_throttled          hot or failing hardware held clocks down         over 5% of samples
gpu_power_capped       power limit held clocks down, over 5% of samples never
gpu_shared             another process computed on the run's GPU        always
allocator_retried      the GPU allocator freed its cache to go on       never
swapped                the machine swapped during the run               over 16 MiB
machine_busy           other processes took over 5% of the processors,  over 25%, or over 20%
                       or of one of those on which all threads compute  of that one
processors_stolen      the hypervisor took over 2% of the processors    over 10%
not_watched            telemetry asked for; no samples                  never
samples_missing        a gap of over 1 s or 10 intervals between        never
                       samples, whichever is longer
====================== ================================================ ====================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.page_cache import WARM_RESIDENT_SHARE
from harness.run_facts import RunFacts

STORE_RATE_TOLERANCE = 0.03
PHASES_TOLERANCE = 0.01
PHASES_FLOOR_S = 0.02
THROTTLED_INVALID_SHARE = 0.05
POWER_CAPPED_SHARE = 0.05
SWAPPED_INVALID_BYTES = 16 * 2**20
BUSY_SHARE = 0.05
BUSY_INVALID_SHARE = 0.25
HELD_UP_SHARE = 0.05
HELD_UP_INVALID_SHARE = 0.20
STOLEN_SHARE = 0.02
STOLEN_INVALID_SHARE = 0.10
GAP_INTERVALS = 10
GAP_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """One thing about a run that a reader of its times should know."""

    name: str
    sentence: str
    invalidates: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """All flags of a run, the invalidating ones first."""

    flags: tuple[Flag, ...]

    @property
    def is_valid(self) -> bool:
        """Whether the run may enter comparisons."""
        return not any(flag.invalidates for flag in self.flags)

    @property
    def status(self) -> Literal["ok", "invalid"]:
        """The status that a run gets which ended well."""
        return "ok" if self.is_valid else "invalid"

    @property
    def reason(self) -> str | None:
        """Why the run is invalid, in sentences; None if it is not."""
        return " ".join(flag.sentence for flag in self.flags if flag.invalidates) or None

    def as_record(self) -> list[dict[str, Any]]:
        """The record's ``flags``: name, sentence and whether it invalidates, of each."""
        return [asdict(flag) for flag in self.flags]


def judge(facts: RunFacts) -> Judgement:
    """Apply every rule of the table above."""
    found = [flag for rule in RULES if (flag := rule(facts)) is not None]
    return Judgement(flags=tuple(sorted(found, key=lambda flag: not flag.invalidates)))


def cold_not_proved(facts: RunFacts) -> Flag | None:
    """Cold is a claim about what did not happen: it is proved, or it is nothing."""
    if facts.cache_state != "cold" or facts.is_cache_proved:
        return None
    why = facts.cache_reason or "Nothing was recorded that could prove it."
    return _invalid("cold_not_proved", f"The caches were not proved to be cold. {why}")


def warm_not_proved(facts: RunFacts) -> Flag | None:
    """Warm is the usual state; only its refutation invalidates."""
    share = facts.resident_share
    if facts.cache_state != "warm" or (facts.is_cache_proved and share is None):
        return None
    if share is None:
        why = facts.cache_reason or "Nothing was recorded that could prove it."
        return _note("warm_not_proved", f"The caches were not proved to be warm. {why}")
    if share >= WARM_RESIDENT_SHARE:
        return None
    return _invalid(
        "warm_not_proved",
        f"The caches were not warm: {share:.1%} of the files' pages were in memory at the start, "
        f"less than {WARM_RESIDENT_SHARE:.0%}. Use fewer data, more memory, or 'cache: cold'.",
    )


def store_rate_off(facts: RunFacts) -> Flag | None:
    """A limited store must be neither slower nor faster than the scenario says."""
    asked, achieved = facts.store_bandwidth_bytes_per_s, facts.read_bytes_per_s
    if asked is None:
        return None
    if achieved is None:
        return _invalid(
            "store_rate_off",
            f"The store was to be read at {asked / 1e6:g} MB/s, but its rate was not measured.",
        )
    if abs(achieved - asked) <= STORE_RATE_TOLERANCE * asked:
        return None
    return _invalid(
        "store_rate_off",
        f"The store was read at {achieved / 1e6:.1f} MB/s instead of {asked / 1e6:g} MB/s, which "
        f"is more than {STORE_RATE_TOLERANCE:.0%} off: the disk is slower than that, or the "
        "machine was busy.",
    )


def memory_limit_missing(facts: RunFacts) -> Flag | None:
    """A limit that nobody enforces is none."""
    if facts.memory_limit_bytes is None or facts.memory_mechanism is not None:
        return None
    return _invalid(
        "memory_limit_missing",
        f"Nothing on this machine enforced the memory limit of {facts.memory_limit_bytes} bytes; "
        "'alsatian-bench doctor' says what it takes.",
    )


def memory_limit_weaker(facts: RunFacts) -> Flag | None:
    """A limit per process lets children and the page cache through."""
    if facts.memory_limit_bytes is None or not facts.is_memory_limit_weaker:
        return None
    return _note(
        "memory_limit_weaker",
        f"The memory limit was enforced by {facts.memory_mechanism} only: for each process by "
        "itself, without the page cache.",
    )


def cores_not_pinned(facts: RunFacts) -> Flag | None:
    """As many cores as asked for, no others."""
    if facts.cores is None or facts.pinned_cores == facts.cores:
        return None
    had = "was not pinned" if facts.pinned_cores is None else f"was pinned to {facts.pinned_cores}"
    return _invalid(
        "cores_not_pinned", f"The run was to be pinned to {facts.cores} cores, but it {had}."
    )


def phases_incomplete(facts: RunFacts) -> Flag | None:
    """Time that no phase owns, or that two own, makes every breakdown wrong."""
    if facts.wall_s is None or facts.phases_s is None:
        return None
    if abs(facts.phases_s - facts.wall_s) <= PHASES_TOLERANCE * facts.wall_s + PHASES_FLOOR_S:
        return None
    return _invalid(
        "phases_incomplete",
        f"The phases sum to {facts.phases_s:.4g} s of {facts.wall_s:.4g} s, more than "
        f"{PHASES_TOLERANCE:.0%} off.",
    )


def gpu_throttled(facts: RunFacts) -> Flag | None:
    """Heat and failing hardware: not a property of the system that ran."""
    share = facts.throttled_share
    if not share:
        return None
    reasons = f" ({', '.join(facts.throttle_reasons)})" if facts.throttle_reasons else ""
    return Flag(
        name="gpu_throttled",
        sentence=f"The GPU's clocks were held down in {share:.1%} of its samples{reasons}.",
        invalidates=share > THROTTLED_INVALID_SHARE,
    )


def gpu_power_capped(facts: RunFacts) -> Flag | None:
    """Usual for GPUs under full load, and the same for all systems."""
    share = facts.power_capped_share
    if share is None or share <= POWER_CAPPED_SHARE:
        return None
    return _note(
        "gpu_power_capped",
        f"The GPU was at its power limit in {share:.1%} of its samples.",
    )


def gpu_shared(facts: RunFacts) -> Flag | None:
    """What another process takes of a GPU cannot be told apart."""
    if not facts.foreign_gpu_processes:
        return None
    return _invalid(
        "gpu_shared",
        f"{facts.foreign_gpu_processes} other processes computed on the run's GPU: end them, or "
        "choose another GPU.",
    )


def allocator_retried(facts: RunFacts) -> Flag | None:
    """Part of life near a memory limit, but it costs time."""
    if not facts.allocator_retries:
        return None
    return _note(
        "allocator_retried",
        f"The GPU's allocator had to free its cache {facts.allocator_retries} times to go on.",
    )


def swapped(facts: RunFacts) -> Flag | None:
    """Pages of anybody: the disk and the memory are shared."""
    if not facts.swapped_bytes:
        return None
    return Flag(
        name="swapped",
        sentence=f"The machine swapped {facts.swapped_bytes / 2**20:.1f} MiB during the run.",
        invalidates=facts.swapped_bytes > SWAPPED_INVALID_BYTES,
    )


def machine_busy(facts: RunFacts) -> Flag | None:
    """Other processes take processors, caches and memory bandwidth."""
    share, held_up = facts.others_share, facts.held_up_share or 0.0
    if share is None or (share <= BUSY_SHARE and held_up <= HELD_UP_SHARE):
        return None
    held = f", {held_up:.1%} of the time of a core that was needed" if held_up else ""
    return Flag(
        name="machine_busy",
        sentence=f"Other processes took {share:.1%} of the machine's processor time{held}.",
        invalidates=share > BUSY_INVALID_SHARE or held_up > HELD_UP_INVALID_SHARE,
    )


def processors_stolen(facts: RunFacts) -> Flag | None:
    """The same, seen from inside a virtual machine."""
    share = facts.stolen_share
    if share is None or share <= STOLEN_SHARE:
        return None
    return Flag(
        name="processors_stolen",
        sentence=f"The hypervisor gave {share:.1%} of the machine's processor time to others.",
        invalidates=share > STOLEN_INVALID_SHARE,
    )


def not_watched(facts: RunFacts) -> Flag | None:
    """Without samples, half of these rules see nothing."""
    if not facts.is_telemetry_asked or facts.samples:
        return None
    return _note(
        "not_watched",
        "Telemetry was asked for, but there is no sample: nobody knows what disturbed the run.",
    )


def samples_missing(facts: RunFacts) -> Flag | None:
    """What happened in a gap is unknown; a stopped sampler hints at a stopped machine."""
    gap_s, interval_s = facts.longest_gap_s, facts.interval_s
    if gap_s is None or interval_s is None or gap_s <= max(GAP_S, GAP_INTERVALS * interval_s):
        return None
    return _note(
        "samples_missing",
        f"For {gap_s:.1f} s there was no sample, instead of one every {interval_s:g} s.",
    )


Rule = Callable[[RunFacts], Flag | None]

RULES: tuple[Rule, ...] = (
    cold_not_proved,
    warm_not_proved,
    store_rate_off,
    memory_limit_missing,
    memory_limit_weaker,
    cores_not_pinned,
    phases_incomplete,
    gpu_throttled,
    gpu_power_capped,
    gpu_shared,
    allocator_retried,
    swapped,
    machine_busy,
    processors_stolen,
    not_watched,
    samples_missing,
)
"""In the order of the table; each is named as its flag."""


def _invalid(name: str, sentence: str) -> Flag:
    return Flag(name=name, sentence=sentence, invalidates=True)


def _note(name: str, sentence: str) -> Flag:
    return Flag(name=name, sentence=sentence, invalidates=False)
