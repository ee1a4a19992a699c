"""Which devices a run can use: all, or what CUDA_VISIBLE_DEVICES leaves; MIG instances too."""

from __future__ import annotations

import os
from collections.abc import Iterable

import pynvml

from harness.telemetry.nvml import Device, Gpus
from harness.telemetry.nvml_calls import asked


def open_gpus() -> tuple[Gpus | None, str | None]:
    """The devices that CUDA would see with this environment; or None, and why not."""
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
    except (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError) as error:
        return None, str(error)
    chosen = _visible(list(_all_devices(count)))
    if not chosen:
        return None, "There is no device." if not count else "CUDA_VISIBLE_DEVICES hides all."
    return Gpus(chosen), None


def driver_version() -> str | None:
    """Version of the loaded driver."""
    return asked(pynvml.nvmlSystemGetDriverVersion)


def _all_devices(count: int) -> Iterable[Device]:
    for index in range(count):
        handle = asked(pynvml.nvmlDeviceGetHandleByIndex, index)
        if handle is None:
            continue
        yield Device(place=f"gpu{index}", handle=handle)
        mode = asked(pynvml.nvmlDeviceGetMigMode, handle)
        if mode is None or mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
            continue
        for slot in range(asked(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
            instance = asked(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, slot)
            if instance is not None:
                yield Device(place=f"gpu{index}.mig{slot}", handle=instance)


def _visible(devices: list[Device]) -> list[Device]:
    """Those that CUDA_VISIBLE_DEVICES names; an instance brings its device along."""
    variable = os.environ.get("CUDA_VISIBLE_DEVICES")
    if variable is None:
        return devices
    uuids = {device.place: asked(pynvml.nvmlDeviceGetUUID, device.handle) for device in devices}
    places: set[str] = set()
    for name in (part.strip() for part in variable.split(",")):
        if name.isdigit():
            if not _numbers_are_nvmls(devices):
                return devices
            places.add(f"gpu{name}")
            continue
        if not name.startswith(("GPU-", "MIG-")):
            break  # CUDA too stops at the first name that it does not know
        places.update(place for place, uuid in uuids.items() if uuid and uuid.startswith(name))
    parents = {place.partition(".")[0] for place in places}
    return [
        device
        for device in devices
        if device.place in places | parents or device.place.partition(".")[0] in places
    ]


def _numbers_are_nvmls(devices: list[Device]) -> bool:
    """Whether CUDA numbers devices as NVML does: not if it puts the fastest first."""
    if os.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID":
        return True
    names = [asked(pynvml.nvmlDeviceGetName, each.handle) for each in devices]
    return len({n for n, each in zip(names, devices, strict=True) if "." not in each.place}) == 1
