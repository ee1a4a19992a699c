"""One measurement at a time on a machine: two at once would measure each other."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.claims import Claim

_POLL_S = 0.2


@contextmanager
def only_one_measures(on_wait: Callable[[], None]) -> Iterator[None]:
    """Wait until no other command of this user measures or draws, then hold the machine.

    ``on_wait`` is called once if there is something to wait for. The hold ends with the
    process that has it, however that ends.
    """
    path = Path(tempfile.gettempdir()) / f"alsatian-bench-{os.getuid()}" / "measuring"
    claim = Claim.take(path)
    if claim is None:
        on_wait()
    while claim is None:
        time.sleep(_POLL_S)
        claim = Claim.take(path)
    with claim:
        yield
