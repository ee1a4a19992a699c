"""Base: what most people do. Every model sees every item."""

from __future__ import annotations

from systems.api import SearchRequest, SearchResult
from systems.session import SearchSession
from systems.substrate import Substrate


class Baseline:
    """One model after another: extract all test and train items, score (paper, section 2)."""

    def search(self, request: SearchRequest, substrate: Substrate) -> SearchResult:
        """Rank the models by their scores on all train items."""
        session = SearchSession(request, substrate)
        everything = range(len(substrate.split.train))
        models = len(request.model_ids)
        session.work = models * len(substrate.dataset.labels)
        for number, model_id in enumerate(request.model_ids, 1):
            session.stage = f"model {number} of {models}"
            session.extract([model_id], with_test=True, chunk=everything)
            session.score([model_id], round_number=1)
            session.retain(())
        return session.result()
