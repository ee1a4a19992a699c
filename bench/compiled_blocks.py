"""What bf16 and torch.compile gain on this machine, and what compiling costs.

``python -m bench.compiled_blocks resnet18 --resolution 64 --items 32`` puts batches through one
model in single precision, in bfloat16, compiled, and with folded batch norms, in turns, and
prints the median time of each, its ratio to plain single precision, and the largest difference
of the features, as a share of the largest feature. The model's weights are random.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from statistics import median

import torch
from torch import Tensor

from systems.data.model_inputs import InputMaker
from systems.data.transform import Transform
from systems.models.architectures import architecture
from systems.models.build import ModelShape, block_architectures, build_plain, split
from systems.models.skeleton import SkeletonPool

POOLS: Mapping[str, Callable[[], SkeletonPool]] = {
    "fp32": SkeletonPool,
    "fp32, folded": lambda: SkeletonPool(fold_batch_norm=True),
    "fp32, compiled": lambda: SkeletonPool(is_compiled=True),
    "bf16": lambda: SkeletonPool(number_type=torch.bfloat16),
    "bf16, compiled": lambda: SkeletonPool(number_type=torch.bfloat16, is_compiled=True),
}


class Passes:
    """One model, made to compute in one way."""

    def __init__(self, pool: SkeletonPool, shape: ModelShape, transform: Transform) -> None:
        layout = torch.channels_last if transform.resolution else torch.contiguous_format
        torch.manual_seed(0)
        blocks = split(shape, build_plain(shape).eval())
        names = block_architectures(shape)
        self._blocks = [
            pool.skeleton(name).bind(block.state_dict(), memory_format=layout)
            for name, block in zip(names, blocks, strict=True)
        ]
        self._maker = InputMaker(device="cpu", memory_format=layout, number_type=pool.number_type)
        self._transform = transform

    def run(self, rows: Tensor) -> tuple[float, Tensor]:
        """Seconds of one batch through all blocks, and its features."""
        batch = self._maker.batch(torch.arange(len(rows)).numpy(), self._transform, rows)
        started_s = time.perf_counter()
        x = batch.inputs
        for block in self._blocks:
            x = block(x, *batch.side)
        return time.perf_counter() - started_s, x.float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("architecture")
    parser.add_argument("--resolution", type=int, default=64, help="pixels; for images")
    parser.add_argument("--tokens", type=int, default=64, help="for texts")
    parser.add_argument("--items", type=int, default=32, help="of a batch")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", nargs="*", default=list(POOLS), choices=list(POOLS))
    options = parser.parse_args()
    is_text = architecture(options.architecture).modality == "text"
    if is_text:
        transform = Transform(sequence_length=options.tokens)
        rows = torch.randint(5, 1000, (options.items, options.tokens), dtype=torch.int32)
    else:
        transform = Transform(resolution=options.resolution)
        rows = torch.randint(0, 256, (options.items, *transform.shape), dtype=torch.uint8)
    shape = ModelShape(architecture=options.architecture, resolution=transform.resolution)
    seconds: dict[str, list[float]] = {}
    first: dict[str, tuple[float, Tensor]] = {}
    with torch.inference_mode(), tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        ways = {name: Passes(POOLS[name](), shape, transform) for name in options.only}
        for name, way in ways.items():
            first[name] = way.run(rows)
            seconds[name] = []
        for number in range(options.rounds):
            for name in list(ways)[:: 1 if number % 2 else -1]:
                seconds[name].append(ways[name].run(rows)[0])
    reference_s, (_, reference) = median(seconds[options.only[0]]), first[options.only[0]]
    print(f"{options.architecture}, batches of {options.items}, {torch.get_num_threads()} threads")
    for name, times in seconds.items():
        first_s, features = first[name]
        difference = ((features - reference).abs().max() / reference.abs().max()).item()
        print(
            f"{name:15} {1e3 * median(times):8.1f} ms   {reference_s / median(times):5.2f}×   "
            f"first pass {first_s:6.1f} s   features differ by {difference:.1e}"
        )


if __name__ == "__main__":
    main()
