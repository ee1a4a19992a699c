"""SHiFT: successive halving over the models, each run alone."""

from __future__ import annotations

from collections.abc import Sequence

from systems.api import SearchRequest, SearchResult
from systems.baseline import Baseline
from systems.halving_choice import halving_pays
from systems.session import SearchSession
from systems.substrate import Substrate


class SuccessiveHalving:
    """Each round, the next and larger chunk for the better half (Renggli et al., 2022)."""

    def search(self, request: SearchRequest, substrate: Substrate) -> SearchResult:
        """Rank the models by the round in which they were eliminated, then by score."""
        if request.options.choose_search and not halving_pays(request, substrate):
            return Baseline().search(request, substrate)
        with SearchSession(request, substrate) as session:
            counts, chunks = session.schedule.model_counts, session.schedule.chunks
            session.work = counts[0] * len(substrate.split.test) + sum(
                models * len(chunk) for models, chunk in zip(counts, chunks, strict=True)
            )
            survivors: Sequence[str] = request.model_ids
            for number, chunk in enumerate(chunks, 1):
                is_decided = number > 1 and len(survivors) == 1
                if is_decided and request.options.stop_when_decided:
                    break
                session.stage = f"round {number} of {len(chunks)}, {len(survivors)} models"
                groups = self.together(survivors)
                for _ in session.extract(groups, with_test=number == 1, chunk=chunk):
                    pass
                scores = session.score(survivors, round_number=number)
                best_first = sorted(survivors, key=lambda m: (-scores[m], m))
                survivors = best_first[: max(1, len(survivors) // 2)]
                session.retain(survivors)
            return session.result()

    def together(self, survivors: Sequence[str]) -> list[Sequence[str]]:
        """The groups of models that share work: each model alone."""
        return [[model_id] for model_id in survivors]
