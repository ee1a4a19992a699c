"""Loading ahead on a real device: copies beside the computation, the same features."""

from __future__ import annotations

import pytest
import torch

from tests.searching import Searches

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("system", ["shift", "alsatian-paper", "alsatian"])
@pytest.mark.parametrize("budget", [None, 16 * 2**20])
def test_features_do_not_depend_on_prefetch(
    search: Searches, system: str, budget: int | None
) -> None:
    """With a small budget, memory of dropped blocks is soon taken by later ones."""
    found = [
        search(system, {"prefetch": prefetch, "prefetch_budget": budget}, device="cuda")
        for prefetch in (False, True)
    ]
    without, ahead = (one["answer"] for one in found)
    assert ahead["ranking"] == without["ranking"]
    for model, answer in ahead["models"].items():
        for name, segment in answer["segments"].items():
            expected = without["models"][model]["segments"][name]["sketch"]
            assert segment["sketch"] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert found[0]["counts"]["bytes_read"] == found[1]["counts"]["bytes_read"]
