"""What installed packages offer: found, or refused in a sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from harness import plug_in_code
from harness.environment import code_fingerprint
from harness.prediction import predict_runs
from harness.spec import RunSpec, vocabulary
from scenarios.matrix import Cell
from systems.data.datasets import DatasetSpec, available_datasets, open_dataset
from systems.errors import ConfigurationError
from systems.registry import available_systems, load_system
from systems.scoring.registry import available_scorers, load_scorer
from tests.plug_in import install

CACHED = (available_systems, available_scorers, available_datasets, plug_in_code._fingerprint)
SCORER = """\
from systems.scoring.registry import ScorerInfo
INFO = ScorerInfo(name="{name}", summary="A test's", factory="{factory}")
"""
SYSTEM = """\
from systems.registry import SystemInfo
INFO = SystemInfo(name="{name}", label="X", summary="A test's", factory="{factory}", aliases=("y",))
"""
DATASET = """\
from systems.data.datasets import DatasetKind
INFO = DatasetKind(name="{name}", modality="image", summary="A test's", opener="{factory}")
"""
SOURCES = {"scorers": SCORER, "systems": SYSTEM, "datasets": DATASET}

BASICS = {"system": "shift", "architecture": "resnet18", "distribution": "top_50"}

Offer = Callable[..., None]


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Offer]:
    """Install a package that offers one thing of a group."""
    monkeypatch.syspath_prepend(tmp_path)

    def offered(
        group: str, *, name: str = "x", factory: str = "no_such:thing", package: str = "offering",
        source: str | None = None,
    ) -> None:  # fmt: skip
        text = SOURCES[group].format(name=name, factory=factory) if source is None else source
        entry_points: Mapping[str, Mapping[str, str]] = {
            f"alsatian_bench.{group}": {name: f"{package}_module:INFO"}
        }
        install(tmp_path, package, modules={f"{package}_module": text}, entry_points=entry_points)
        forget(f"{package}_module")

    yield offered
    forget()


def forget(*modules: str) -> None:
    """As in a new process."""
    for module in modules:
        sys.modules.pop(module, None)
    for function in CACHED:
        function.cache_clear()


def test_all_three_kinds_can_be_named_in_a_scenario(offer: Offer) -> None:
    for group in SOURCES:
        offer(group, package=group)
        assert "x" in vocabulary()[group]
    assert "y" in vocabulary()["systems"]  # its alias


@pytest.mark.parametrize(
    ("group", "taken", "known"),
    [
        ("systems", "mosix", available_systems),  # an alias of Alsatian
        ("scorers", "linear", available_scorers),
        ("datasets", "digits", available_datasets),
    ],
)
def test_a_name_is_given_once(
    offer: Offer, group: str, taken: str, known: Callable[[], object]
) -> None:
    offer(group, name=taken)
    with pytest.raises(ConfigurationError, match=f"'{taken}' of the package 'offering'") as error:
        known()
    assert "alsatian-bench itself has given already" in str(error.value)


def test_two_packages_cannot_offer_the_same(offer: Offer) -> None:
    offer("scorers", package="first")
    offer("scorers", package="second")
    with pytest.raises(ConfigurationError, match=r"package '(first|second)' has given already"):
        available_scorers()


def test_what_cannot_be_loaded_or_is_something_else_is_named(offer: Offer) -> None:
    offer("datasets", source="import no_such_library\n")
    with pytest.raises(ConfigurationError) as error:
        available_datasets()
    for part in ("'offering'", "dataset 'x'", "No module named 'no_such_library'", "uninstall"):
        assert part in str(error.value)
    offer("systems", package="other", source="INFO = 'a word'\n")
    with pytest.raises(ConfigurationError, match=r"of the type str: .* has to name a SystemInfo"):
        available_systems()


def test_code_that_is_not_there_is_a_sentence_when_it_is_used(offer: Offer, tmp_path: Path) -> None:
    offer("scorers", package="a", factory="no_such:thing")
    offer("systems", package="b", factory="b_module:no_such")
    offer("datasets", package="c", factory="no colon")
    with pytest.raises(ConfigurationError, match=r"scorer 'x' \('no_such:thing', as module:"):
        load_scorer("x", classes=2, minibatch_items=8)
    with pytest.raises(ConfigurationError, match=r"system 'x' .* no attribute 'no_such'"):
        load_system("x")
    with pytest.raises(ConfigurationError, match=r"dataset 'x' .* No module named 'no colon'"):
        open_dataset(DatasetSpec(name="x", items=20, resolution=32), cache_dir=tmp_path)


def test_what_a_scorer_of_others_takes_is_not_made_up(offer: Offer, tmp_path: Path) -> None:
    offer("scorers")
    spec = RunSpec.from_cell(Cell(parameters={**BASICS, "scorer": "x"}))
    with pytest.raises(ConfigurationError, match=r"'x' cannot be predicted.* scorer=linear"):
        predict_runs([spec], profile="paper", cache=tmp_path)


def test_the_code_of_a_run_is_that_of_its_plug_ins_too(offer: Offer, tmp_path: Path) -> None:
    offer("scorers", factory="offering_module:make")
    plain = RunSpec.from_cell(Cell(parameters=BASICS))
    scored = RunSpec.from_cell(Cell(parameters={**BASICS, "scorer": "x"}))
    assert plug_in_code.fingerprint_for(plain) == code_fingerprint()
    before = plug_in_code.fingerprint_for(scored)
    assert before != code_fingerprint()
    with (tmp_path / "offering_module.py").open("a") as file:
        file.write("# other code\n")
    plug_in_code._fingerprint.cache_clear()
    assert plug_in_code.fingerprint_for(scored) != before
    assert plug_in_code.fingerprint_for(plain) == code_fingerprint()
