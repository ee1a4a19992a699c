from __future__ import annotations

import pytest

from systems.execution.worker_tuning import choose_workers


@pytest.mark.parametrize(
    ("decode_s", "inference_s", "spare_cores", "workers", "said"),
    [
        (0.001, 0.100, 8, 0, "less than 5% is not worth a thread"),
        (0.010, 0.100, 8, 1, "1 would keep up"),
        (0.250, 0.100, 8, 3, "3 would keep up, and 8 cores do not compute"),
        (0.250, 0.100, 2, 2, "3 would keep up, and 2 cores do not compute"),
    ],
)
def test_as_many_threads_as_keep_up_and_as_there_are_cores(
    decode_s: float, inference_s: float, spare_cores: int, workers: int, said: str
) -> None:
    choice = choose_workers(decode_s=decode_s, inference_s=inference_s, spare_cores=spare_cores)
    assert choice.workers == workers
    assert said in choice.reason
    assert choice.reason.startswith(f"Threads that decode ahead: {workers}. ")
