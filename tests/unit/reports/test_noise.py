import json
import math

import numpy as np
import pytest

from reports.noise import NoiseFloor, describe, noise_floors
from tests.unit.reports.factory import failed, record


def runs(times, label="SHiFT", **changes):
    started = "2025-06-18T10:00:{:02}Z"
    return [
        record(label, round=n, wall_s=time, started_at=started.format(n), **changes)
        for n, time in enumerate(times)
    ]


def test_pairs_by_hand():
    # Pairs (10, 11) and (12, 8): the first in order, the second reversed.
    (floor,) = noise_floors(runs([10.0, 11.0, 12.0, 8.0]))
    assert floor.ratios == pytest.approx((1.1, 1.5))
    assert floor.rounds == 2
    assert floor.ratio.value == pytest.approx(math.sqrt(1.1 * 1.5))
    assert floor.sigma_log == pytest.approx(math.hypot(math.log(1.1), math.log(1.5)) / math.sqrt(2))
    assert floor.largest == pytest.approx(1.5)
    assert floor.median_s == 10.5
    assert floor.measured_at == "2025-06-18T10:00:03Z"


def test_an_effect_of_the_order_cancels():
    (floor,) = noise_floors(runs([10.0, 10.5] * 8))
    assert floor.ratio.value == pytest.approx(1)
    assert not floor.is_biased
    assert floor.largest == pytest.approx(1.05)


def test_noise_that_was_planted_is_found():
    rng = np.random.default_rng(5)
    times = 10 * np.exp(0.02 * rng.standard_normal(800))
    (floor,) = noise_floors(
        [record("Base", round=n, wall_s=float(time)) for n, time in enumerate(times)]
    )
    assert floor.sigma_log == pytest.approx(0.02 * math.sqrt(2), rel=0.1)
    assert floor.smallest_shown(8) == pytest.approx(math.exp(4.2592 * 0.0283 / 8**0.5), rel=0.01)


def test_a_pair_with_a_run_that_was_not_measured_is_left_out():
    records = runs([10.0, 11.0, 12.0, 13.0, 14.0])  # the last is half a pair
    records[1] = failed("SHiFT", round=1)
    (floor,) = noise_floors(records)
    assert floor.ratios == pytest.approx((12 / 13,))
    assert floor.sigma_log is None
    assert floor.smallest_shown(8) is None
    assert "measure more rounds" in describe(floor, rounds=8)
    assert noise_floors(records[:2]) == ()


def test_specifications_machines_and_versions_are_kept_apart():
    records = [
        *runs([10.0, 10.0]),
        *runs([10.0, 10.0], host_class="another machine"),
        *runs([10.0, 10.0], code="newer"),
        *runs([10.0, 10.0], "Base"),
    ]
    assert len(noise_floors(records)) == 4


def test_a_floor_survives_json():
    (floor,) = noise_floors(runs([10.0, 11.0, 12.0, 8.0]))
    assert NoiseFloor.from_json(json.loads(json.dumps(floor.as_json()))) == floor


def test_the_sentence():
    (floor,) = noise_floors(runs([10.0, 10.1, 10.0, 10.2, 10.0, 10.1]))
    text = describe(floor, rounds=8)
    assert text.startswith("SHiFT: A/A ratio ")
    assert "3 rounds" in text
    assert "8 rounds show slow-downs from 1.0" in text
    (biased,) = noise_floors(runs([10.0, 11.0, 11.0, 10.0] * 4))
    assert biased.is_biased
    assert "A differs from A" in describe(biased, rounds=8)
