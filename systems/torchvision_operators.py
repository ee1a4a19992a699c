"""Lets torchvision be imported where its compiled operators cannot be loaded.

torchvision registers shape functions for its compiled operators while it is imported.
Beside a torch of another build (a CUDA-built torchvision next to a CPU-only torch, which
is what pip gives on many machines) the compiled operators cannot be loaded, and the import
dies with ``operator torchvision::nms does not exist``. Every transformers model dies with
it, since transformers imports torchvision too.

``install()`` adds an import hook that declares the missing operators (their signatures, no
implementation) at the one moment when it is needed: just before torchvision registers the
shape functions, and only if torchvision itself says that it has no operators. Where
torchvision is whole the hook does nothing. It is installed when ``systems`` is imported, so
it is there in every subprocess that uses this project.

What stays unavailable on such a machine: ``torchvision.ops`` (nms, roi_align, …) and
``torchvision.io`` decoding. Models and transforms work; images are read with PIL.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_REGISTERING_MODULE = "torchvision._meta_registrations"

# Signatures of the operators whose absence stops the import: nms in torchvision 0.26 and
# 0.27, both in 0.28 and 0.29.
_SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


class _OperatorFinder(MetaPathFinder):
    """Finds no module: it only uses the moment at which one is looked for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Declare missing operators when torchvision is about to need them."""
        if fullname == _REGISTERING_MODULE:
            # torchvision imports its extension first, so it is there by now.
            extension = sys.modules.get("torchvision.extension")
            if extension is not None and not extension._has_ops():
                _declare_missing_operators()
        return None


def _declare_missing_operators() -> None:
    from torch import library, ops

    for name, schema in _SCHEMAS.items():
        if not hasattr(ops.torchvision, name):
            library.define(f"torchvision::{name}", schema)


def install() -> None:
    """Install the import hook; a second call does nothing. Imports no torch."""
    if not any(isinstance(finder, _OperatorFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OperatorFinder())
