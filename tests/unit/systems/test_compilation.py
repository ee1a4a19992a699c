"""Compiled blocks: one compilation serves all models and batch sizes, and all systems agree.

The graphs are found by the real torch.compile; only the last step, which makes C++ of them and
takes about half a minute of two cores for the first one, is left to PyTorch's operators
(``python -m bench.compiled_blocks`` takes all of it).
"""

from __future__ import annotations

import pytest
import torch

from systems.errors import ConfigurationError
from systems.models import compilation
from systems.models.build import block_architectures, build_plain, split
from systems.models.skeleton import Skeleton, SkeletonPool
from tests.searching import TEXT, Searches
from tests.unit.models.conftest import small_inputs, small_shape
from tests.unit.systems.test_same_answer import assert_base_agrees


@pytest.fixture(autouse=True)
def _graphs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "BACKEND", "aot_eager")


def compiled_graphs() -> int:
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


def test_one_compilation_serves_all_models_and_batch_sizes() -> None:
    shape = small_shape("resnet18")
    name = block_architectures(shape)[0]
    (images,) = small_inputs("resnet18", items=5)
    torch.manual_seed(1)
    blocks = [split(shape, build_plain(shape).eval())[0] for _ in range(3)]
    skeleton = SkeletonPool(is_compiled=True).skeleton(name)
    bound = [skeleton.bind(block.state_dict()) for block in blocks]
    before = compiled_graphs()
    for items in (3, 5, 2):
        for ours, plain in zip(bound, blocks, strict=True):
            x = images[:items]
            with torch.inference_mode():
                expected = plain(x)
            torch.testing.assert_close(ours(x), expected, rtol=1e-4, atol=1e-5)
    assert compiled_graphs() - before == 1
    assert not torch.equal(bound[0](images), bound[1](images))


def test_systems_agree_compiled_and_compile_before_they_search(search: Searches) -> None:
    parameters = {**TEXT, "models": 4}
    plain = search("shift", **parameters)
    before = compiled_graphs()
    shift = search("shift", compile=True, **parameters)
    # Three blocks; the two layers with and without padding.
    assert compiled_graphs() - before == 5
    assert shift["phases_s"]["compile"] > 0
    assert plain["phases_s"]["compile"] == 0
    for name in ("operations", "blocks_read", "items_decoded"):
        assert shift["counts"][name] == plain["counts"][name]
    assert search("alsatian", compile=True, **parameters)["answer"] == shift["answer"]
    assert_base_agrees(search("baseline", compile=True, **parameters), shift["answer"])


def test_a_block_that_cannot_be_followed_is_a_sentence(
    search: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Looking(torch.nn.Module):
        def __init__(self, module: torch.nn.Module) -> None:
            super().__init__()
            self.__dict__.update(module.__dict__)
            self._call = type(module).forward

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            return self._call(self, *inputs) if inputs[0].sum() > 0 else inputs[0]

    original = Skeleton.__init__

    def with_a_look(self, architecture, module, **settings):  # type: ignore[no-untyped-def]
        if architecture == "resnet18/0":
            module = Looking(module)
        original(self, architecture, module, **settings)

    monkeypatch.setattr(Skeleton, "__init__", with_a_look)
    with pytest.raises(ConfigurationError, match=r"torch.compile failed .*'compile: false'"):
        search("shift", compile=True, models=2)
