"""The search job of a worker: set the stage, time one search, write down the evidence."""

from __future__ import annotations

import itertools
import os
import resource
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from harness.bound import time_bound
from harness.device_spans import DeviceTimeline
from harness.hardware_profiles import find_profile, read_calibrated
from harness.inputs import cost_model, dataset_spec, model_groups, search_options
from harness.page_cache import DiskReads, cold_proof, evict, prepare_cache_state
from harness.part_inputs import cut_to_part
from harness.profile import PROFILE, profiled
from harness.skeletons import skeleton_pool
from harness.span_table import SPANS, TimedUnit, write_spans
from harness.trace import SpanTracer
from scenarios.parameter import AUTO
from systems.api import ModelAnswer, SearchRequest, SearchResult
from systems.data.datasets import open_dataset
from systems.data.halving import check_first_chunk
from systems.data.split import split_items
from systems.data.transform import Transform
from systems.execution.compilation import compile_blocks
from systems.execution.warm_up import warm_up
from systems.execution.worker_tuning import tune_workers
from systems.models.build import block_architectures
from systems.models.profile import BlockProfile, profile_model
from systems.precision import number_type, set_products
from systems.probes import Reading
from systems.registry import load_probe, load_system, system_info
from systems.scoring import check_head
from systems.store.store import BlockStore
from systems.substrate import Settings, Substrate
from systems.tracing import Tracer

Progress = Callable[[int, int, str], None]


def measure(job: Mapping[str, Any], *, on_progress: Progress) -> dict[str, Any]:
    """Carry out one search, or one probe, and return the record's measured part.

    ``job`` holds the canonical ``spec``, the ``cache`` folder, the ``out`` folder for
    spans, what preparation found out (``prepared``), and whether the store is to be
    ``paced`` or the system limits its bandwidth.
    """
    spec, out = job["spec"], Path(job["out"])
    torch.set_num_threads(spec["threads"] or len(os.sched_getaffinity(0)))
    _cap_allocator(spec)
    products = set_products(spec["precision"])
    # Creating the device's context is no part of the timed unit: it happens here.
    tracer = SpanTracer(on_progress=on_progress, device=DeviceTimeline.for_device(spec["device"]))
    with _open_store(job) as store:
        whole = search_substrate(job, store, tracer)
        classes = len(whole.dataset.classes)
        check_head(spec["head_classes"], classes=classes, dataset=spec["dataset"])
        substrate = cut_to_part(whole, spec, cache=Path(job["cache"]))
        request = SearchRequest(
            model_ids=job["prepared"]["model_ids"], options=search_options(spec["options"])
        )
        carry_out = _work(spec["system"])
        substrate.scorer()  # a scorer from another package is imported before the clock runs
        files = [*store.files_of(substrate.models.values()), *substrate.input_files]
        if spec["warm_up"]:
            warm_up(substrate, batches=spec["warm_up"])
        if spec["memory_limit"] is not None:
            evict(files)  # pages belong to the limit of whoever read them first
        proof = prepare_cache_state(spec["cache"], files)
        with torch.inference_mode(), profiled(spec["profile"], out / PROFILE), DiskReads() as reads:
            tracer.start()
            if spec["device"] != "cpu":
                tracer.decide("precision", value=spec["precision"], **products)
            compile_blocks(substrate)
            substrate = _tuned(substrate, job)
            result, readings = carry_out(request, substrate)
            tracer.stop()
        answers = result.ranking if result is not None else ()
        input_bytes = substrate.read_input_bytes(
            train_items=max((answer.train_items for answer in answers), default=None)
        )
        needed_bytes = store.distinct_bytes_read() + input_bytes
        rate = store.read_rate()
    timed_unit = TimedUnit(started_ns=tracer.started_ns, ended_ns=tracer.ended_ns)
    write_spans(tracer.all_spans, out / SPANS, timed_unit=timed_unit)
    return {
        "wall_s": tracer.wall_s,
        "phases_s": tracer.phases_s(),
        "unattributed_s": tracer.phases_ns["unattributed"] / 1e9,
        "excluded_s": tracer.phases_ns["excluded"] / 1e9,
        "answer": None if result is None else _answer(result),
        "readings": readings,
        "counts": _counts(tracer, substrate),
        "decisions": tracer.decisions,
        **_references(result, substrate, tracer),
        "cache_proof": cold_proof(proof, read_bytes=reads.read_bytes, needed_bytes=needed_bytes),
        "store_bytes_per_s": rate.bytes_per_s if rate else None,
        "gpu_uuid": _gpu_uuid(spec["device"]),
        "dataset": {
            "name": spec["dataset"],
            "classes": len(substrate.dataset.classes),
            "items": len(substrate.dataset.labels),
            "test_items": len(substrate.split.test),
            "timing_only": substrate.dataset.timing_only or spec["part_input"] == "generated",
        },
    }


_Outcome = tuple[SearchResult | None, list[Reading] | None]
"""Of a search, its result; of a probe, its readings."""


def _work(system: str) -> Callable[[SearchRequest, Substrate], _Outcome]:
    """What is to be timed: imported now, carried out later."""
    if system_info(system).kind == "probe":
        probe = load_probe(system)

        def measure_steps(request: SearchRequest, substrate: Substrate) -> _Outcome:
            with substrate.tracer.span("plan"):
                return None, list(probe.measure(request, substrate))

        return measure_steps
    search = load_system(system).search
    return lambda request, substrate: (search(request, substrate), None)


def _open_store(job: Mapping[str, Any]) -> BlockStore:
    bandwidth = job["spec"]["store_bandwidth"]
    return BlockStore.open(
        Path(job["cache"]) / "store",
        create=False,
        bandwidth_bytes_per_s=bandwidth if job["paced"] else None,
        buffered=bandwidth is not None,
        drop_behind=job["paced"] and job["spec"]["cache"] == "cold",
    )


def _cap_allocator(spec: Mapping[str, Any]) -> None:
    if spec["gpu_allocator_cap"] is not None and spec["device"].startswith("cuda"):
        index = torch.device(spec["device"]).index
        device = torch.cuda.current_device() if index is None else index
        total_bytes = torch.cuda.get_device_properties(device).total_memory
        share = min(1.0, spec["gpu_allocator_cap"] / total_bytes)
        torch.cuda.set_per_process_memory_fraction(share, device)


def _gpu_uuid(device: str) -> str | None:
    if not device.startswith("cuda"):
        return None
    return str(torch.cuda.get_device_properties(device).uuid)


def search_substrate(job: Mapping[str, Any], store: BlockStore, tracer: Tracer) -> Substrate:
    """What the search of a job stands on, with its models in full."""
    spec = job["spec"]
    models = {model_id: store.model(model_id) for model_id in job["prepared"]["model_ids"]}
    stored = tuple(models.values())
    dataset = open_dataset(dataset_spec(spec, stored), cache_dir=Path(job["cache"]) / "data")
    split = split_items(dataset.labels, test_fraction=spec["test_fraction"], seed=spec["data_seed"])
    profiles: dict[str, BlockProfile] = {}
    transforms: dict[str, Transform] = {}
    model_ids = iter(models)
    for group in model_groups(spec, stored):
        transform = group.transform
        of_blocks = profile_model(
            group.shape,
            resolution=transform.resolution,
            sequence_length=transform.sequence_length,
            number_type=number_type(spec["precision"]),
        )
        profiles |= zip(block_architectures(group.shape), of_blocks, strict=True)
        transforms |= dict.fromkeys(itertools.islice(model_ids, group.models), transform)
    substrate = Substrate(
        store=store,
        models=models,
        profiles=profiles,
        transforms=transforms,
        dataset=dataset,
        split=split,
        settings=Settings(
            batch_size=spec["batch_size"],
            scorer=spec["scorer"],
            device=spec["device"],
            memory_format=spec["memory_format"],
            data_workers=0 if spec["data_workers"] == AUTO else spec["data_workers"],
            decoded_budget_bytes=spec["decoded_budget"],
            memory_limit_bytes=spec[
                "memory_limit" if spec["device"] == "cpu" else "gpu_allocator_cap"
            ],
            host_limit_bytes=spec["memory_limit"],
            head_classes=spec["head_classes"],
            cuts_by_chunk=spec["precision"] != "fp32",
        ),
        tracer=tracer,
        skeletons=skeleton_pool(spec),
        scratch=Path(job["cache"]) / "scratch",
        cost_model=cost_model(
            # Found before this process was pinned to cores, which make another machine of it.
            read_calibrated(Path(job["hardware_profile"]))
            if job.get("hardware_profile")
            else find_profile(None, cache=Path(job["cache"]), device=spec["device"]),
            spec,
        ),
    )
    check_first_chunk(
        dataset.labels[split.train],
        substrate.schedule(len(models)),
        allow_tiny=spec["allow_tiny"],
        test_fraction=spec["test_fraction"],
    )
    return substrate


def _tuned(substrate: Substrate, job: Mapping[str, Any]) -> Substrate:
    """The substrate with what the run itself has to choose; all choices are written down."""
    for what, facts in job.get("chosen", {}).items():
        speeds = {f"items_per_s_{t['items']}": t["items_per_s"] for t in facts["trials"]}
        substrate.tracer.decide(what, value=facts[what], reason=facts["reason"], **speeds)
    if job["spec"]["data_workers"] != AUTO:
        return substrate
    with substrate.tracer.span("tune"):
        choice = tune_workers(
            substrate,
            cores=len(os.sched_getaffinity(0)),
            compute_threads=torch.get_num_threads(),
        )
    substrate.tracer.decide("data_workers", value=choice.workers, reason=choice.reason)
    return replace(substrate, settings=replace(substrate.settings, data_workers=choice.workers))


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
    counts = {
        **tracer.counts,
        "unique_bytes": sum(ref.tensor_bytes for ref in unique),
        "process_peak_bytes": rss * 1024,
    }
    if substrate.settings.device.startswith("cuda"):
        allocator = torch.cuda.memory_stats(substrate.settings.device)
        counts |= {
            "allocated_peak_bytes": allocator["allocated_bytes.all.peak"],
            "reserved_peak_bytes": allocator["reserved_bytes.all.peak"],
            "allocator_retries": allocator["num_alloc_retries"],
            "allocator_out_of_memory": allocator["num_ooms"],
        }
    return counts


def _references(
    result: SearchResult | None, substrate: Substrate, tracer: SpanTracer
) -> dict[str, Any]:
    """Operation ratio, time bound and efficiency (DESIGN: definitions); null if unknown."""
    items = len(substrate.dataset.labels)
    base_operations = items * sum(
        substrate.profile(ref).operations
        for model in substrate.models.values()
        for ref in model.blocks
    )
    operations = tracer.counts.get("operations")
    references: dict[str, Any] = {
        "operation_ratio": base_operations / operations if operations else None,
        "time_bound_s": None,
        "time_bound_parts_s": None,
        "efficiency": None,
    }
    if result is None:
        return references
    bound = time_bound(result, substrate, tracer.critical_spans, background=tracer.background)
    if bound is not None:
        references |= {
            "time_bound_s": bound.total_s,
            "time_bound_parts_s": {
                "inference": bound.inference_s,
                "proxy_scoring": bound.proxy_scoring_s,
                "prepare_data": bound.prepare_data_s,
                "prepare_model": bound.prepare_model_s,
            },
            # Medians can add up to more than the run took; it is a witness that it can be done.
            "efficiency": min(1.0, bound.total_s / tracer.wall_s),
        }
    return references
