"""Probes: measurements beside searches, such as the time of one block or of loading a model.

A *probe* is a class with a ``measure`` method. It is named on the ``system`` axis of a
scenario, created without arguments, and run once in a fresh process, like a search, with the
same ``Substrate``, so that what it measures is what searches do. It gives *readings*: flat
rows of texts, numbers, yes or no, and None for what is not known. To add one, write such a
class and list a ``SystemInfo`` of the kind ``probe`` for it in ``systems.registry``, or offer
that through an entry point of the group ``alsatian_bench.systems``; its name begins with
``probe-``.

A probe must

- use the substrate's own loader, blocks, skeletons and head training;
- repeat what it times (``systems.probes.timing``), and give the median and, in columns of the
  same name with ``low_`` and ``high_`` before it, the quartiles, beside ``repeats``;
- name units in its columns (``time_s``, ``file_bytes``, ``items_per_s``), and give the rows of
  equal requests the same columns and order, so that rounds can be laid side by side;
- wrap its work in ``tracer.span`` of the fitting phase. What it leaves out is charged to
  ``plan``: setting up is all that is left.

Unlike a search, a probe may wait for the device: it times single steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from systems.api import SearchRequest
    from systems.substrate import Substrate

Reading = Mapping[str, str | int | float | bool | None]
"""One row: the columns that say what it is of, then what was measured."""


class Probe(Protocol):
    """Measures single steps; see the package's text for the contract."""

    def measure(self, request: SearchRequest, substrate: Substrate) -> Sequence[Reading]:
        """The readings on the models and data of the request."""
        ...
