"""``quality``: models that are really trained, searched, and held against the truth."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.cli.conftest import Project

SCENARIO = """\
name: trained
title: Trained models
matrix:
  system: [baseline, alsatian]
fixed:
  architecture: vit_ti_16
  model_set: trained
  distribution: top_25
  tasks: digits
  train_epochs: 1
  train_items: 40
  dataset: digits
  models: 3
  items: 60
  resolution: 16
  batch_size: 8
  allow_tiny: true
  telemetry: false
"""


def test_a_search_over_trained_models_is_judged(project: Project, tmp_path: Path) -> None:
    project.write(SCENARIO, "trained.yaml")
    early = project.run("quality", "trained.yaml")
    assert early.code == 3
    assert "run trained.yaml" in early.err.split("Run the scenario first:")[1]
    ran = project.run("run", "trained.yaml")
    assert ran.code == 0, ran.err
    assert "answers agree" in ran.out
    record = json.loads(project.records("trained")[0].read_text())
    assert record["ingest"]["training_s"] > 0
    first = project.run("quality", "trained.yaml")
    assert first.code == 0, first.err
    for expected in ("regret", "a model at random", "held-out items", "pays after"):
        assert expected in first.out
    folder = project.folder / "runs" / "trained"
    with (folder / "quality.csv").open() as file:
        lines = {line["label"]: line for line in csv.DictReader(file)}
    for label in ("Base", "Alsatian"):
        assert 0 <= float(lines[label]["regret"]) < 1
    assert float(lines["fine-tuning every model"]["regret"]) == 0
    assert (folder / "quality.png").stat().st_size > 10_000
    known = {path: path.stat().st_mtime_ns for path in (project.cache / "quality").iterdir()}
    assert len(known) == 3
    again = project.run("quality", "trained.yaml")  # nothing is fine-tuned twice
    assert again.code == 0, again.err
    after = {path: path.stat().st_mtime_ns for path in (project.cache / "quality").iterdir()}
    assert after == known
