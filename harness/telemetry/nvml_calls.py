"""The calls to NVML behind each counter of a device, newest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pynvml

Read = Callable[[Any], tuple[float | int | None, ...]]


def _memory(handle: Any) -> tuple[int]:
    return (pynvml.nvmlDeviceGetMemoryInfo(handle).used,)


def _utilisation(handle: Any) -> tuple[float, float]:
    rates = pynvml.nvmlDeviceGetUtilizationRates(handle)
    return rates.gpu / 100, rates.memory / 100


def instant_power(handle: Any) -> tuple[float]:
    """Power of the moment: from driver 525 on, where the device offers it."""
    (value,) = pynvml.nvmlDeviceGetFieldValues(handle, [pynvml.NVML_FI_DEV_POWER_INSTANT])
    if value.nvmlReturn != pynvml.NVML_SUCCESS:
        raise pynvml.NVMLError(value.nvmlReturn)
    return (value.value.uiVal / 1e3,)


def _mean_power(handle: Any) -> tuple[float]:
    return (pynvml.nvmlDeviceGetPowerUsage(handle) / 1e3,)


def _energy(handle: Any) -> tuple[float]:
    return (pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3,)


def _clocks(handle: Any) -> tuple[int, int]:
    return (
        pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM) * 1_000_000,
        pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM) * 1_000_000,
    )


def _event_reasons(handle: Any) -> tuple[int]:
    return (pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle),)


def _throttle_reasons(handle: Any) -> tuple[int]:
    return (pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),)


def _temperature(handle: Any) -> tuple[float]:
    return (float(pynvml.nvmlDeviceGetTemperatureV(handle, pynvml.NVML_TEMPERATURE_GPU)),)


def _old_temperature(handle: Any) -> tuple[float]:
    return (float(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),)


def _pcie(direction: int) -> Read:
    def read(handle: Any) -> tuple[int]:
        return (pynvml.nvmlDeviceGetPcieThroughput(handle, direction) * 1024,)

    return read


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Counters of one call: the first of ``reads`` that the driver knows is used."""

    names: tuple[str, ...]
    reads: tuple[Read, ...]


FAST = (
    Reader(names=("memory_used_bytes",), reads=(_memory,)),
    Reader(names=("utilisation", "memory_utilisation"), reads=(_utilisation,)),
    Reader(names=("power_w",), reads=(instant_power, _mean_power)),
    Reader(names=("energy_j",), reads=(_energy,)),
    Reader(names=("sm_clock_hz", "memory_clock_hz"), reads=(_clocks,)),
    Reader(names=("throttle_reasons",), reads=(_event_reasons, _throttle_reasons)),
)
TEMPERATURE = Reader(names=("temperature_c",), reads=(_temperature, _old_temperature))
PCIE = (
    Reader(names=("pcie_sent_bytes_per_s",), reads=(_pcie(pynvml.NVML_PCIE_UTIL_TX_BYTES),)),
    Reader(names=("pcie_received_bytes_per_s",), reads=(_pcie(pynvml.NVML_PCIE_UTIL_RX_BYTES),)),
)
"""Each call lasts the 20 ms over which it counts."""


def _processes(handle: Any) -> tuple[int, ...]:
    return tuple(entry.pid for entry in pynvml.nvmlDeviceGetComputeRunningProcesses(handle))


def _old_processes(handle: Any) -> tuple[int, ...]:
    return tuple(entry.pid for entry in pynvml.nvmlDeviceGetComputeRunningProcesses_v2(handle))


def asked(call: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or None where NVML has none."""
    try:
        return call(*arguments)
    except (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError):
        return None


PROCESSES = Reader(names=("processes", "foreign_processes"), reads=(_processes, _old_processes))
"""Answers process numbers, as many as there are; the counts are the caller's."""
