"""Records for tests, as JSON values and parsed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reports.parsing import parse_record
from reports.records import Record

SYSTEMS = {
    "Base": ("baseline", {"decode_once": False}),
    "Base + decode_once": ("baseline", {"decode_once": True}),
    "SHiFT": ("shift", {"decode_once": False}),
    "Alsatian (paper)": ("alsatian-paper", {"schedule": "block_major"}),
    "Alsatian": ("alsatian", {"schedule": "batch_major"}),
}
SKETCH = [0.5, -1.0, 0.25]


def segment(name: str, model: str, items: int) -> dict[str, Any]:
    return {"items": items, "digest": f"{name}/{model}", "sketch": list(SKETCH)}


def answer(*, halving: bool) -> dict[str, Any]:
    """Four models: m0 > m1 > m2 > m3; with halving m2 and m3 leave after the first chunk."""
    models = {}
    for place in range(4):
        model = f"m{place}"
        last = 2 if halving and place < 2 else 1
        chunks = 1 if halving and place >= 2 else 2
        segments = {"test": segment("test", model, 80)}
        for chunk in range(1, chunks + 1):
            segments[f"chunk_{chunk}"] = segment(f"chunk_{chunk}", model, 80 * chunk)
        models[model] = {
            "score": 0.95 - 0.05 * place,
            "round": last,
            "train_items": sum(80 * chunk for chunk in range(1, chunks + 1)),
            "segments": segments,
        }
    return {"winner": "m0", "tied": ["m0"], "ranking": list(models), "models": models}


def record_json(label: str = "Base", **changes: Any) -> dict[str, Any]:
    """A good record of ``label``; ``spec`` is merged, everything else replaced."""
    system, options = SYSTEMS.get(label, (label.lower(), {}))
    wall_s = changes.get("wall_s", 10.0)
    record: dict[str, Any] = {
        "schema": 5,
        "scale": None,
        "stands_for": {},
        "readings": None,
        "decisions": [],
        "scenario": "quick",
        "key": f"{label}-{changes.get('round', 0)}",
        "identity": json.dumps([label, changes.get("spec", {})]),
        "round": 0,
        "label": label,
        "status": "ok",
        "reason": None,
        "wall_s": wall_s,
        "phases_s": {} if wall_s is None else _phases(wall_s),
        "excluded_s": 0.5,
        "process_s": 15.0,
        "answer": answer(halving=system != "baseline"),
        "counts": {"bytes_read": 44_700_000, "operations": 10**12},
        "operation_ratio": 3.69,
        "time_bound_s": 8.0,
        "time_bound_parts_s": {"inference": 7.0},
        "efficiency": 0.8,
        "dataset": {
            "name": "digits", "classes": 10, "items": 400, "test_items": 80, "timing_only": False,
        },
        "limits": None,
        "cache_proof": None,
        "telemetry": None,
        "flags": [],
        "environment": {"cores": 2},
        "host_state": None,
        "git": None,
        "host_class": "a machine | 2 cores",
        "code": "c0de",
        "files": "f11e5",
        "started_at": "2025-06-18T10:00:00Z",
    }  # fmt: skip
    record |= changes
    record["spec"] = {
        "system": system,
        "architecture": "resnet18",
        "distribution": "top_50",
        "models": 4,
        "model_seed": 0,
        "dataset": "digits",
        "items": 400,
        "resolution": 64,
        "sequence_length": None,
        "batch_size": 32,
        "device": "cpu",
        "threads": 2,
        "options": options,
        **changes.get("spec", {}),
    }
    return record


def _phases(wall_s: float) -> dict[str, float]:
    shares = {"prepare_data": 0.1, "prepare_model": 0.2, "inference": 0.5, "proxy_scoring": 0.15}
    return {name: share * wall_s for name, share in shares.items()} | {"plan": 0.05 * wall_s}


def record(label: str = "Base", **changes: Any) -> Record:
    return parse_record(record_json(label, **changes), path=Path("runs/quick/x/record.json"))


def failed(label: str, status: str = "out_of_memory", **changes: Any) -> Record:
    values = {"status": status, "reason": "it needed 3 GB of 2 GB", "wall_s": None, "answer": None}
    return record(label, **values, phases_s={}, **changes)


def write(folder: Path, content: Mapping[str, Any] | str) -> Path:
    """Write one record below ``folder`` and return its path."""
    run = folder / str(len(list(folder.glob("*"))) if folder.exists() else 0)
    run.mkdir(parents=True)
    path = run / "record.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path
