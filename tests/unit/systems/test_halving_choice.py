"""SHiFT chooses between halving and the full search by what the cost model predicts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.hardware_profiles import calibrated_path, write_profile
from systems.planning.hardware_profile import FALLBACK
from tests.searching import Searches, in_fresh_folder

ITEMS = 60


@pytest.mark.parametrize("block_read_s", [0.0, 100.0])
def test_the_cheaper_search_is_done_and_the_record_says_why(
    tmp_path: Path, block_read_s: float
) -> None:
    machine = replace(FALLBACK, name="this one", block_read_s=block_read_s)
    write_profile(machine, calibrated_path(tmp_path / "cache", "cpu"))
    search: Searches = in_fresh_folder(tmp_path)
    found = search("shift", {"choose_search": True}, models=4, items=ITEMS, threads=1)
    (decision,) = [each for each in found["decisions"] if each["what"] == "search"]
    rounds = {answer["round"] for answer in found["answer"]["models"].values()}
    if block_read_s:  # every survivor's blocks are read again in each round
        assert not decision["halves"]
        assert decision["full_s"] < decision["halving_s"]
        assert "Chose the full search" in decision["reason"]
        assert rounds == {1}
        assert found["counts"]["items_inferred"] == 4 * ITEMS
    else:
        assert decision["halves"]
        assert rounds == {1, 2}
    assert "'this one'." in decision["reason"]
