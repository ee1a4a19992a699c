"""Measures this machine's hardware profile: ``alsatian-bench doctor --calibrate``."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy.optimize import nnls

from harness.finding import Finding
from harness.hardware_profiles import calibrated_path, read_profile, write_profile
from harness.limits import confine
from harness.supervisor import Conditions, Listener, run_worker
from systems.errors import BenchError, ConfigurationError
from systems.planning.hardware_profile import DEFAULT, FALLBACK, HardwareProfile

NAME = "calibrated"
FASTEST = 1e15
"""Bytes or operations per second of what is too fast to be seen in the samples."""
REWEIGHTED, SMALLEST_ERROR = 30, 0.01
"""Rounds of fitting, and the relative error below which all samples count alike."""

Sample = Mapping[str, Any]


def calibrate(*, cache: Path, device: str, on_event: Listener) -> tuple[HardwareProfile, Path]:
    """Measure, and keep the profile for this class of machines; and where that is.

    Takes less than a minute. The caller sees to it that nothing else measures meanwhile.

    Raises:
        ConfigurationError: there is no such device.
        BenchError: the measurement failed.
    """
    cache.mkdir(parents=True, exist_ok=True)
    walls = confine(memory_bytes=None, cores=None, store_bandwidth=None, store_path=cache)
    with tempfile.TemporaryDirectory(prefix=".calibration-", dir=cache) as folder, walls:
        outcome = run_worker(
            {"kind": "calibrate", "device": device, "cache": str(cache)},
            folder=Path(folder),
            conditions=Conditions(walls=walls),
            on_event=on_event,
        )
    if outcome.result.get("is_configuration"):
        raise ConfigurationError(str(outcome.reason))
    if outcome.status != "ok":
        raise BenchError(f"The machine could not be measured: {outcome.reason}")
    samples = outcome.result["calibration"]
    profile = profile_of(samples, device=device)
    path = calibrated_path(cache, device)
    write_profile(profile, path)
    return profile, path


def findings(cache: Path) -> Sequence[Finding]:
    """Whether this class of machines was measured, for the doctor."""
    path = calibrated_path(cache, "cpu")
    if not path.is_file():
        detail = "never measured: plans and predictions go by a guess"
        remedy = "alsatian-bench doctor --calibrate"
        return [Finding(subject="hardware profile", verdict="no", detail=detail, remedy=remedy)]
    return [Finding(subject="hardware profile", verdict="yes", detail=read_profile(path).title)]


def profile_of(samples: Mapping[str, Any], *, device: str = "cpu") -> HardwareProfile:
    """The profile that fits the samples of ``harness.calibration_job`` best."""
    execution_s, memory, operations = _executions(samples["executions"])
    block_read_s, store, reread = _reads(samples["reads"])
    head_start_s, head_step_s, head_operations = _solved(
        samples["heads"], [lambda s: 1.0, lambda s: s["steps"], lambda s: s["operations"]]
    )
    (per_byte_s,) = _solved(samples["preparations"], [lambda s: s["bytes"]])
    decodes = samples["decodes"]
    return HardwareProfile(
        name=NAME,
        title=f"This machine, measured on {device} with {samples['threads']} threads",
        operations_per_s=operations,
        memory_bytes_per_s=memory,
        memory_size_bytes=samples["memory_size_bytes"],
        execution_s=execution_s,
        store_bytes_per_s=store,
        reread_bytes_per_s=reread,
        paces_rereads=True,  # as runs do: a block that is read again is paid for again
        block_read_s=block_read_s,
        decode_item_s={**decodes, DEFAULT: max(decodes.values())},
        prepare_bytes_per_s=_rate(per_byte_s),
        head_start_s=head_start_s,
        head_step_s=head_step_s,
        head_operations_per_s=_rate(head_operations),
        plan_vertex_s=samples["plan_vertex_s"],
        bookkeeping_s=FALLBACK.bookkeeping_s,
        threads=samples["threads"],
    )


def _executions(samples: Sequence[Sample]) -> tuple[float, float, dict[str, float]]:
    """Latency, memory rate, and rate of operations by family."""
    families = sorted({sample["family"] for sample in samples})
    of_family = [
        lambda s, family=family: s["operations"] * (s["family"] == family) for family in families
    ]
    latency_s, per_byte_s, *per_operation_s = _solved(
        samples, [lambda s: 1.0, lambda s: s["moved_bytes"], *of_family]
    )
    rates = {
        family: _rate(seconds) for family, seconds in zip(families, per_operation_s, strict=True)
    }
    return latency_s, _rate(per_byte_s), {**rates, DEFAULT: median(rates.values())}


def _reads(samples: Sequence[Sample]) -> tuple[float, float, float]:
    """Latency of a read, rate of a first one, rate of a further one."""
    latency_s, first_s, again_s = _solved(
        samples,
        [lambda s: 1.0, lambda s: s["bytes"] * (not s["again"]), lambda s: s["bytes"] * s["again"]],
    )
    return latency_s, _rate(first_s), _rate(again_s)


def _solved(samples: Sequence[Sample], terms: Sequence[Any]) -> list[float]:
    """The factors ≥ 0 of ``terms`` whose sums are nearest to the samples' seconds.

    Relative errors count, so that short samples are not drowned by long ones, and their
    absolute values, not their squares, so that some disturbed samples do little harm:
    non-negative least squares (Lawson and Hanson 1974), reweighted again and again by the
    inverse of the last errors.
    """
    seconds = np.array([sample["seconds"] for sample in samples])
    columns = np.array([[float(term(sample)) for term in terms] for sample in samples])
    # Columns are brought to one scale first: bytes and operations are some 10⁹, latencies 1.
    scale = columns.max(axis=0)
    rows = columns / scale / seconds[:, None]
    weights = np.ones(len(rows))
    factors = np.zeros(len(terms))
    for _ in range(REWEIGHTED):
        factors, _ = nnls(rows * weights[:, None], weights)
        weights = 1 / np.sqrt(np.maximum(np.abs(rows @ factors - 1), SMALLEST_ERROR))
    return [float(factor) for factor in factors / scale]


def _rate(seconds_each: float) -> float:
    return min(FASTEST, 1 / seconds_each) if seconds_each > 0 else FASTEST
