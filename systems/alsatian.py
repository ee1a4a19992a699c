"""Alsatian: the same search as SHiFT, each shared block computed once.

``alsatian-paper`` and ``alsatian`` are this one class with other options (see
``systems.registry``), so that every addition to the paper is an ablation.
"""

from __future__ import annotations

from collections.abc import Sequence

from systems.session import SearchSession
from systems.successive_halving import SuccessiveHalving


class Alsatian(SuccessiveHalving):
    """All survivors form one task tree (Strassenburg, Glavic and Rabl, SIGMOD 2025)."""

    def extract(
        self, session: SearchSession, survivors: Sequence[str], *, with_test: bool, chunk: range
    ) -> None:
        """All survivors together."""
        session.extract(survivors, with_test=with_test, chunk=chunk)
