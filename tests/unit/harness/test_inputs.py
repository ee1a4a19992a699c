"""What runs share, and what makes a run another one."""

from __future__ import annotations

import os
from pathlib import Path

from harness import inputs
from harness.inputs import files_fingerprint, preparation_key
from tests.searching import DEFAULTS


def test_systems_share_what_is_prepared() -> None:
    assert preparation_key({**DEFAULTS, "batch_size": 1}) == preparation_key(DEFAULTS)
    assert preparation_key({**DEFAULTS, "model_seed": 1}) != preparation_key(DEFAULTS)


def test_changed_files_make_another_run(tmp_path: Path) -> None:
    file = tmp_path / "class" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"abc")
    os.utime(file, ns=(1, 1))
    spec = {**DEFAULTS, "path": str(tmp_path)}
    before = files_fingerprint(spec)
    assert files_fingerprint(spec) == before
    file.write_bytes(b"abd")
    os.utime(file, ns=(2, 2))
    inputs._fingerprint.cache_clear()  # as a new command would begin
    changed = files_fingerprint(spec)
    assert changed != before
    (tmp_path / "class" / "b.png").write_bytes(b"")
    inputs._fingerprint.cache_clear()
    assert files_fingerprint(spec) not in (before, changed)
    assert files_fingerprint(DEFAULTS) == files_fingerprint({**DEFAULTS, "path": None})
