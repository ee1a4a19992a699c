"""The worker process: carries out one job and reports in JSON lines.

``python -m harness.worker JOB.json``. Standard output carries events, one JSON object a
line; whatever libraries print goes to standard error. The result is written as
``result.json`` into the job's ``out`` folder: ``{"status": "ok", …}`` or a status of the
closed set with a ``reason``.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from systems.errors import BenchError, ConfigurationError

PROGRESS_EVERY_S = 0.25


def main(job_path: str) -> int:
    """Do the job in the file ``job_path``; 0 if its status is ``ok``."""
    events = _claim_standard_output()

    def emit(event: str, **details: object) -> None:
        events.write(json.dumps({"event": event, **details}) + "\n")
        events.flush()

    job = json.loads(Path(job_path).read_text())
    emit("started")
    result = _guarded(job, emit)
    Path(job["out"], "result.json").write_text(json.dumps(result))
    return 0 if result["status"] == "ok" else 1


def _guarded(job: dict[str, Any], emit: Callable[..., None]) -> dict[str, Any]:
    try:
        if job["kind"] == "prepare":
            from harness.preparation import prepare

            return {"status": "ok", **prepare(job, emit=emit)}
        if job["kind"] == "tune":
            from harness.tuning_job import tune

            return {"status": "ok", **tune(job, emit=emit)}
        if job["kind"] == "calibrate":
            from harness.calibration_job import calibrate

            return {"status": "ok", **calibrate(job, emit=emit)}
        if job["kind"] == "fine_tune":
            from harness.quality_job import fine_tune_all

            return {"status": "ok", **fine_tune_all(job, emit=emit)}
        from harness.measurement import measure

        return {"status": "ok", **measure(job, on_progress=_rare_progress(emit))}
    except BenchError as error:
        is_configuration = isinstance(error, ConfigurationError)
        return {"status": "failed", "reason": str(error), "is_configuration": is_configuration}
    except MemoryError as error:
        return {"status": "out_of_memory", "reason": f"Memory ran out: {error}"}
    except Exception as error:
        traceback.print_exc()
        if _is_out_of_memory(error):
            return {"status": "out_of_memory", "reason": str(error).splitlines()[0]}
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return {"status": "failed", "reason": f"{reason} (see worker.log)"}


def _rare_progress(emit: Callable[..., None]) -> Callable[[int, int, str], None]:
    """Progress that is told a few times a second, and not between."""
    told_s = 0.0

    def progress(step: int, steps: int, what: str) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if step in (0, steps) or now_s - told_s >= PROGRESS_EVERY_S:
            told_s = now_s
            emit("progress", step=step, steps=steps, what=what)

    return progress


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _claim_standard_output() -> IO[str]:
    """Keep the real standard output for events; send everybody else's to standard error."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
