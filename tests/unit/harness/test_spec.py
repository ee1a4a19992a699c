from __future__ import annotations

import json
import pickle

import pytest

from harness.resolving import SpecError
from harness.spec import RunSpec, run_specs, vocabulary
from scenarios.errors import ScenarioError
from scenarios.loading import load_scenario
from scenarios.matrix import Cell, parse_filters
from scenarios.parameters import PARAMETERS, SYSTEM_OPTIONS
from systems.registry import BUILT_IN

BASICS = {"system": "alsatian", "architecture": "resnet18", "distribution": "top_50"}


def spec_of(folder=None, **parameters):
    return RunSpec.from_cell(Cell(parameters={**BASICS, **parameters}), folder=folder)


def load(tmp_path, text):
    path = tmp_path / "example.yaml"
    path.write_text(text)
    return load_scenario(path, vocabulary())


def test_the_identity_is_frozen():
    """If this fails, earlier records will not be found again: raise SPECIFICATION too."""
    spec = spec_of(system="alsatian-paper+cache_budget=64 MiB", models=12, resolution=64)
    assert spec.canonical() == {
        "allow_tiny": False,
        "architecture": "resnet18",
        "batch_size": 32,
        "cache": "warm",
        "compile": False,
        "cores": None,
        "data_seed": 0,
        "data_workers": 0,
        "decoded_budget": None,
        "dataset": "digits",
        "device": "cpu",
        "distribution": "top_50",
        "fold_batch_norm": False,
        "gpu_allocator_cap": None,
        "head_classes": None,
        "items": 400,
        "memory_format": "channels_last",
        "memory_limit": None,
        "model_seed": 0,
        "model_set": "synthetic",
        "models": 12,
        "models_path": None,
        "options": {
            "batched_heads": False,
            "cache_budget": 67108864,
            "decode_once": False,
            "in_place": False,
            "keep_blocks": False,
            "memory_budget": None,
            "prefetch": False,
            "prefetch_budget": None,
            "recompute": False,
            "schedule": "block_major",
            "siblings_together": False,
            "stop_when_decided": False,
            "traversal": "dfs_plus",
        },
        "part": "full",
        "part_input": None,
        "path": None,
        "precision": "fp32",
        "profile": False,
        "resolution": 64,
        "scorer": "linear",
        "sequence_length": None,
        "specification": 3,
        "store_bandwidth": None,
        "system": "alsatian-paper",
        "tasks": None,
        "telemetry": True,
        "test_fraction": 0.2,
        "threads": None,
        "train_epochs": None,
        "train_items": None,
        "vocabulary": None,
        "warm_up": 0,
        "weights": None,
    }
    assert spec.identity == "1b66b6102ba870aa5bca11e0bc306d7e1c8c8c3281c16b1aeb09334e70a7d24f"


def test_the_canonical_form_is_plain_json():
    spec = spec_of()
    assert json.loads(json.dumps(spec.canonical())) == spec.canonical()
    assert list(spec.canonical()) == sorted(spec.canonical())
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert len({spec, spec_of()}) == 1


def test_every_parameter_reaches_the_specification():
    fields = set(spec_of().canonical()) - {"specification", "options"}
    assert fields == {name for name in PARAMETERS if PARAMETERS[name].in_identity} - set(
        SYSTEM_OPTIONS
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("system", "shift"),
        ("architecture", "resnet34"),
        ("distribution", "top_25"),
        ("models", 3),
        ("model_seed", 1),
        ("weights", "hub"),
        ("dataset", "fake"),
        ("items", 401),
        ("test_fraction", 0.25),
        ("data_seed", 1),
        ("resolution", 64),
        ("scorer", "linear-paper"),
        ("batch_size", 16),
        ("device", "cuda"),
        ("threads", 1),
        ("memory_format", "contiguous"),
        ("data_workers", 1),
        ("fold_batch_norm", True),
        ("decoded_budget", "1 MiB"),
        ("allow_tiny", True),
        ("cache_budget", "1 MiB"),
        ("memory_budget", "1 MiB"),
        ("schedule", "block_major"),
        ("traversal", "dfs_plus"),
        ("in_place", False),
        ("siblings_together", False),
        ("recompute", False),
        ("prefetch", False),
        ("prefetch_budget", "1 MiB"),
        ("decode_once", False),
        ("keep_blocks", False),
        ("batched_heads", False),
        ("stop_when_decided", True),
        ("model_set", "trained"),
        ("part", "last_3"),
        ("head_classes", 100),
        ("precision", "bf16"),
        ("compile", True),
        ("warm_up", 2),
    ],
)
def test_what_influences_a_run_is_part_of_its_identity(name, value):
    assert spec_of(**{name: value}).identity != spec_of().identity


def test_the_wall_limit_is_no_part_of_the_identity():
    spec = spec_of(wall_limit="10 min")
    assert spec.wall_limit_s == 600
    assert spec.identity == spec_of().identity


def test_an_alias_is_its_system():
    assert spec_of(system="base").identity == spec_of(system="baseline").identity


def test_options_that_do_not_apply_make_no_difference():
    plain = spec_of(system="shift")
    assert "schedule" not in plain.options
    assert spec_of(system="shift", cache_budget="1 MiB", batched_heads=True) == plain


def test_an_option_given_with_the_system_comes_first():
    spec = spec_of(system="baseline+decode_once", decode_once=False)
    assert spec.options["decode_once"] is True
    assert spec_of(system="baseline", decode_once=True) == spec
    assert spec_of(system="alsatian+decode_once=false").options["decode_once"] is False
    assert spec_of(system="alsatian", decode_once=None).options["decode_once"] is True


def test_an_option_that_the_system_lacks_is_refused():
    with pytest.raises(SpecError, match=r"'baseline' has no option 'schedule'.*decode_once"):
        spec_of(system="baseline+schedule=block_major")


def test_every_built_in_default_is_a_value_of_its_option():
    for info in BUILT_IN:
        for option, default in info.options.items():
            assert PARAMETERS[option].parse(default) == default


@pytest.mark.parametrize(
    ("system", "label"),
    [
        ("baseline", "Base"),
        ("baseline+decode_once", "Base + decode_once"),
        ("baseline+decode_once=false", "Base"),
        ("baseline+decode_once+prefetch", "Base (strong)"),
        (
            "baseline+prefetch+decode_once+prefetch_budget=1 MiB",
            "Base (strong) + prefetch_budget=1 MiB",
        ),
        ("alsatian-paper+cache_budget=64 MiB", "Alsatian (paper) + cache_budget=64 MiB"),
        (
            "alsatian+schedule=block_major+keep_blocks=false",
            "Alsatian + schedule=block_major + keep_blocks=false",
        ),
    ],
)
def test_labels(system, label):
    assert spec_of(system=system).label == label


def test_images_take_the_resolution_of_their_architecture():
    spec = spec_of(sequence_length=64)
    assert (spec.resolution, spec.sequence_length) == (224, None)


def test_text_has_no_resolution_and_no_memory_format():
    spec = spec_of(architecture="bert_tiny", dataset="docstrings", resolution=64)
    assert (spec.resolution, spec.sequence_length) == (None, 128)
    assert spec == spec_of(
        architecture="bert_tiny", dataset="docstrings", memory_format="contiguous"
    )


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        (
            {"architecture": "bert"},
            "bert reads text; the dataset 'digits' has images. "
            "Choose one of text_folder, docstrings, imdb.",
        ),
        ({"dataset": "docstrings"}, "resnet18 reads images; the dataset 'docstrings' has text."),
        ({"resolution": 16}, "16 px is too small for resnet18"),
        ({"architecture": "vit_l_32", "resolution": 100}, "multiple of the patch size, 32 px"),
        ({"resolution": 100_000}, "at most 4096 px"),
        (
            {"architecture": "bert", "dataset": "docstrings", "sequence_length": 1000},
            "bert reads at most 512",
        ),
        ({"architecture": "vit_ti_16", "weights": "hub"}, "Nobody publishes weights"),
        ({"dataset": "image_folder"}, "The dataset 'image_folder' needs a path"),
        ({"dataset": "image_folder", "path": "nowhere"}, "nothing at the path 'nowhere'"),
        ({"weights": "w.safetensors"}, "nothing at the weights 'w.safetensors'"),
        ({"architecture": "resnet18+bert"}, "resnet18 reads images, bert reads text"),
        (
            {"architecture": "resnet18+vit_ti_16", "models": 1},
            "models is 1, but resnet18+vit_ti_16 are 2 architectures",
        ),
        ({"architecture": "resnet18+resnet81"}, "no architecture 'resnet81'. Did you mean"),
        ({"architecture": "resnet18+"}, "There is no architecture '' (in 'resnet18+')"),
        ({"architecture": "resnet18@64+resnet18@96"}, "'resnet18' is given twice"),
        ({"architecture": "resnet18@big"}, "as in resnet18@96"),
        ({"architecture": "resnet18@9999"}, "at most 4096 px"),
        ({"architecture": "vit_ti_16@100+resnet18"}, "multiple of the patch size, 16 px"),
        (
            {"architecture": "bert+bert_tiny@64", "dataset": "docstrings"},
            "bert_tiny reads text and has no resolution",
        ),
        (
            {"architecture": "bert+bert_tiny", "dataset": "docstrings", "sequence_length": 513},
            "bert reads at most 512",
        ),
        (
            {"architecture": "resnet18+vit_ti_16", "weights": "base.pth"},
            "'base.pth' are of one architecture",
        ),
        ({"architecture": "resnet18+vit_ti_16", "weights": "hub"}, "weights for vit_ti_16"),
        ({"test_fraction": 1.0}, "test_fraction must be a number between 0 and 1"),
        ({"models": 0}, "models must be a whole number of at least 1"),
        ({"device": "tpu"}, "device must be cpu, cuda"),
        ({"system": "alsation"}, "There is no system 'alsation'. Did you mean 'alsatian'?"),
        ({"architecture": "resnet81"}, "There is no architecture 'resnet81'."),
        ({"dataset": "digit"}, "There is no dataset 'digit'. Did you mean 'digits'?"),
        ({"system": None}, "The parameter 'system' is missing"),
    ],
)
def test_what_cannot_be_run_is_refused(parameters, sentence):
    with pytest.raises(SpecError) as caught:
        spec_of(**parameters)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("given", "resolution", "architecture", "resolved"),
    [
        ("resnet18 + vit_ti_16", None, "resnet18+vit_ti_16", 224),
        ("resnet18+vit_ti_16", 64, "resnet18+vit_ti_16", 64),
        ("resnet18+vit_ti_16@96", 64, "resnet18@64+vit_ti_16@96", None),
        ("resnet18+vit_ti_16@96", None, "resnet18@224+vit_ti_16@96", None),
        ("resnet18@64+vit_ti_16@64", None, "resnet18+vit_ti_16", 64),
        ("resnet18@96", 64, "resnet18", 96),
    ],
)
def test_a_search_over_several_architectures_has_one_spelling(
    given, resolution, architecture, resolved
):
    spec = spec_of(architecture=given, resolution=resolution)
    assert (spec.architecture, spec.resolution) == (architecture, resolved)
    assert spec_of(architecture=architecture, resolution=resolved) == spec


def test_text_architectures_share_their_length():
    spec = spec_of(architecture="roberta+bert_tiny", dataset="docstrings", sequence_length=64)
    assert (spec.architecture, spec.sequence_length) == ("roberta+bert_tiny", 64)
    assert "35 of roberta+bert_tiny" in spec.summary


def test_a_scenario_can_search_several_architectures(tmp_path):
    text = (
        HEAD.replace("resnet18", "[resnet18 + vit_ti_16@96, resnet18]")
        .replace("fixed: {architecture:", "matrix: {architecture:")
        .replace(", distribution: top_50}", "}\nfixed: {system: alsatian, distribution: top_50}")
    )
    scenario = load(tmp_path, text)
    plan = run_specs(scenario, parse_filters(["architecture=resnet18+vit_ti_16@96"]))
    assert [spec.architecture for spec in plan.specs] == ["resnet18@224+vit_ti_16@96"]
    assert len(run_specs(scenario).specs) == 2
    with pytest.raises(ScenarioError, match=r"no architecture 'vit_t_16' .*Did you mean"):
        load(tmp_path, text.replace("vit_ti_16", "vit_t_16"))


@pytest.mark.parametrize("name", ["vit_ti_16", "bert"])
def test_folding_makes_no_difference_where_there_is_no_batch_norm(name):
    dataset = "docstrings" if name == "bert" else "digits"
    folded = spec_of(architecture=name, dataset=dataset, fold_batch_norm=True)
    assert folded == spec_of(architecture=name, dataset=dataset)
    both = spec_of(architecture="vit_ti_16+resnet18", fold_batch_norm=True)
    assert both.fold_batch_norm is True


def test_paths_are_looked_for_beside_the_scenario_then_here(tmp_path, monkeypatch):
    (tmp_path / "beside" / "photos").mkdir(parents=True)
    (tmp_path / "here" / "pictures").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    folder = tmp_path / "beside"
    beside = spec_of(folder, dataset="image_folder", path="photos")
    assert beside.path == str(tmp_path / "beside" / "photos")
    here = spec_of(folder, dataset="image_folder", path="pictures")
    assert here.path == str(tmp_path / "here" / "pictures")
    with pytest.raises(SpecError, match="Did you mean 'photos'"):
        spec_of(folder, dataset="image_folder", path="photo")
    (folder / "list.txt").touch()
    with pytest.raises(SpecError, match=r"path 'list\.txt' must be a folder"):
        spec_of(folder, dataset="image_folder", path="list.txt")
    assert spec_of(folder, path="photo").path is None  # digits have none


HEAD = "name: example\ntitle: x\nfixed: {architecture: resnet18, distribution: top_50}\n"
