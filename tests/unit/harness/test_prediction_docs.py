"""The page on predictions describes the profiles that are read."""

from __future__ import annotations

import re
from pathlib import Path

from harness.hardware_profiles import KEYS, read_profile

PAGE = Path(__file__).parents[3] / "docs/predictions.md"


def test_every_key_is_described_once() -> None:
    described = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), flags=re.MULTILINE)
    assert sorted(described) == sorted(KEYS)


def test_the_example_is_a_profile(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    path = tmp_path / "workstation.yaml"
    path.write_text(example)
    assert read_profile(path).memory_size_bytes == 24e9
