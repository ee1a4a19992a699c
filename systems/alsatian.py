"""Alsatian: the same search as SHiFT, each shared block computed once.

``alsatian-paper`` and ``alsatian`` are this one class with other options (see
``systems.registry``), so that every addition to the paper is an ablation.
"""

from __future__ import annotations

from collections.abc import Sequence

from systems.successive_halving import SuccessiveHalving


class Alsatian(SuccessiveHalving):
    """All survivors form one task tree (Strassenburg, Glavic and Rabl, SIGMOD 2025)."""

    def together(self, survivors: Sequence[str]) -> list[Sequence[str]]:
        """The groups of models that share work: all in one."""
        return [survivors]
