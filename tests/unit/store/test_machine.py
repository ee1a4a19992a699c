from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from systems.errors import StoreError
from systems.store.blocks import BlockContent, block_hash
from systems.store.store import BlockStore

_MODELS = st.integers(0, 5)
_SEEDS = st.lists(st.integers(0, 4), min_size=1, max_size=4)


def _block(seed: int) -> BlockContent:
    tensors = {"w": torch.full((3, 5), seed, dtype=torch.float32), "n": torch.tensor(seed)}
    return BlockContent(architecture=f"tiny/{seed}", tensors=tensors)


class StoreMachine(RuleBasedStateMachine):
    """Whatever is added, damaged, added again and reopened: the right tensors or an error."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.store = BlockStore.open(self.root)
        self.models: dict[str, list[int]] = {}
        self.damaged: set[int] = set()

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.root)

    @rule(model=_MODELS, seeds=_SEEDS)
    def add(self, model: int, seeds: list[int]) -> None:
        name = f"m{model}"
        blocks = [_block(seed) for seed in seeds]
        known = self._known()
        try:
            added = self.store.add_model(name, architecture="t", blocks=blocks, metadata={})
        except StoreError:
            assert self.models.get(name, seeds) != seeds
        else:
            assert self.models.setdefault(name, seeds) == seeds
            assert added.new_blocks == len(set(seeds) - (known - self.damaged))
            self.damaged -= set(seeds)

    @rule(seed=st.integers(0, 4), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
    def flip(self, seed: int, place: float, bit: int) -> None:
        if seed in self._known() - self.damaged:
            data = bytearray(self._path(seed).read_bytes())
            data[int(place * len(data))] ^= 1 << bit
            self._path(seed).write_bytes(data)
            self.damaged.add(seed)

    @rule(seed=st.integers(0, 4))
    def remove(self, seed: int) -> None:
        if seed in self._known():
            self._path(seed).unlink(missing_ok=True)
            self.damaged.add(seed)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = BlockStore.open(self.root, create=False)

    @invariant()
    def reads_are_right(self) -> None:
        assert set(self.store.model_ids()) == self.models.keys()
        for name, seeds in self.models.items():
            refs = self.store.model(name).blocks
            for ref, seed in zip(refs, seeds, strict=True):
                try:
                    tensors = self.store.read_block(ref.hash)
                except StoreError:
                    assert seed in self.damaged
                else:
                    assert seed not in self.damaged
                    assert torch.equal(tensors["w"], _block(seed).tensors["w"])
        assert len(self.store.verify()) == len(self.damaged)

    def _known(self) -> set[int]:
        return {seed for seeds in self.models.values() for seed in seeds}

    def _path(self, seed: int) -> Path:
        return self.root / "blocks" / f"{block_hash(_block(seed))}.safetensors"


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
