from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.spec import vocabulary
from scenarios.errors import ScenarioError
from scenarios.loading import find_scenario, load_scenario, shipped_scenarios
from tests.unit.scenarios.conftest import HEAD, VOCABULARY

WHOLE = """\
name: fig10
title: End-to-end search time
description: What the paper shows.
matrix:
  system: [baseline, shift, "alsatian-paper+cache_budget=64 MiB"]
  items: [2000, 8000]
zip:
  - architecture: [resnet18, vit_l_32]
    batch_size: [128, 32]
fixed: {distribution: top_50, models: 35, wall_limit: 10 min}
rounds: 8
exclude:
  - {architecture: vit_l_32, device: cpu, reason: hours on a CPU}
scales:
  cpu: {resolution: 64, items: [400, 800], models: 12, rounds: 2}
"""


def refused(load, text):
    with pytest.raises(ScenarioError) as caught:
        load(text)
    return str(caught.value).splitlines()


def test_a_whole_scenario(load):
    scenario = load(WHOLE)
    assert scenario.name == "fig10"
    assert scenario.rounds == 8
    assert scenario.matrix == {
        "system": ("baseline", "shift", "alsatian-paper+cache_budget=64 MiB"),
        "items": (2000, 8000),
    }
    assert scenario.zips == ({"architecture": ("resnet18", "vit_l_32"), "batch_size": (128, 32)},)
    assert scenario.fixed == {"distribution": "top_50", "models": 35, "wall_limit": 600.0}
    assert scenario.exclusions[0].values == {"architecture": ("vit_l_32",), "device": ("cpu",)}
    assert scenario.where("items", 8000).endswith("example.yaml:6")


def test_a_scale_replaces_values_and_axes(load):
    scenario = load(WHOLE).at_scale("cpu")
    assert scenario.matrix["items"] == (400, 800)
    assert list(scenario.matrix) == ["system", "items"]
    assert scenario.fixed["models"] == 12
    assert scenario.fixed["resolution"] == 64
    assert (scenario.rounds, scenario.scale) == (2, "cpu")


def test_a_scale_turns_an_axis_into_a_fixed_value_and_back(load):
    scales = "scales: {one: {items: 7, batch_size: [1, 2]}}\n"
    scenario = load(
        HEAD.replace("top_50", "top_50, batch_size: 3")
        + "matrix: {system: [shift], items: [5, 6]}\n"
        + scales
    ).at_scale("one")
    assert scenario.matrix == {"system": ("shift",), "batch_size": (1, 2)}
    assert scenario.fixed == {"architecture": "resnet18", "distribution": "top_50", "items": 7}


def test_an_unknown_scale_is_refused(load):
    with pytest.raises(ScenarioError, match=r"no scale 'gpu'\. Did you mean 'cpu'\?"):
        load(WHOLE).at_scale("gpu")


def test_all_mistakes_are_named_at_once_in_order_of_line(load):
    lines = refused(
        load,
        """\
name: Fig 10
titel: x
matrix:
  system: [baseline, shfit]
  architecture:
    - resnet18
    - resnet81
  items: [400, many]
  batch_size: 32
  data_seed: []
models: 12
fixed:
  items: 400
  distribution: top50
  rounds: 8
  thread: 2
""",
    )
    path, expected = (
        lines[0].split(":")[0],
        [
            "1: The name 'Fig 10' breaks the rule",
            "1: 'title' is missing",
            "2: There is no key 'titel'. Did you mean 'title'?",
            "4: There is no system 'shfit'. Did you mean 'shift'?",
            "7: There is no architecture 'resnet81'. Did you mean 'resnet18'?",
            "8: items must be a whole number of at least 1, not 'many'.",
            "9: 'batch_size' in matrix must be a list: write 'batch_size: [32]', or",
            "10: The axis 'data_seed' is empty",
            "11: 'models' is a run parameter: move it to fixed",
            "13: 'items' is given in matrix and in fixed",
            "14: There is no distribution 'top50'. Did you mean 'top_50'?",
            "15: 'rounds' does not belong in fixed: it stands at the top level.",
            "16: There is no run parameter 'thread' (in fixed). Did you mean 'threads'?",
        ],
    )
    assert path.endswith("example.yaml")
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(f"{path}:{start}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "example.yaml: The file is empty"),
        ("- a\n", "example.yaml:1: A scenario must be a mapping"),
        ("name: [a\ntitle: b\n", "example.yaml:2: This is not YAML"),
        ("name: a\n\ttitle: b\n", "example.yaml:2: This is not YAML"),
        ("a: 1\n---\nb: 2\n", "example.yaml:2: This is not YAML: expected a single document"),
        ("name: a\n\x07", "example.yaml:2: This is not YAML: the character U+0007"),
        ("[" * 5000, "nested too deep"),
        ("a: &a [*a]", "nested too deep"),
        (HEAD + "name: b\n", "example.yaml:4: 'name' is given twice, first in line 1."),
        (HEAD + "title: !!python/name:os.system x\n", "cannot be read as"),
        (HEAD + "matrix: !!python/object/apply:os.system [ls]\n", "is not used in scenarios"),
        (HEAD + "matrix: {<<: {items: [1]}}\n", "'<<' is not used"),
        (HEAD + "matrix: {? [a] : [1]}\n", "A key must be a word"),
        (HEAD + "description: 2024-01-01\n", "read as a date: put it in quotes"),
        (HEAD + "description: 3\n", "'description' must be text: put it in quotes"),
        (HEAD + "rounds: 0\n", "'rounds' must be a whole number of at least 1"),
        (HEAD + "matrix:\n", "example.yaml:4: 'matrix' must be a mapping"),
        (HEAD + "zip: {items: [1]}\n", "'zip' must be a list"),
        (HEAD + "zip: [{}]\n", "An entry of 'zip' is empty"),
        (HEAD, "The parameter 'system' is missing"),
        (HEAD + "matrix: {system: [shift, shift]}\n", "has 'shift' more than once"),
        (HEAD + "matrix: {system: [[shift]]}\n", "must be a single value"),
        (HEAD.replace("top_50", "[top_50]"), "in fixed is a list: move it to matrix"),
        (HEAD + "exclude: [{reason: none}]\n", "names no parameter"),
        (HEAD + "exclude: [{items: 1}]\n", "'reason' is missing"),
        (HEAD + "exclude: [{item: 1, reason: x}]\n", "(in exclude). Did you mean 'items'?"),
        (HEAD + "exclude: [{items: [], reason: x}]\n", "'items' in exclude has no values"),
        (HEAD + "scales: {cpu: {itms: 1}}\n", "(in the scale 'cpu'). Did you mean 'items'?"),
        (HEAD + "scales: {cpu: {items: many}}\n", "items must be a whole number"),
    ],
)
def test_each_mistake_has_its_sentence(load, text, sentence):
    assert sentence in "\n".join(refused(load, text))


AXES = HEAD + "matrix: {system: [shift], items: [200, 400]}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "zip:\n- models: [1, 2]\n  model_seed: [1]\n",
            "example.yaml:6: Zipped axes must have the same length, but models has 2, model_seed",
        ),
        ("zip: [{models: [1, 1], model_seed: [3, 3]}]\n", "repeat"),
        ("zip: [{items: [1]}]\n", "'items' is given in matrix and in zip"),
        ("zip: [{models: [1]}, {models: [2]}]\n", "'models' is given twice in zip"),
        (
            "exclude: [{items: 300, reason: x}]\n",
            "The exclusion matches nothing: 'items' is never '300'.",
        ),
        ("exclude: [{architecture: bert, reason: x}]\n", "'architecture' is never 'bert'"),
        ("scales: {cpu: {items: [1, 1]}}\n", "The values of items repeat"),
        (
            "zip: [{models: [1, 2], model_seed: [1, 2]}]\nscales: {cpu: {models: [1]}}\n",
            "example.yaml:6: Zipped axes must have the same length",
        ),
    ],
)
def test_parts_that_do_not_fit_one_another(load, text, sentence):
    assert sentence in "\n".join(refused(load, AXES + text))


def test_an_exclusion_may_name_what_only_a_scale_has(load):
    text = "exclude: [{items: 50, reason: x}]\nscales: {cpu: {items: [50, 60]}}\n"
    assert load(AXES + text).exclusions


def test_anchors_are_plain_yaml(load):
    text = "zip: [{models: &few [2, 3], model_seed: *few}]\n"
    assert load(AXES + text).zips == ({"models": (2, 3), "model_seed": (2, 3)},)


def test_unfolding_aliases_end_in_a_sentence(load):
    rows = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "unfolds to too much" in refused(load, "\n".join(rows))[0]


lines = st.sampled_from([*WHOLE.splitlines(), "  - x", "}: [", "'", "&a *a", "!!int x", "\t", "? "])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(lines, st.text(st.characters(codec="utf-8"), max_size=12)), max_size=14))
def test_any_text_is_loaded_or_refused_with_a_sentence(load, rows):
    try:
        load("\n".join(rows))
    except ScenarioError as caught:
        problems = caught.problems
    else:
        return
    assert problems
    assert all(problem.message.endswith((".", "?")) for problem in problems)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"title: caf\xe9")
    for name, sentence in [
        ("latin.yaml", "The file is not UTF-8 text: byte 10"),
        ("missing.yaml", "The file cannot be read: No such file"),
        ("", "The file cannot be read: Is a directory"),
    ]:
        with pytest.raises(ScenarioError, match=sentence):
            load_scenario(tmp_path / name, VOCABULARY)


def test_shipped_scenarios_are_valid_and_named_after_their_files():
    shipped = shipped_scenarios()
    assert {"quick", "tiny"} <= shipped.keys()
    for name, path in shipped.items():
        scenario = load_scenario(path, vocabulary())
        assert scenario.name == name
        assert yaml.safe_load(path.read_text())["title"] == scenario.title


def test_scenarios_are_found_by_name_and_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").touch()
    assert find_scenario("quick") == shipped_scenarios()["quick"]
    assert find_scenario("own.yaml").name == "own.yaml"
    with pytest.raises(ScenarioError, match=r"no scenario 'quik'\. Did you mean 'quick'\?"):
        find_scenario("quik")
    with pytest.raises(ScenarioError, match=r"no file 'x/quick\.yaml'\. Did you mean the shipped"):
        find_scenario(os.path.join("x", "quick.yaml"))  # noqa: PTH118 - as a person types it


def test_scenarios_are_torch_free():
    code = "import sys, scenarios.loading, scenarios.matrix; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_the_values_of_a_scale_stand_for(load):
    scenario = load(
        HEAD
        + """\
matrix: {system: [baseline]}
scales:
  cpu:
    items: 200
    stands_for: {items: {200: 8000}, memory_limit: {2 GB: 10 GB}}
"""
    )
    assert scenario.stands_for == {}
    scaled = scenario.at_scale("cpu")
    assert scaled.stands_for == {"items": {200: 8000}, "memory_limit": {2 * 10**9: 10**10}}
    assert scaled.runs_name == f"{scenario.name}@cpu"


def test_bad_stand_ins_are_named(load):
    scales = "scales: {cpu: {stands_for: {items: {few: 8000}, thing: {1: 2}}}}\n"
    lines = "\n".join(refused(load, HEAD + "matrix: {system: [baseline]}\n" + scales))
    assert "few" in lines
    assert "There is no run parameter 'thing'" in lines
