"""Simulated histories: equal nights are one level, a plain step is two."""

from __future__ import annotations

import numpy as np
import pytest

from bench.drift_power import main, share_found


@pytest.mark.parametrize(
    ("step", "after", "found"), [(0.0, 0, 0.0), (0.1, 10, 1.0), (-0.1, 10, 0.0), (0.1, 3, 1.0)]
)
def test_plain_cases(step: float, after: int, found: float) -> None:
    rng = np.random.default_rng(0)
    share = share_found(rng, nights=30, series=20, scatter=0.003, step=step, after=after)
    assert share == pytest.approx(found, abs=0.05)


def test_both_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--series", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("|")]) == (2 + 4) + (2 + 3)
