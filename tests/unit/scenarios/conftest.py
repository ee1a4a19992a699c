from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scenarios.loading import load_scenario
from scenarios.scenario import Scenario

VOCABULARY = {
    "systems": ["baseline", "base", "shift", "alsatian-paper", "alsatian"],
    "architectures": ["resnet18", "resnet50", "resnet152", "vit_ti_16", "vit_l_32", "bert"],
    "distributions": ["top_50", "top_25", "top_layers"],
    "datasets": ["digits", "fake", "image_folder"],
    "scorers": ["linear", "linear-paper"],
}

HEAD = """\
name: example
title: An example
fixed: {architecture: resnet18, distribution: top_50}
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Scenario]:
    def load(text: str) -> Scenario:
        path = tmp_path / "example.yaml"
        path.write_text(text, encoding="utf-8")
        return load_scenario(path, VOCABULARY)

    return load
