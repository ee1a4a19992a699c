"""Run a model without one of its submodules, leaving it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def without(model: nn.Module, name: str, *, put: nn.Module | None) -> Iterator[None]:
    """Put ``put`` in the place of the submodule ``name`` for the time of the context."""
    removed = getattr(model, name)
    setattr(model, name, put)
    try:
        yield
    finally:
        setattr(model, name, removed)
