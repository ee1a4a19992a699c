"""A device that computes in a simulated stream, with a clock of its own."""

from __future__ import annotations

import numpy as np


class FakeDevice:
    """One stream. ``now_ns`` is the host's clock; the device's runs off by ``drift_ppm``."""

    def __init__(self, *, drift_ppm: float = 0.0) -> None:
        self.now_ns = 5_000_000_000
        self.waits = 0
        self._free_ns = 0
        self._rate = 1 + drift_ppm / 1e6

    def clock(self) -> int:
        return self.now_ns

    def host_works(self, ns: int) -> None:
        self.now_ns += ns

    def launch(self, ns: int) -> None:
        """Give the stream work; the host goes on at once."""
        self._free_ns = max(self._free_ns, self.now_ns) + ns

    def wait(self) -> None:
        """The host waits until the stream is idle, as when it reads a result."""
        self.now_ns = max(self.now_ns, self._free_ns)

    def record_event(self) -> FakeEvent:
        return FakeEvent(self, max(self._free_ns, self.now_ns) * self._rate / 1e6)

    def wait_until(self, event_ms: float) -> None:
        self.waits += 1
        self.now_ns = max(self.now_ns, round(event_ms * 1e6 / self._rate)) + 4_000


class FakeEvent:
    """As ``torch.cuda.Event``: tells distances in float32 milliseconds."""

    def __init__(self, device: FakeDevice, passed_ms: float) -> None:
        self._device = device
        self._passed_ms = passed_ms

    def synchronize(self) -> None:
        self._device.wait_until(self._passed_ms)

    def elapsed_time(self, end_event: FakeEvent) -> float:
        return float(np.float32(end_event._passed_ms - self._passed_ms))
