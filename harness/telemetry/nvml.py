"""NVIDIA devices through NVML: what each can tell, and why it cannot tell the rest.

Every counter is probed once. One that the driver, the device or our rights refuse stays
null with the reason in ``missing``; a passing error makes one null and is counted; a lost
device is not asked again. Two samplings: ``sample`` (what changes fast) and ``slow_sample``
(what changes slowly, or costs much: a PCIe reading lasts 20 ms).

No energy or utilisation for moments: power is instantaneous where the driver offers that
field (else a mean of up to 1 s), utilisation covers the last 1/6 to 1 s, the energy counter
moves every 20 to 100 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pynvml

from harness.telemetry.nvml_calls import (
    FAST,
    PCIE,
    PROCESSES,
    TEMPERATURE,
    Read,
    Reader,
    asked,
    instant_power,
)

Row = list[float | int | None]

_NEVER = frozenset(
    (
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
        pynvml.NVML_ERROR_INVALID_ARGUMENT,
    )
)
_LOST = frozenset(
    (
        pynvml.NVML_ERROR_GPU_IS_LOST,
        pynvml.NVML_ERROR_RESET_REQUIRED,
        pynvml.NVML_ERROR_GPU_NOT_FOUND,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_UNINITIALIZED,
    )
)
_INITIAL_PID_NAMESPACE = "pid:[4026531836]"
"""A constant of the kernel (PROC_PID_INIT_INO)."""


@dataclass(kw_only=True, slots=True)
class Device:
    """One device, or one MIG instance of a device, and what it has answered so far."""

    place: str
    """``gpu0``, ``gpu0.mig1``."""
    handle: Any
    lost: str | None = None
    """Why it is not asked any more."""
    chosen: dict[tuple[str, ...], Read | None] = field(default_factory=dict)
    """The call that serves each reader's counters; None where none does."""
    idle_pids: frozenset[int] = frozenset()
    """Who computed on it before the run did."""


class Gpus:
    """The devices that the worker can see; use :func:`nvml_devices.open_gpus`."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._devices = list(devices)
        self.missing: dict[str, str] = {}
        """Why a counter has no values."""
        self.errors: dict[str, int] = {}
        """Passing errors of each counter."""
        self.lost: dict[str, str] = {}
        """Why a device is not asked any more."""
        self._maps_pids = str(Path("/proc/self/ns/pid").readlink()) == _INITIAL_PID_NAMESPACE
        for device in self._devices:
            device.idle_pids = self._pids(device) or frozenset()

    @property
    def columns(self) -> list[str]:
        """What :meth:`sample` returns."""
        return [
            f"{device.place}.{name}"
            for device in self._devices
            for reader in FAST
            for name in reader.names
        ]

    @property
    def slow_columns(self) -> list[str]:
        """What :meth:`slow_sample` returns."""
        own = [name for reader in (TEMPERATURE, *PCIE, PROCESSES) for name in reader.names]
        return [f"{device.place}.{name}" for device in self._devices for name in own]

    def sample(self) -> Row:
        """Memory, utilisation, power, energy, clocks, throttling of each device."""
        return [
            value
            for device in self._devices
            for reader in FAST
            for value in self._read(device, reader)
        ]

    def slow_sample(self, own_pids: frozenset[int], *, turn: int | None = None) -> Row:
        """Temperature, PCIe and processes of each device.

        With ``turn`` (any number, counted up) PCIe is read on one device only, which takes
        40 ms: many devices would leave holes in everything else.
        """
        row: Row = []
        for number, device in enumerate(self._devices):
            is_its_turn = turn is None or turn % len(self._devices) == number
            row += self._read(device, TEMPERATURE)
            for reader in PCIE:
                row += self._read(device, reader) if is_its_turn else (None,)
            row += self._process_counts(device, own_pids)
        return row

    def describe(self) -> dict[str, dict[str, Any]]:
        """Name, UUID, memory in use now and in all, power limit: null where unknown."""
        facts = {}
        for device in self._devices:
            handle = device.handle
            memory = asked(pynvml.nvmlDeviceGetMemoryInfo, handle)
            limit_mw = asked(pynvml.nvmlDeviceGetPowerManagementLimit, handle)
            power = device.chosen.get(("power_w",))
            facts[device.place] = {
                "name": asked(pynvml.nvmlDeviceGetName, handle),
                "uuid": asked(pynvml.nvmlDeviceGetUUID, handle),
                "memory_bytes": None if memory is None else memory.total,
                "idle_bytes": None if memory is None else memory.used,
                "idle_processes": len(device.idle_pids),
                "power_limit_w": None if limit_mw is None else limit_mw / 1e3,
                "power_is_instant": None if power is None else power is instant_power,
            }
        return facts

    def _read(self, device: Device, reader: Reader) -> tuple[float | int | None, ...]:
        nothing = (None,) * len(reader.names)
        if device.lost:
            return nothing
        try:
            if reader.names not in device.chosen:
                return self._probe(device, reader)
            read = device.chosen[reader.names]
            return nothing if read is None else read(device.handle)
        except pynvml.NVMLError as error:
            self._note(device, reader.names, error)
            return nothing

    def _probe(self, device: Device, reader: Reader) -> tuple[float | int | None, ...]:
        """Find the call that this driver and device know, and make it."""
        reason = ""
        for read in reader.reads:
            try:
                values = read(device.handle)
            except pynvml.NVMLLibraryMismatchError as error:  # not an NVMLError
                reason = str(error)
            except pynvml.NVMLError as error:
                if error.value not in _NEVER:
                    raise  # says nothing about the next time
                reason = str(error)
            else:
                device.chosen[reader.names] = read
                return values
        device.chosen[reader.names] = None
        for name in reader.names:
            self.missing[f"{device.place}.{name}"] = reason
        return (None,) * len(reader.names)

    def _note(self, device: Device, names: tuple[str, ...], error: pynvml.NVMLError) -> None:
        if error.value in _LOST:
            device.lost = self.lost[device.place] = str(error)
            return
        for name in names:
            full = f"{device.place}.{name}"
            self.errors[full] = self.errors.get(full, 0) + 1

    def _pids(self, device: Device) -> frozenset[int] | None:
        pids = self._read(device, PROCESSES)
        return (
            None if pids == (None, None) else frozenset(int(pid) for pid in pids if pid is not None)
        )

    def _process_counts(
        self, device: Device, own_pids: frozenset[int]
    ) -> tuple[int | None, int | None]:
        pids = self._pids(device)
        if pids is None:
            return None, None
        foreign = foreign_processes(
            pids, own=own_pids, idle=device.idle_pids, is_translated=self._maps_pids
        )
        if foreign is None:
            self.missing[f"{device.place}.foreign_processes"] = (
                "NVML names processes by numbers of another namespace (a container)."
            )
        return len(pids), foreign


def foreign_processes(
    pids: frozenset[int], *, own: frozenset[int], idle: frozenset[int], is_translated: bool
) -> int | None:
    """How many of the device's ``pids`` are not the run's ``own``; None if nobody can tell.

    In a container NVML may name processes by the host's numbers, the run's own among them
    (``is_translated`` is False then). What was there before the run began (``idle``) is
    foreign in any case.
    """
    others = pids - own
    if is_translated or pids & own or not others:
        return len(others)
    return len(others & idle) or None
