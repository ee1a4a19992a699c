"""The plug-in contract: what a model search system is asked, and what it must answer.

A *system* is a class with a ``search`` method. It is created without arguments, asked for
one search in a fresh process, and given the ``Substrate`` that all systems share (store,
loader, blocks, head training, tracer), so that systems differ only in what they share
between models and in which order they work. To add one, write such a class and either list
a ``SystemInfo`` for it in ``systems.registry`` or offer that through an entry point of the
group ``alsatian_bench.systems``.

A system must

- use the batches of the substrate as they are cut (``Substrate.cut``): budgets and schedules
  may split work between batches, never inside one;
- wrap all of its work in ``tracer.span`` of the fitting phase, and never synchronise a
  device in order to measure; inference spans carry ``block`` (its hash) and ``items``;
- answer with a ``ModelAnswer`` for each model, with a ``Fingerprint`` of its features on the
  test items and on each halving chunk that it has seen, so that the harness can tell whether
  two systems gave the same answer.

``systems.session.SearchSession`` does all of that: ``extract`` features of groups of models over
a chunk, each group laid together in a task tree; ``score`` them; ``retain`` the survivors; and
ask for the ``result``. The three systems here are little more than an order of these calls. A
system that does without it counts its work itself (``tracer.count``): ``operations``,
``block_executions``, ``items_inferred``, ``items_decoded``, ``items_resized``, ``blocks_read``,
``bytes_read``; what is not counted is null in the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from systems.planning.plan import Schedule
from systems.planning.planner import Planning, TraversalName

if TYPE_CHECKING:
    from systems.substrate import Substrate


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """What a system may share and in which order it works; each is one ablation."""

    schedule: Schedule = "batch_major"
    traversal: TraversalName = "dfs_plus"
    in_place: bool = False
    """Plan with a parent's batches giving way to its last child one by one, as they do."""
    siblings_together: bool = False
    """Compute small children right after their parent, so that it need not be kept whole."""
    recompute: bool = False
    """Compute again, where that is cheaper than to keep."""
    cache_budget_bytes: int | None = None
    """Bytes of intermediates that may be resident at once; None: no limit."""
    memory_budget_bytes: int | None = None
    """Bytes of parameters, intermediates and scratch memory of blocks that may be there together;
    None: no limit, or what the machine has where the planner chooses the schedule."""
    decode_once: bool = False
    """Keep decoded items (compact, uint8) for later rounds and models."""
    keep_blocks: bool = False
    """Keep parameters on the device until no surviving model needs them."""
    prefetch: bool = False
    """Load blocks ahead, in the order of the plan, while others compute."""
    prefetch_budget_bytes: int | None = None
    """Bytes that may be loaded ahead of their use; None: ``AHEAD_BYTES`` of
    ``systems.execution.blocks``."""
    batched_heads: bool = False
    """Train the heads of a round in batched matrix products."""
    stop_when_decided: bool = False
    """Skip the round in which a single survivor would be scored."""
    choose_search: bool = False
    """Halve only where the cost model says that the full search would take longer."""

    def planning(self, *, memory_bytes: int | None) -> Planning:
        """What plans may do, with so much memory for parameters and intermediates."""
        return Planning(
            schedule=self.schedule,
            traversal=self.traversal,
            in_place=self.in_place,
            siblings_together=self.siblings_together,
            recompute=self.recompute,
            cache_budget_bytes=self.cache_budget_bytes,
            memory_budget_bytes=memory_bytes,
            prefetch=self.prefetch,
            keep_blocks=self.keep_blocks,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchRequest:
    """Which of these models is the best base to fine-tune for the substrate's data?"""

    model_ids: Sequence[str]
    options: SearchOptions


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """Proof of a model's features on one segment of the items."""

    items: int
    digest: str
    """BLAKE2b of the features' bytes, in item order."""
    sketch: Sequence[float]
    """32 fixed random projections in float64: near features have near sketches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelAnswer:
    """What a search found out about one model."""

    model_id: str
    score: float
    """Top-1 accuracy of the head on the test items, in the last round it took part in."""
    round: int
    """The last round in which the model was scored, from 1."""
    train_items: int
    """Train items that the score rests on."""
    segments: Mapping[str, Fingerprint]
    """By name: ``test``, ``chunk_1`` …"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """A ranking, best first, with the evidence for each model."""

    ranking: Sequence[ModelAnswer]
    round_models: Sequence[Sequence[str]]
    """The models that each round scored."""

    @property
    def winner(self) -> str:
        """The best model."""
        return self.ranking[0].model_id

    @property
    def tied(self) -> Sequence[str]:
        """All models as good as the winner: same round, same score."""
        best = self.ranking[0]
        return tuple(
            answer.model_id
            for answer in self.ranking
            if (answer.round, answer.score) == (best.round, best.score)
        )


def rank(answers: Sequence[ModelAnswer]) -> tuple[ModelAnswer, ...]:
    """Best first: by round of elimination (later is better), score in it, model id."""
    return tuple(sorted(answers, key=lambda a: (-a.round, -a.score, a.model_id)))


class SearchSystem(Protocol):
    """A model search system; see the module's text for the contract."""

    def search(self, request: SearchRequest, substrate: Substrate) -> SearchResult:
        """Rank ``request.model_ids``; everything in here is timed."""
        ...
