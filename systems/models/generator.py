"""How the models of a synthetic set come to be, one after the other."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from systems.models.build import block_architectures, build_plain, split
from systems.models.calibration import one_thread, set_statistics
from systems.models.lineage import Origin, distribution, owner, snapshot_lineage
from systems.models.snapshot_spec import SnapshotSetSpec
from systems.models.weights import load_weights
from systems.store.blocks import BlockContent
from systems.store.store import BlockRef, BlockStore

_IMAGES = (0, 0)  # the calibration batch itself, what goes into the first block


class SnapshotGenerator:
    """Makes one model after the other; each starts from an earlier one's blocks."""

    def __init__(self, spec: SnapshotSetSpec, store: BlockStore, images: Tensor | None) -> None:
        self.model_ids: list[str] = []
        self._spec = spec
        self._shape = spec.shape
        self._store = store
        self._names = block_architectures(self._shape)
        self._blocks = len(self._names)
        self._origins = snapshot_lineage(
            self._blocks,
            count=spec.count,
            distribution=distribution(spec.distribution),
            seed=spec.seed,
        )
        self._id_stem = f"{spec.architecture}-{spec.distribution}-s{spec.seed}"
        self._family = spec.family_id()  # kept: it may read a whole file of weights
        self._refs: list[tuple[BlockRef, ...]] = []
        self._calibrates = images is not None
        # What the calibration batch becomes before a block, by (model that made it, block),
        # kept until the last model that starts there: no block runs for it twice.
        self._uses = Counter(self._start(index) for index in range(spec.count))
        self._inputs = {} if images is None else {_IMAGES: images}

    def add(self, index: int) -> int:
        """Make model ``index``, add it to the store, and say how many bytes were new."""
        origin = self._origins[index]
        first_new = self._blocks - origin.depth
        new_blocks = self._fresh_blocks(index)[first_new:]
        if self._calibrates:
            self._calibrate(index, first_new, new_blocks)
        model_id = f"{self._id_stem}-{index:03d}-{self._family[:8]}"
        inherited = () if origin.parent is None else self._refs[origin.parent][:first_new]
        contents = [
            BlockContent(architecture=name, tensors=block.state_dict())
            for name, block in zip(self._names[first_new:], new_blocks, strict=True)
        ]
        added = self._store.add_model(
            model_id,
            architecture=self._shape.id,
            blocks=[*inherited, *contents],
            metadata=self._metadata(index, origin),
        )
        self._refs.append(self._store.model(model_id).blocks)
        self.model_ids.append(model_id)
        return added.new_bytes

    def _fresh_blocks(self, index: int) -> tuple[nn.Module, ...]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(model_seed(self._spec.seed, index))
            plain = build_plain(self._shape)
        if index == 0 and self._spec.base_weights is not None:
            load_weights(self._shape, plain, self._spec.base_weights)
        return split(self._shape, plain.eval())

    def _calibrate(self, index: int, first_new: int, new_blocks: tuple[nn.Module, ...]) -> None:
        """Set the statistics of new blocks in order, and keep inputs that are needed later."""
        x = self._take_input(index)
        pretrained = index == 0 and self._spec.base_weights is not None
        with one_thread(), torch.inference_mode():
            for position, block in enumerate(new_blocks, start=first_new):
                if not pretrained:
                    set_statistics(block, x)
                if position + 1 < self._blocks:
                    x = block(x)
                    if (index, position + 1) in self._uses:
                        self._inputs[index, position + 1] = x

    def _take_input(self, index: int) -> Tensor:
        """What model ``index``'s first new block gets; forgotten after its last use."""
        start = self._start(index)
        self._uses[start] -= 1
        return self._inputs[start] if self._uses[start] else self._inputs.pop(start)

    def _start(self, index: int) -> tuple[int, int]:
        """The model that made the input of ``index``'s first new block, and that block."""
        first_new = self._blocks - self._origins[index].depth
        if first_new == 0:
            return _IMAGES
        maker = owner(self._origins, index, block=first_new - 1, blocks=self._blocks)
        return maker, first_new

    def _metadata(self, index: int, origin: Origin) -> Mapping[str, object]:
        return {
            "family": self._family,
            "index": index,
            "parent": None if origin.parent is None else self.model_ids[origin.parent],
            "depth": origin.depth,
            "distribution": self._spec.distribution,
            "seed": self._spec.seed,
        }


def model_seed(seed: int, index: int) -> int:
    """A seed for each model that says nothing about its neighbours'."""
    digest = hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
