"""Settings of the fast path are the same for all systems and leave their answers equal."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tests.searching import Searches
from tests.unit.systems.test_same_answer import assert_base_agrees


def test_systems_agree_bit_for_bit_with_folded_batch_norm(search: Searches) -> None:
    shift = search("shift", fold_batch_norm=True)
    for system in ("alsatian-paper", "alsatian"):
        assert search(system, fold_batch_norm=True)["answer"] == shift["answer"]
    assert_base_agrees(search("baseline", fold_batch_norm=True), shift["answer"])


def test_folding_changes_features_by_rounding_only(search: Searches) -> None:
    plain, folded = search("shift"), search("shift", fold_batch_norm=True)
    for model, found in folded["answer"]["models"].items():
        expected = plain["answer"]["models"][model]["segments"]["test"]
        a, b = np.array(expected["sketch"]), np.array(found["segments"]["test"]["sketch"])
        assert np.abs(a - b).max() <= 1e-4 * np.abs(a).max()
        assert expected["digest"] != found["segments"]["test"]["digest"]


@pytest.mark.parametrize("threads", [1, len(os.sched_getaffinity(0))])
def test_workers_are_chosen_in_the_run_and_change_nothing(search: Searches, threads: int) -> None:
    given = search("shift", threads=threads)
    chosen = search("shift", threads=threads, data_workers="auto")
    assert chosen["answer"] == given["answer"]
    (decision,) = [d for d in chosen["decisions"] if d["what"] == "data_workers"]
    assert 0 <= decision["value"] <= max(0, len(os.sched_getaffinity(0)) - threads)
    assert f"Threads that decode ahead: {decision['value']}. " in decision["reason"]
    assert chosen["phases_s"]["tune"] > 0
    assert given["phases_s"]["tune"] == 0
    # Calibration is no part of what the search itself read and did.
    for name in ("operations", "blocks_read", "items_decoded"):
        assert chosen["counts"][name] == given["counts"][name]
