"""Small inputs on which every architecture runs in a moment."""

import functools

import pytest
import torch

from systems.models.architectures import ARCHITECTURES, architecture
from systems.models.build import ModelShape, build_plain

SMALL_PIXELS = 64
SLOW = {"resnet152", "efficientnet_v2_l", "vit_l_16", "vit_l_32", "bert", "roberta"}


def small_shape(name: str) -> ModelShape:
    """The shape for the small inputs: vision transformers get four patches."""
    entry = architecture(name)
    if entry.modality == "text":
        return ModelShape(architecture=name)
    pixels = 2 * entry.patch_size if entry.patch_size else SMALL_PIXELS
    return ModelShape(architecture=name, resolution=pixels)


def small_inputs(name: str, items: int = 2) -> tuple[torch.Tensor, ...]:
    """Images [items, 3, H, W], or token ids and mask [items, 16] with some padding."""
    entry = architecture(name)
    generator = torch.Generator().manual_seed(1)
    if entry.modality == "text":
        ids = torch.randint(5, 1000, (items, 16), generator=generator)
        mask = torch.ones_like(ids)
        mask[1, 9:] = 0
        ids[1, 9:] = entry.padding_id
        return ids, mask
    pixels = small_shape(name).resolution or SMALL_PIXELS
    return (torch.randn(items, 3, pixels, pixels, generator=generator),)


# One at a time: the largest takes 1.2 GB. Tests are ordered by architecture for it.
@functools.lru_cache(maxsize=1)
def small_plain(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_plain(small_shape(name)).eval()


@pytest.fixture(autouse=True)
def _one_thread():
    # The inputs are too small for two; where other processes run, two wait for each other.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in ARCHITECTURES
    ],
    scope="module",
)
def name(request):
    return request.param
