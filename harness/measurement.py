"""The search job of a worker: set the stage, time one search, write down the evidence."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from harness.inputs import dataset_spec, model_shape
from harness.trace import Span, SpanTracer
from systems.api import ModelAnswer, SearchOptions, SearchRequest, SearchResult
from systems.data.datasets import open_dataset
from systems.data.halving import check_first_chunk
from systems.data.split import split_items
from systems.models.build import block_architectures
from systems.models.profile import profile_model
from systems.planning.task_tree import build_task_tree
from systems.planning.time_bound import TimeBound, inference_bound_s, needed_executions
from systems.registry import load_system
from systems.store.store import BlockStore
from systems.substrate import Settings, Substrate

Progress = Callable[[int, int, str], None]


def measure(job: Mapping[str, Any], *, on_progress: Progress) -> dict[str, Any]:
    """Carry out one search and return the record's measured part.

    ``job`` holds the canonical ``spec``, the ``cache`` folder, the ``out`` folder for
    spans, and what preparation found out (``prepared``).
    """
    spec = job["spec"]
    torch.set_num_threads(spec["threads"] or len(os.sched_getaffinity(0)))
    tracer = SpanTracer(on_progress=on_progress)
    with BlockStore.open(Path(job["cache"]) / "store", create=False) as store:
        substrate = _substrate(job, store, tracer)
        request = SearchRequest(
            model_ids=job["prepared"]["model_ids"], options=_options(spec["options"])
        )
        system = load_system(spec["system"])
        with torch.inference_mode():
            tracer.start()
            result = system.search(request, substrate)
            tracer.stop()
    _write_spans(tracer.spans, Path(job["out"]) / "spans.parquet")
    return {
        "wall_s": tracer.wall_s,
        "phases_s": tracer.phases_s(),
        "unattributed_s": tracer.phases_ns["unattributed"] / 1e9,
        "excluded_s": tracer.phases_ns["excluded"] / 1e9,
        "answer": _answer(result),
        "counts": _counts(tracer, substrate),
        **_references(spec, result, substrate, tracer),
        "dataset": {
            "name": spec["dataset"],
            "classes": len(substrate.dataset.classes),
            "items": len(substrate.dataset.labels),
            "test_items": len(substrate.split.test),
            "timing_only": substrate.dataset.timing_only,
        },
    }


def _substrate(job: Mapping[str, Any], store: BlockStore, tracer: SpanTracer) -> Substrate:
    spec = job["spec"]
    dataset = open_dataset(dataset_spec(spec), cache_dir=Path(job["cache"]) / "data")
    split = split_items(dataset.labels, test_fraction=spec["test_fraction"], seed=spec["data_seed"])
    shape = model_shape(spec)
    profiles = profile_model(
        shape, resolution=spec["resolution"], sequence_length=spec["sequence_length"]
    )
    models = {model_id: store.model(model_id) for model_id in job["prepared"]["model_ids"]}
    substrate = Substrate(
        store=store,
        models=models,
        profiles=dict(zip(block_architectures(shape), profiles, strict=True)),
        input_bytes=profiles[0].input_bytes,
        dataset=dataset,
        split=split,
        settings=Settings(
            batch_size=spec["batch_size"],
            scorer=spec["scorer"],
            device=spec["device"],
            memory_format=spec["memory_format"],
            data_workers=spec["data_workers"],
        ),
        tracer=tracer,
    )
    check_first_chunk(
        dataset.labels[split.train],
        substrate.schedule(len(models)),
        allow_tiny=spec["allow_tiny"],
        test_fraction=spec["test_fraction"],
    )
    return substrate


def _options(options: Mapping[str, Any]) -> SearchOptions:
    values = dict(options)
    if "cache_budget" in values:
        values["cache_budget_bytes"] = values.pop("cache_budget")
    return SearchOptions(**values)


def _answer(result: SearchResult) -> dict[str, Any]:
    return {
        "winner": result.winner,
        "tied": list(result.tied),
        "ranking": [answer.model_id for answer in result.ranking],
        "models": {answer.model_id: _model_answer(answer) for answer in result.ranking},
    }


def _model_answer(answer: ModelAnswer) -> dict[str, Any]:
    return {
        "score": answer.score,
        "round": answer.round,
        "train_items": answer.train_items,
        "segments": {
            name: {"items": proof.items, "digest": proof.digest, "sketch": list(proof.sketch)}
            for name, proof in answer.segments.items()
        },
    }


def _counts(tracer: SpanTracer, substrate: Substrate) -> dict[str, int]:
    unique = {ref for model in substrate.models.values() for ref in model.blocks}
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        **tracer.counts,
        "unique_bytes": sum(ref.tensor_bytes for ref in unique),
        "process_peak_bytes": rss if sys.platform == "darwin" else rss * 1024,
    }


def _references(
    spec: Mapping[str, Any], result: SearchResult, substrate: Substrate, tracer: SpanTracer
) -> dict[str, Any]:
    """Operation ratio, time bound and efficiency (DESIGN: definitions)."""
    items = len(substrate.dataset.labels)
    base_operations = items * sum(
        substrate.profile(ref).operations
        for model in substrate.models.values()
        for ref in model.blocks
    )
    references: dict[str, Any] = {
        "operation_ratio": base_operations / tracer.counts["operations"],
        "time_bound_s": None,
        "time_bound_parts_s": None,
        "efficiency": None,
    }
    if len(result.round_models) == substrate.schedule(len(substrate.models)).rounds:
        bound = _time_bound(result, substrate, tracer)
        # What the run itself has done is a witness: the bound cannot be above it.
        total_s = min(bound.total_s, tracer.wall_s)
        references |= {
            "time_bound_s": total_s,
            "time_bound_parts_s": {
                "inference": bound.inference_s,
                "proxy_scoring": bound.proxy_scoring_s,
                "prepare_data": bound.prepare_data_s,
                "prepare_model": bound.prepare_model_s,
            },
            "efficiency": total_s / tracer.wall_s,
        }
    return references


def _time_bound(result: SearchResult, substrate: Substrate, tracer: SpanTracer) -> TimeBound:
    refs = {ref.hash: ref for model in substrate.models.values() for ref in model.blocks}
    architecture = {block: ref.architecture for block, ref in refs.items()}
    chunks = substrate.schedule(len(substrate.models)).chunks
    rounds = []
    for number, models in enumerate(result.round_models):
        tree = build_task_tree(
            substrate.block_hashes(models), output_bytes=dict.fromkeys(refs, 0), input_bytes=0
        )
        chunk = chunks[number]
        batches = substrate.cut(substrate.split.train[chunk.start : chunk.stop])
        if number == 0:
            batches += substrate.cut(substrate.split.test)
        rounds.append((tree, [len(items) for items in batches]))
    measured = (
        (architecture[span.attributes["block"]], span.attributes["items"], _seconds(span))
        for span in tracer.spans
        if span.phase == "inference"
    )
    phases_s = tracer.phases_s()
    counts = tracer.counts
    unique_bytes = sum(ref.tensor_bytes for ref in refs.values())
    prepared = sum(
        int(span.attributes["items"]) for span in tracer.spans if span.phase == "prepare_data"
    )
    return TimeBound(
        inference_s=inference_bound_s(
            needed_executions(rounds, architecture=architecture), measured
        ),
        proxy_scoring_s=phases_s["proxy_scoring"],
        prepare_data_s=phases_s["prepare_data"] * len(substrate.dataset.labels) / prepared,
        prepare_model_s=phases_s["prepare_model"] * unique_bytes / counts["bytes_read"],
    )


def _seconds(span: Span) -> float:
    return (span.end_ns - span.start_ns) / 1e9


def _write_spans(spans: list[Span], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[Any]] = {
        "phase": [span.phase for span in spans],
        "start_ns": [span.start_ns for span in spans],
        "end_ns": [span.end_ns for span in spans],
    }
    for name in sorted({name for span in spans for name in span.attributes}):
        columns[name] = [span.attributes.get(name) for span in spans]
    pq.write_table(pa.table(columns), path, compression="zstd")
