"""Gates that are really run: on equal code, or on a version made slower on purpose.

``python -m bench.gate_trials TRIALS --gates 20`` judges HEAD against itself;
``--slower 0.2 --system alsatian`` against a version whose Alsatian waits for a fifth of its
time at the end of each search, ``--slower 0.2`` one in which every system does. Each gate
leaves its folder below TRIALS and is not run again, so that trials can be stopped and gone on
with. What this program does not know goes to the gate, such as ``--scale smoke``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PLANTED = """

def _load_slower(name, _load=load_system):
    import time

    system = _load(name)
    if {system!r} not in (None, name):
        return system

    def search(request, substrate, _search=system.search):
        started_s = time.perf_counter()
        result = _search(request, substrate)
        with substrate.tracer.span("plan"):
            time.sleep({share!r} * (time.perf_counter() - started_s))
        return result

    system.search = search
    return system


load_system = _load_slower
"""


def planted(folder: Path, *, share: float, system: str | None) -> Path:
    """A copy of the repository whose HEAD is slower than its parent by ``share``."""
    copy = folder / "repository"
    _git(ROOT, "clone", "--quiet", "--shared", str(ROOT), str(copy))
    with (copy / "systems/registry.py").open("a") as file:
        file.write(PLANTED.format(share=share, system=system))
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    _git(copy, *identity, "commit", "--quiet", "--all", "--message", "slower")
    return copy


def run_gate(repository: Path, base: str, output: Path, more: list[str]) -> None:
    """One gate of HEAD against ``base``, unless it has been run before."""
    if (output / "gate.json").exists():
        return
    attempt = output.with_name(f"{output.name}-{os.getpid()}")
    command = [sys.executable, "-m", "harness", "gate", "--base", base, "--head", "HEAD"]
    subprocess.run(
        [*command, "--allow-dirty", "--output", str(attempt), *more],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository)},
        check=False,
    )
    if _was_measured(attempt):
        attempt.rename(output)


def _was_measured(folder: Path) -> bool:
    """Whether there is a verdict on measured runs, and not the reason why there are none."""
    path = folder / "gate.json"
    return path.exists() and "looks" in json.loads(path.read_text())


def main() -> None:
    """Run and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", type=Path)
    parser.add_argument("--gates", type=int, default=20)
    parser.add_argument("--slower", type=float, default=0.0)
    parser.add_argument("--system")
    options, more = parser.parse_known_args()
    options.trials.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.trials) as place:
        repository, base = ROOT, "HEAD"
        if options.slower:
            repository = planted(Path(place), share=options.slower, system=options.system)
            base = "HEAD~1"
        outputs = [(options.trials / f"gate-{n:03}").absolute() for n in range(options.gates)]
        for output in outputs:
            run_gate(repository, base, output, more)
    found: Counter[str] = Counter()
    for output in outputs:
        path = output / "gate.json"
        found[json.loads(path.read_text())["verdict"] if path.exists() else "not run"] += 1
    print(f"{options.gates} gates: " + ", ".join(f"{kind} {n}" for kind, n in found.most_common()))


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)


if __name__ == "__main__":
    main()
