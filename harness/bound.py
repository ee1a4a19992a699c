"""The time bound of a run, put together from its own spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from harness.trace import Span
from systems.api import SearchResult
from systems.data.transform import Transform
from systems.planning.task_tree import TaskTree, build_task_tree
from systems.planning.time_bound import TimeBound, inference_bound_s, needed_executions
from systems.substrate import Substrate

NEEDED_SPANS = ("inference", "prepare_data", "proxy_scoring")


def time_bound(
    result: SearchResult,
    substrate: Substrate,
    spans: Sequence[Span],
    *,
    background: Sequence[Span] = (),
) -> TimeBound | None:
    """The seconds that the run's search needs at least; None for another search than halving.

    Counted: what the search needs. Timed: by the medians of what this run did, one for each
    kind of work (block architecture and batch size; transform of the items; block read). The
    bound therefore shows work that was done twice, waiting and outliers; work that was slow
    throughout is slow in the bound too. Of several runs of one search, the least bound is
    the best (``reports.comparison``).

    ``spans`` are those of the critical path, ``background`` those of other threads. A block
    may have been read by either; that it was read while something else was computed does not
    take it out of the bound, which is a sum.
    """
    chunks = substrate.schedule(len(substrate.models)).chunks
    is_halving = len(result.round_models) <= len(chunks) and all(
        answer.round <= len(chunks) and answer.train_items == chunks[answer.round - 1].stop
        for answer in result.ranking
    )
    spans = [span for span in spans if _is_described(span)]
    by_phase = {phase: [s for s in spans if s.phase == phase] for phase in NEEDED_SPANS}
    refs = {ref.hash: ref for model in substrate.models.values() for ref in model.blocks}
    reads: dict[str, list[float]] = {ref.architecture: [] for ref in refs.values()}
    for span in [*spans, *background]:
        if (
            span.phase == "prepare_model"
            and span.attributes.get("block") in reads
            and "bytes" in span.attributes
        ):
            reads[span.attributes["block"]].append(_seconds(span))
    if not is_halving or not all(by_phase.values()) or not all(reads.values()):
        return None
    architecture = {block: ref.architecture for block, ref in refs.items()}
    measured = [
        (architecture[span.attributes["block"]], span.attributes["items"], _seconds(span))
        for span in by_phase["inference"]
        if span.attributes["block"] in architecture
    ]
    needed = needed_executions(_rounds(result, substrate), architecture=architecture)
    if not needed.keys() <= {(kind, items) for kind, items, _ in measured}:
        return None
    return TimeBound(
        inference_s=inference_bound_s(needed, measured),
        proxy_scoring_s=sum(_seconds(span) for span in by_phase["proxy_scoring"]),
        prepare_data_s=_items_s(by_phase["prepare_data"], _needed_items(result, substrate)),
        prepare_model_s=sum(median(reads[ref.architecture]) for ref in refs.values()),
    )


_DESCRIBED = {"inference": ("block", "items"), "prepare_data": ("items",)}


def _is_described(span: Span) -> bool:
    """Whether it says what it was for; spans of plug-ins need not."""
    return all(span.attributes.get(name) for name in _DESCRIBED.get(span.phase, ()))


def _items_s(spans: Sequence[Span], needed: Mapping[str, int]) -> float:
    """Seconds to prepare the ``needed`` items, by transform, once each.

    Items that were decoded before are ready at once: what decoded them counts, where any did.
    """
    made: dict[str | None, list[float]] = {}
    ready: dict[str | None, list[float]] = {}
    for span in spans:
        by_transform = made if span.attributes.get("decodes", True) else ready
        each = by_transform.setdefault(span.attributes.get("transform"), [])
        each.append(_seconds(span) / span.attributes["items"])
    found = {
        transform: made.get(transform) or ready.get(transform) or made.get(None, [])
        for transform in needed
    }
    return sum(needed[transform] * median(each) for transform, each in found.items() if each)


def _needed_items(result: SearchResult, substrate: Substrate) -> Mapping[str, int]:
    """By transform: the items that its models needed in the rounds that they were in."""
    chunks = substrate.schedule(len(substrate.models)).chunks
    needed: dict[str, int] = {}
    for number, models in enumerate(result.round_models):
        items = len(chunks[number]) + (len(substrate.split.test) if number == 0 else 0)
        for transform in {substrate.transform_of(model).text for model in models}:
            needed[transform] = needed.get(transform, 0) + items
    return needed


def _rounds(result: SearchResult, substrate: Substrate) -> list[tuple[TaskTree, list[int]]]:
    """The task trees of each round's survivors, and the items of the round's batches.

    Models that read different inputs share nothing, so that each transform has its tree.
    """
    chunks = substrate.schedule(len(substrate.models)).chunks
    rounds = []
    for number, models in enumerate(result.round_models):
        chunk = chunks[number]
        batches = substrate.cut(substrate.split.train[chunk.start : chunk.stop])
        if number == 0:
            batches += substrate.cut(substrate.split.test)
        alike: dict[Transform, list[str]] = {}
        for model in models:
            alike.setdefault(substrate.transform_of(model), []).append(model)
        for group in alike.values():
            hashes = substrate.block_hashes(group)
            nothing = {block: 0 for blocks in hashes.values() for block in blocks}
            tree = build_task_tree(hashes, output_bytes=nothing, input_bytes=0)
            rounds.append((tree, [len(items) for items in batches]))
    return rounds


def _seconds(span: Span) -> float:
    return (span.end_ns - span.start_ns) / 1e9
