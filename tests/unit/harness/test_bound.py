"""The time bound, counted by hand on a search of two models over six items."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

from harness.bound import time_bound
from harness.trace import Span
from systems.api import ModelAnswer, SearchResult
from systems.data.halving import cut, halving_schedule
from systems.store.store import BlockRef

REFS = {name: BlockRef(hash=name, architecture=f"arch/{name[0]}", tensor_bytes=100)
        for name in ("a", "b1", "b2")}  # fmt: skip


class Form(NamedTuple):
    """As much of a transform."""

    text: str


class Substrate:
    """As much of a substrate as the bound asks for: models a-b1 and a-b2, batches of 2."""

    models: ClassVar = {
        "m1": SimpleNamespace(blocks=(REFS["a"], REFS["b1"])),
        "m2": SimpleNamespace(blocks=(REFS["a"], REFS["b2"])),
    }
    split = SimpleNamespace(train=np.arange(2, 6), test=np.arange(2))
    dataset = SimpleNamespace(labels=np.zeros(6))

    def schedule(self, models: int) -> Any:
        return halving_schedule(models, train_items=4)

    def cut(self, items: np.ndarray) -> list[np.ndarray]:
        return cut(items, 2)

    def transform_of(self, model_id: str) -> Form:
        return Form(text="64 px")

    def block_hashes(self, model_ids: list[str]) -> dict[str, tuple[str, ...]]:
        return {m: tuple(ref.hash for ref in self.models[m].blocks) for m in model_ids}


def answer(model: str, **changes: Any) -> ModelAnswer:
    values = {"score": 1.0, "round": 1, "train_items": 4, "segments": {}, **changes}
    return ModelAnswer(model_id=model, **values)


RESULT = SearchResult(ranking=(answer("m1"), answer("m2")), round_models=[("m1", "m2")])


def span(phase: str, seconds: float, **attributes: Any) -> Span:
    return Span(phase, 0, round(seconds * 1e9), attributes)


# What a wasteful system did: block a twice per batch, everything read twice, data twice.
SPANS = [
    *(span("inference", t, block="a", items=2) for t in (1.0, 1.0, 1.0, 1.0, 1.0, 70.0)),
    *(span("inference", t, block="b1", items=2) for t in (3.0, 3.0, 3.0)),
    *(span("inference", t, block="b2", items=2) for t in (5.0, 5.0, 5.0)),
    *(span("prepare_data", 0.2, items=2) for _ in range(6)),
    *(span("prepare_model", 0.5, block="arch/a", bytes=100) for _ in range(2)),
    *(span("prepare_model", t, block="arch/b", bytes=100) for t in (0.25, 0.25)),
    span("prepare_model", 9.0),  # dropping blocks
    span("proxy_scoring", 0.75, items=1),
    span("proxy_scoring", 0.75, items=1),
]


def test_counted_by_hand() -> None:
    bound = time_bound(RESULT, Substrate(), SPANS)  # type: ignore[arg-type]
    assert bound is not None
    # 3 batches (1 of test, 2 of train); a once each, b1 and b2 at their common median of 4.
    assert bound.inference_s == pytest.approx(3 * 1.0 + 6 * 4.0)
    assert bound.prepare_data_s == pytest.approx(6 * 0.1)
    assert bound.prepare_model_s == pytest.approx(0.5 + 2 * 0.25)
    assert bound.proxy_scoring_s == pytest.approx(1.5)
    assert bound.total_s == pytest.approx(27 + 0.6 + 1.0 + 1.5)


def test_another_search_than_halving_has_none() -> None:
    result = SearchResult(
        ranking=(answer("m1", train_items=3), answer("m2")), round_models=[("m1", "m2")]
    )
    assert time_bound(result, Substrate(), SPANS) is None  # type: ignore[arg-type]


def test_a_run_without_spans_of_a_phase_has_none() -> None:
    spans = [s for s in SPANS if s.phase != "prepare_data"]
    assert time_bound(RESULT, Substrate(), spans) is None  # type: ignore[arg-type]


def test_a_run_that_read_nothing_of_a_kind_of_block_has_none() -> None:
    spans = [s for s in SPANS if s.attributes.get("block") != "arch/b"]
    assert time_bound(RESULT, Substrate(), spans) is None  # type: ignore[arg-type]


def test_reads_count_on_whichever_thread_they_were() -> None:
    reads = [s for s in SPANS if s.phase == "prepare_model"]
    others = [s for s in SPANS if s.phase != "prepare_model"]
    others.append(span("prepare_model", 7.0, block="arch/a", waited=True))
    ahead = time_bound(RESULT, Substrate(), others, background=reads)  # type: ignore[arg-type]
    assert ahead == time_bound(RESULT, Substrate(), SPANS)  # type: ignore[arg-type]


def test_models_that_read_other_inputs_share_nothing() -> None:
    class Apart(Substrate):
        def transform_of(self, model_id: str) -> Form:
            return Form(text=f"{model_id} px")

    spans = [s for s in SPANS if s.phase != "prepare_data"]
    spans += [span("prepare_data", 0.2, items=2, transform="m1 px") for _ in range(3)]
    spans += [span("prepare_data", 0.4, items=2, transform="m2 px") for _ in range(3)]
    bound = time_bound(RESULT, Apart(), spans)  # type: ignore[arg-type]
    assert bound is not None
    assert bound.inference_s == pytest.approx(6 * 1.0 + 6 * 4.0)  # block a for each
    assert bound.prepare_data_s == pytest.approx(6 * (0.1 + 0.2))  # each item for each


def test_items_that_were_kept_do_not_make_decoding_cheap() -> None:
    spans = [s for s in SPANS if s.phase != "prepare_data"]
    spans += [span("prepare_data", 0.2, items=2, decodes=True) for _ in range(3)]
    spans += [span("prepare_data", 0.002, items=2, decodes=False) for _ in range(30)]
    bound = time_bound(RESULT, Substrate(), spans)  # type: ignore[arg-type]
    assert bound is not None
    assert bound.prepare_data_s == pytest.approx(6 * 0.1)


def test_spans_that_say_nothing_of_their_work_and_further_rounds_are_no_error() -> None:
    spans = [*SPANS, span("prepare_data", 5.0), span("inference", 5.0, block="a")]
    spans.append(span("prepare_model", 1.0, block="mine", bytes=7))
    assert time_bound(RESULT, Substrate(), spans) == time_bound(RESULT, Substrate(), SPANS)  # type: ignore[arg-type]
    more = SearchResult(
        ranking=(answer("m1", round=9), answer("m2")), round_models=[("m1", "m2")] * 9
    )
    assert time_bound(more, Substrate(), SPANS) is None  # type: ignore[arg-type]
