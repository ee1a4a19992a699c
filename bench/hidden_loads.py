"""Which share of the time to load blocks is hidden behind computing.

``python -m bench.hidden_loads RUNS`` reads the records below RUNS and prints, for each system,
medians over its runs that are ``ok``: the seconds that loading blocks took, on whichever
thread; the seconds of it that the search waited; and the share that it did not, with its range.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.span_table import SPANS, read_spans
from harness.trace import Span
from reports.loading import load_records
from reports.statistics import median


@dataclass(frozen=True, kw_only=True, slots=True)
class Loading:
    """Of one run."""

    load_s: float
    """Loads of blocks, ahead or when they were used."""
    waited_s: float
    """Of the searching thread (the device's stream, where there is one) for blocks."""

    @property
    def hidden_share(self) -> float:
        """Of the load seconds, those that nobody waited for; below 0 if waiting took longer."""
        return 1.0 - self.waited_s / self.load_s if self.load_s else 0.0


def loading(spans: Iterable[Span]) -> Loading:
    """Add up a run's spans.

    A search that loads ahead says for each block how long it waited (``waited``), a load of
    its own included; without, all loads are waited for.
    """
    of_models = [span for span in spans if span.phase == "prepare_model"]
    search_lane = "device" if any(span.lane == "device" for span in of_models) else "host"
    loads = [s for s in of_models if "bytes" in s.attributes or "copied" in s.attributes]
    loads = [s for s in loads if s.lane in (search_lane, "prefetch")]
    waits = [s for s in of_models if s.attributes.get("waited") and s.lane == search_lane]
    own = [s for s in loads if s.lane == search_lane]
    return Loading(load_s=_seconds(loads), waited_s=_seconds(waits or own))


def _seconds(spans: Iterable[Span]) -> float:
    return sum(span.end_ns - span.start_ns for span in spans) / 1e9


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path)
    options = parser.parse_args()
    by_label: dict[str, list[Loading]] = {}
    for record in load_records(options.runs).records:
        table = record.path.parent / SPANS
        if record.ok and table.exists():
            by_label.setdefault(record.label, []).append(loading(read_spans(table)))
    for label, runs in sorted(by_label.items()):
        shares = [run.hidden_share for run in runs]
        print(
            f"{label}: loading {median([run.load_s for run in runs]):.3f} s, waited "
            f"{median([run.waited_s for run in runs]):.3f} s, hidden {median(shares):.1%} "
            f"({min(shares):.1%} to {max(shares):.1%}, {len(runs)} runs)"
        )


if __name__ == "__main__":
    main()
