"""Why a device holds its clocks down: NVML's bits by name."""

from __future__ import annotations

THROTTLE_REASONS = {
    0x001: "idle",
    0x002: "applications clocks setting",
    0x004: "software power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "hardware power brake",
    0x100: "display clock setting",
    0x200: "board limit",
    0x400: "reliability voltage",
}
"""Bits of ``throttle_reasons``."""


def reasons_in(mask: int) -> tuple[str, ...]:
    """The names of the bits in ``mask``; unknown ones by their number."""
    return tuple(
        THROTTLE_REASONS.get(1 << bit, f"bit {bit}")
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    )
