"""How long the HTML report takes, and how large it is, for made-up campaigns.

    python -m bench.report_scale 500 5000

Each run is a record with an answer of 35 models, a timeline of 3000 spans and a hardware
series, as a search of half a minute leaves behind. Then all figures are drawn of the same runs
(the first 192 are figure 10's). Where there is a Chromium, the report is
opened in it too: seconds until it is loaded, and those of them that the page's thread computed.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reports.figures.figure_runs import figure_runs
from reports.figures.insights import INSIGHTS
from reports.figures.paper import PAPER_FIGURES
from reports.html.page import Sources, write_report
from reports.loading import load_records
from reports.records import Record
from tests.browser import Browser, find_chromium
from tests.unit.reports.factory import record_json

SYSTEMS = {"Base": 20.0, "SHiFT": 9.0, "Alsatian (paper)": 6.0, "Alsatian": 4.0}
"""Seconds of each."""
MODELS, ROUNDS, SPANS, SAMPLES = 35, 8, 3000, 300
ARCHITECTURES = ("resnet18", "resnet152", "efficientnet_v2_l", "vit_l_32")
DISTRIBUTIONS = ("top_50", "top_25", "top_layers")


def main(counts: list[int]) -> None:
    """Print a line for each number of runs."""
    print(
        "runs   report s   its CPU s   memory MB   file MB   kB/run   loaded s   computed s"
        "   figures s   files"
    )
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            write_runs(root / "runs", count)
            started, started_cpu = time.perf_counter(), time.process_time()
            loaded = load_records(root / "runs")
            sources = Sources(title="Scale", words={}, command=lambda _: None, made_by="bench")
            written = write_report(loaded, root / "report", sources)
            report_s = time.perf_counter() - started
            cpu_s = time.process_time() - started_cpu
            size = written.path.stat().st_size
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            shown = "          –            –"
            if find_chromium():
                loaded_s, computed_s = opened(written.path, root)
                shown = f"{loaded_s:11.2f}{computed_s:13.2f}"
            print(
                f"{written.runs:<7}{report_s:8.1f}{cpu_s:12.1f}{peak_mb:12.0f}{size / 1e6:10.2f}"
                f"{size / 1e3 / written.runs:9.1f}{shown}",
                end="",
                flush=True,
            )
            started = time.perf_counter()
            files = drawn(load_records(root / "runs").records, root / "figures")
            print(f"{time.perf_counter() - started:12.1f}{files:8}", flush=True)


def drawn(records: Sequence[Record], folder: Path) -> int:
    """Draw all that ``alsatian-bench figures`` draws; how many files there are then."""
    folder.mkdir()
    for runs in figure_runs(records, lambda *_: ("", ())):
        if runs.kind.scenario in PAPER_FIGURES:
            PAPER_FIGURES[runs.kind.scenario](runs, folder, runs.stem)
        for name, draw in INSIGHTS.items():
            draw(runs, folder, f"{runs.stem}-{name}")
    return len(list(folder.iterdir()))


def opened(page: Path, folder: Path) -> tuple[float, float]:
    """Seconds until the page is loaded in Chromium, and seconds of its main thread."""
    with Browser(folder) as browser:
        browser.call("Performance.enable", timeDomain="threadTicks")
        browser.open(page)
        loaded_ms = browser.run("performance.getEntriesByType('navigation')[0].loadEventEnd")
        metrics = browser.call("Performance.getMetrics")["metrics"]
        assert not browser.complaints()
    found = {metric["name"]: metric["value"] for metric in metrics}
    return loaded_ms / 1e3, found["TaskDuration"]


def write_runs(root: Path, count: int) -> None:
    """Write ``count`` runs; the tables of spans and samples are the same in all."""
    root.mkdir(parents=True)
    random = np.random.default_rng(0)
    write_spans(root / "spans.parquet", random)
    write_series(root / "series.parquet", random)
    for number, record in enumerate(itertools.islice(records(random), count)):
        run = root / record["scenario"] / f"{number:05}"
        run.mkdir(parents=True)
        (run / "record.json").write_text(json.dumps(record))
        for name in ("spans.parquet", "series.parquet"):
            os.link(root / name, run / name)


def records(random: np.random.Generator) -> Iterator[dict[str, Any]]:
    """Runs of scenarios of 24 searches each, with four systems and eight rounds."""
    for number in itertools.count():
        scenario = f"campaign_{number}" if number else "fig10"
        axes = itertools.product(ARCHITECTURES, DISTRIBUTIONS, (2000, 8000))
        for architecture, distribution, items in axes:
            spec = {"architecture": architecture, "distribution": distribution, "items": items,
                    "models": MODELS}  # fmt: skip
            answers = {label: answer(halving=label != "Base") for label in SYSTEMS}
            for round_, (label, wall_s) in itertools.product(range(ROUNDS), SYSTEMS.items()):
                noise = float(np.exp(random.normal(0, 0.03)))
                record = record_json(
                    label, scenario=scenario, round=round_, wall_s=wall_s * noise,
                    spec=spec, key=f"{label}-{architecture}-{distribution}-{items}-{round_}",
                    answer=answers[label],
                )  # fmt: skip
                record["identity"] = json.dumps(record["spec"], sort_keys=True)
                yield record


def answer(*, halving: bool) -> dict[str, Any]:
    """An answer as large as that of a search over 35 models; the same for all systems."""
    models = {}
    for place in range(MODELS):
        chunks = 1 + (place < 18) + (place < 9) + (place < 4) + (place < 2) if halving else 6
        segments = {
            name: {
                "items": 320, "digest": f"{place:032x}",
                "sketch": [round(1.234567890123 * place + at, 12) for at in range(32)],
            }
            for name in ("test", *(f"chunk_{chunk + 1}" for chunk in range(chunks)))
        }  # fmt: skip
        models[f"resnet18-top_50-s0-{place:03}-6150e398"] = {
            "score": 0.9 - 0.01 * place, "round": chunks if halving else 1,
            "train_items": 320 * chunks, "segments": segments,
        }  # fmt: skip
    names = list(models)
    return {"winner": names[0], "tied": names[:1], "ranking": names, "models": models}


def write_spans(path: Path, random: np.random.Generator) -> None:
    """A timeline of models that are executed one after another."""
    phases, blocks, vertices = [], [], []
    for number in range(SPANS):
        model, place = divmod(number // 2, 43)
        is_inference = number % 2
        phases.append("inference" if is_inference else ("cache", "prepare_model")[place % 2])
        shared = place < 20 + model % 20
        blocks.append(f"{place if shared else 1000 * model + place:032x}" if is_inference else None)
        vertices.append(place + 1 if is_inference else None)
    lengths = random.integers(1_000_000, 10_000_000, SPANS)
    ends = np.cumsum(lengths)
    timed = json.dumps({"started_ns": 0, "ended_ns": int(ends[-1])})
    table = pa.table(
        {"phase": phases, "lane": ["host"] * SPANS, "start_ns": ends - lengths, "end_ns": ends,
         "block": blocks, "vertex": vertices}
    )  # fmt: skip
    pq.write_table(table.replace_schema_metadata({"alsatian_bench": timed}), path)


def write_series(path: Path, random: np.random.Generator) -> None:
    """Four counters of the host and two of a GPU."""
    kinds = {
        "machine.cpu_busy_s": ("s", "cumulative"), "tree.cpu_s": ("s", "cumulative"),
        "tree.rss_bytes": ("B", "level"), "cgroup.memory_bytes": ("B", "level"),
        "gpu0.power_w": ("W", "level"), "gpu0.memory_used_bytes": ("B", "level"),
    }  # fmt: skip
    fields = [pa.field("t_ns", pa.int64())]
    arrays = [pa.array(np.arange(SAMPLES) * 50_000_000)]
    for name, (unit, kind) in kinds.items():
        fields.append(pa.field(name, pa.float64(), metadata={"unit": unit, "kind": kind}))
        steps = random.random(SAMPLES)
        arrays.append(pa.array(np.cumsum(steps) if kind == "cumulative" else 1e9 + 1e8 * steps))
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [500, 5000])
