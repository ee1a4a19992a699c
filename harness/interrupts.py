"""Ctrl-C and TERM: what they do to a command, and when."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


def end_on_term() -> None:
    """TERM ends this process as Ctrl-C does: what it has started is ended first."""
    signal.signal(signal.SIGTERM, _interrupt)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C and TERM take effect after what is done inside, not in the middle of it.

    For starting a process and noting who ends it: an interruption between the two would
    leave the process to itself.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python handles signals in the main thread only
        return
    held: list[int] = []
    before = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        for sign in before:
            signal.signal(sign, lambda number, _: held.append(number))
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        for number in held:
            signal.raise_signal(number)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
