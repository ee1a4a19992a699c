"""A comparison as a pandas table, and as CSV."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reports import labels
from reports.comparison import Comparison
from reports.export import plain_cell
from reports.rows import Row

if TYPE_CHECKING:
    import pandas as pd


def comparison_lines(comparison: Comparison) -> list[dict[str, object]]:
    """One line per search and system, in plain JSON types; SI units in the names.

    A search's parameters stand under their own names, those of no plain type as JSON text.
    """
    names = sorted({name for search in comparison.searches for name in search.spec})
    spec_names = [name for name in names if name not in ("system", "options")]
    return [
        {
            "scenario": search.scenario,
            "scale": search.scale,
            **{name: plain_cell(search.spec.get(name)) for name in spec_names},
            "host_class": search.host_class,
            "timing_only": search.timing_only,
            **_line(row),
        }
        for search in comparison.searches
        for row in search.rows
    ]


def to_frame(comparison: Comparison) -> pd.DataFrame:
    """The same as a table."""
    import pandas as pd

    return pd.DataFrame(comparison_lines(comparison))


def _line(row: Row) -> dict[str, object]:
    speed_up, over_strong = row.speed_up, row.over_strong
    return {
        "system": row.system,
        "label": row.label,
        "options": json.dumps(json.loads(row.variant)[1], sort_keys=True),
        "status": row.status,
        "reason": row.reason,
        "rounds": row.rounds,
        "attempts": row.attempts,
        "wall_s": row.wall_s,
        "speed_up": speed_up.value if speed_up else None,
        "speed_up_low": speed_up.low if speed_up else None,
        "speed_up_high": speed_up.high if speed_up else None,
        "speed_up_rounds": speed_up.rounds if speed_up else None,
        "over_strong": over_strong.value if over_strong else None,
        "over_strong_low": over_strong.low if over_strong else None,
        "over_strong_high": over_strong.high if over_strong else None,
        "published_speed_up": row.published,
        "remark": row.remark,
        "answers": row.agreement,
        "operation_ratio": row.operation_ratio,
        "time_bound_s": row.time_bound_s,
        "efficiency": row.efficiency,
        **{f"{phase}_s": row.phases_s.get(phase) for phase in labels.PHASES},
        **{f"{phase}_share": row.shares.get(phase) for phase in labels.PHASES},
        **{
            name: row.counts.get(name)
            for name in (
                "operations", "bytes_read", "unique_bytes", "blocks_read", "items_decoded",
                "items_resized", "items_inferred", "cache_peak_bytes", "held_peak_bytes",
                "process_peak_bytes",
            )
        },
        "code": row.code,
    }  # fmt: skip
