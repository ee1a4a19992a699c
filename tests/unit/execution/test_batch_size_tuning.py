from __future__ import annotations

import pytest
import torch

from systems.data.transform import Transform
from systems.errors import ConfigurationError
from systems.execution import batch_size_tuning
from systems.execution.batch_size_tuning import (
    Trial,
    choose_batch_size,
    device_peak_bytes,
    tune_batch_size,
)
from systems.execution.probe_model import ProbeModel
from systems.models.build import ModelShape, block_architectures
from systems.models.skeleton import SkeletonPool


def trial(items: int, items_per_s: float, spread: float = 1.0) -> Trial:
    return Trial(items=items, items_per_s=items_per_s, peak_bytes=0, spread=spread)


def test_the_smallest_size_that_is_nearly_as_fast_is_chosen() -> None:
    choice = choose_batch_size([trial(8, 50.0), trial(16, 98.0), trial(32, 95.0), trial(64, 100.0)])
    assert choice.batch_size == 16
    assert "16 gave 98 items/s" in choice.reason
    assert "64: 100 items/s" in choice.reason


def test_a_size_that_is_clearly_fastest_is_chosen() -> None:
    choice = choose_batch_size([trial(8, 90.0), trial(16, 100.0)], stopped="32 would be too much.")
    assert choice.batch_size == 16
    assert choice.reason == "16 was the fastest with 100 items/s. 32 would be too much."


def test_a_busy_machine_is_mentioned() -> None:
    assert "busy" in choose_batch_size([trial(8, 90.0, spread=1.5)]).reason


class _PacedModel:
    """Passes of a set time: one second, and 10 ms per item."""

    def __init__(self) -> None:
        self.passes: list[int] = []

    def batch(self, items: int) -> int:
        return items

    def pass_s(self, items: int) -> float:
        self.passes.append(items)
        return 1.0 + 0.01 * items


def test_throughput_is_items_over_the_time_of_all_models() -> None:
    models = [_PacedModel(), _PacedModel()]
    choice = tune_batch_size(models, peak_bytes=lambda: 0, limit_bytes=1)  # type: ignore[arg-type]
    assert choice.batch_size == 256
    assert choice.trials[-1].items_per_s == pytest.approx(256 / (2 * 3.56))
    assert models[0].passes == models[1].passes


def test_sizes_that_would_not_fit_are_not_tried() -> None:
    model = _PacedModel()

    def peak_bytes() -> int:  # 100 bytes, and 10 for each item of the largest batch so far
        return 100 + 10 * max(model.passes, default=0)

    choice = tune_batch_size([model], peak_bytes=peak_bytes, limit_bytes=800)  # type: ignore[list-item]
    assert [t.items for t in choice.trials] == [8, 16, 32, 64]
    assert max(model.passes) == 64
    assert "128 would need about 1,380 bytes, and 800 may be taken" in choice.reason


def test_memory_that_holds_no_batch_at_all_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"auto, but a batch of 8 .*small batch_size"):
        tune_batch_size([], peak_bytes=lambda: 10, limit_bytes=9)


def test_batches_that_take_too_long_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_size_tuning, "LONGEST_PASS_S", 1.2)
    choice = tune_batch_size([_PacedModel()], peak_bytes=lambda: 0, limit_bytes=1)  # type: ignore[list-item]
    assert [t.items for t in choice.trials] == [8, 16, 32]
    assert "larger ones were not tried" in choice.reason


@pytest.mark.parametrize(
    ("architecture", "transform"),
    [
        ("resnet18", Transform(resolution=32)),
        ("vit_ti_16", Transform(resolution=32)),
        ("bert_tiny", Transform(sequence_length=8)),
    ],
)
def test_a_probe_runs_every_kind_of_model(architecture: str, transform: Transform) -> None:
    shape = ModelShape(architecture=architecture, resolution=transform.resolution)
    before = device_peak_bytes("cpu")()
    probe = ProbeModel(
        block_architectures(shape),
        transform,
        skeletons=SkeletonPool(),
        device="cpu",
        memory_format=torch.channels_last,
    )
    assert probe.pass_s(probe.batch(3)) > 0
    assert device_peak_bytes("cpu")() >= before > 0
