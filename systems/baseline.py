"""Base: what most people do. Every model sees every item."""

from __future__ import annotations

from systems.api import SearchRequest, SearchResult
from systems.session import SearchSession
from systems.substrate import Substrate


class Baseline:
    """One model after another: extract all test and train items, score (paper, section 2)."""

    def search(self, request: SearchRequest, substrate: Substrate) -> SearchResult:
        """Rank the models by their scores on all train items."""
        with SearchSession(request, substrate) as session:
            everything = range(len(substrate.split.train))
            models = len(request.model_ids)
            session.work = models * len(substrate.dataset.labels)
            session.stage = f"model 1 of {models}"
            one_by_one = [[model_id] for model_id in request.model_ids]
            done = session.extract(one_by_one, with_test=True, chunk=everything)
            for number, model in enumerate(done, 1):
                session.score(model, round_number=1)
                session.forget(model)
                session.stage = f"model {min(number + 1, models)} of {models}"
            return session.result()
