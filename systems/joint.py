"""Joint: all models executed as one, without halving."""

from __future__ import annotations

from systems.api import SearchRequest, SearchResult
from systems.session import SearchSession
from systems.substrate import Substrate


class Joint:
    """The full search of Base over the task tree of Alsatian: every model, every item, and
    each shared block computed once, as one model with several tails and heads.

    The joint models of the paper's bottleneck experiments; beside Base it shows what sharing
    gains alone, beside Alsatian what halving gains.
    """

    def search(self, request: SearchRequest, substrate: Substrate) -> SearchResult:
        """Rank the models by their scores on all train items."""
        with SearchSession(request, substrate) as session:
            models = request.model_ids
            everything = range(len(substrate.split.train))
            session.work = len(models) * len(substrate.dataset.labels)
            session.stage = f"{len(models)} models as one"
            for _ in session.extract([models], with_test=True, chunk=everything):
                pass
            session.score(models, round_number=1)
            return session.result()
