"""All tests in a few minutes: ``python -m tests``; with arguments, what pytest does with them.

Unit tests run side by side, one thread each, for two that compute with all cores only wait for
each other. What drives the real command measures, and so runs alone.
"""

from __future__ import annotations

import os
import subprocess
import sys


def main(arguments: list[str]) -> int:
    """The exit code of the first part that failed, or 0."""
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.run([*pytest, *arguments], check=False).returncode
    workers = str(len(os.sched_getaffinity(0)))
    beside = [*pytest, "-n", workers, "--dist", "worksteal", "tests/unit"]
    alone = [*pytest, "tests/cli", "tests/gpu"]
    # Searches of the tests set two threads themselves: let those that wait sleep, not spin.
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    codes = [
        subprocess.run(beside, env=one_thread, check=False).returncode,
        subprocess.run(alone, check=False).returncode,
    ]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
