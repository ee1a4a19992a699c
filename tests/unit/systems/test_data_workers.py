"""Where decoding shows when threads do it ahead, and that the answer stays."""

from __future__ import annotations

import pandas as pd
from pyarrow import parquet

from tests.searching import DEFAULTS, TEXT, Searches


def data_spans(search: Searches) -> dict[str, pd.DataFrame]:
    """The spans of preparing data, by lane."""
    spans = parquet.read_table(search.out / "spans.parquet").to_pandas()
    return dict(list(spans[spans.phase == "prepare_data"].groupby("lane")))


def test_threads_show_their_work_on_a_lane_of_their_own(search: Searches) -> None:
    expected = search("alsatian")["answer"]
    assert set(data_spans(search)) == {"host"}
    found = search("alsatian", data_workers=2)
    assert found["answer"] == expected
    lanes = data_spans(search)
    assert lanes["prefetch"]["items"].sum() == DEFAULTS["items"]
    assert lanes["host"]["items"].sum() == DEFAULTS["items"]
    assert set(lanes["prefetch"]["transform"]) == {"32 px"}
    assert found["counts"]["items_decoded"] == DEFAULTS["items"]
    covered_s = sum(found["phases_s"].values())
    assert abs(covered_s - found["wall_s"]) < 0.010 + 0.01 * found["wall_s"]


def test_texts_for_a_cpu_are_tokenised_in_line(search: Searches) -> None:
    search("alsatian", **TEXT, models=2, data_workers=2)
    assert set(data_spans(search)) == {"host"}
