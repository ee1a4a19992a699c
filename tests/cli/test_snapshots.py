"""A search over a user's checkpoints, by the real command."""

from __future__ import annotations

import json

from tests.checkpoints import save, small_model
from tests.cli.conftest import Project

SCENARIO = """\
name: mine
title: Checkpoints of a user
matrix:
  system: [alsatian]
fixed:
  architecture: hf_vit+hf_resnet
  model_set: snapshots
  models_path: checkpoints
  dataset: digits
  items: 60
  resolution: 32
  allow_tiny: true
  telemetry: false
"""


def test_what_is_broken_is_skipped_and_named(project: Project) -> None:
    folder = project.folder / "checkpoints"
    save(small_model("hf_vit"), folder / "vit")
    save(small_model("hf_resnet"), folder / "resnet")
    save(small_model("hf_vit"), folder / "broken")
    (folder / "broken" / "model.safetensors").write_bytes(b"nothing")
    project.write(SCENARIO, "mine.yaml")

    result = project.run("run", "mine.yaml", cache=project.folder / "cache")

    assert result.code == 0, result.out + result.err
    assert "The checkpoint broken is skipped" in result.out
    assert "2 checkpoints are searched; up to 3 were asked for" in result.out
    (path,) = project.records("mine")
    record = json.loads(path.read_text())
    assert len(record["answer"]["models"]) == 2
    (skipped,) = record["ingest"]["skipped"]
    assert str(folder / "broken" / "model.safetensors") in skipped["reason"]
