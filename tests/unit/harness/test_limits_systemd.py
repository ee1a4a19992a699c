"""Scopes, with a stand-in for systemd that starts real processes in real folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.limits import confine, confinement, systemd_scope
from harness.limits.groups import marked

RUN = """#!{python}
import os, sys
from pathlib import Path
if "--version" in sys.argv:
    print("systemd {version} (stand-in)")
    sys.exit()
unit = next(a for a in sys.argv if a.startswith("--unit="))[7:]
limit = next(a for a in sys.argv if a.startswith("MemoryMax="))[10:]
Path("{top}", "arguments").write_text(" ".join(sys.argv[1:]))
command = sys.argv[sys.argv.index([a for a in sys.argv if "=" in a and a[0] != "-" and
                                   a.split("=")[0] in ("MemorySwapMax", "OOMPolicy")][-1]) + 1:]
if "probe" in unit:
    print({answer})
    sys.exit()
group = Path("{top}", "app.slice", unit)
group.mkdir(parents=True)
(group / "memory.max").write_text(limit)
(group / "memory.events").write_text("oom_kill 1")
os.execvp(command[0], command)
"""
# Of the scope's processes this systemd knows those that carry its name.
CONTROL = """#!{python}
import sys
from pathlib import Path
group = Path("{top}", "app.slice", sys.argv[-1])
if group.exists():
    from harness.limits.groups import marked
    procs = marked(sys.argv[-1].removesuffix(".scope"))
    (group / "cgroup.procs").write_text("".join(f"{{pid}}\\n" for pid in procs))
    print("/app.slice/" + sys.argv[-1])
"""


def install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, version: int = 252, answer: str = "limit"
) -> None:
    for name, text in (("systemd-run", RUN), ("systemctl", CONTROL)):
        script = folder / name
        values = {"python": sys.executable, "top": folder, "version": version, "answer": answer}
        script.write_text(text.format(**values))
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.setattr(systemd_scope, "_top", lambda: folder)


def test_a_scope_keeps_its_counters_until_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch)
    monkeypatch.setattr(confinement, "_LIMITED", (systemd_scope.SystemdScope,))
    walls = confine(memory_bytes=2**28, cores=None, store_bandwidth=None, store_path=tmp_path)
    with walls as inside:
        command = inside.wrap([sys.executable, "-I", "-c", "import time; time.sleep(60)"])
        assert inside.processes() == []
        process = subprocess.Popen(command, start_new_session=True)
        deadline = time.monotonic() + 10
        while process.pid not in inside.processes() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert inside.processes() == [process.pid]  # the keeper does not show
        os.killpg(process.pid, signal.SIGKILL)  # and is not met
        returncode = process.wait()
        inside.end()
        assert len(marked(inside.name)) == 1
        assert inside.ran_out_of_memory(returncode)
    assert marked(inside.name) == []
    memory = inside.facts()["memory"]
    assert memory["mechanism"] == "systemd-scope"
    assert memory["limit_bytes"] == 2**28
    assert memory["oom_kills"] == 1
    arguments = (tmp_path / "arguments").read_text()
    assert "--scope --quiet --collect" in arguments
    assert f"-p MemoryMax={2**28} -p MemorySwapMax=0" in arguments
    assert "OOMPolicy" not in arguments


def test_a_newer_systemd_is_told_to_leave_the_keeper_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, version=257)
    assert systemd_scope.obstacle("--user") is None
    assert "-p OOMPolicy=continue" in (tmp_path / "arguments").read_text()


def test_a_systemd_that_has_no_memory_controller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, answer="'max'")
    assert "not delegated" in str(systemd_scope.obstacle("--user"))


def test_no_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, answer="1 / 0")
    assert "does not work here" in str(systemd_scope.obstacle("--user"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert "not installed" in str(systemd_scope.obstacle("--user"))
