"""How long it takes until a stored model can run, by what it is stored as."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from systems.api import SearchRequest
from systems.models.skeleton import BoundBlock
from systems.probes import Reading
from systems.probes.subject import subjects
from systems.probes.timing import in_turns
from systems.store.files import evict_file
from systems.store.store import StoredModel
from systems.substrate import Substrate

STATE_DICT, WHOLE, BLOCKS = "state dict", "safetensors", "blocks"
_FOLDER = "snapshot-"
_NUMBERS_PER_PAGE = 1024
_IO = Path("/proc/self/io")

Files = Mapping[str, Sequence[Path]]


class SnapshotLoadingProbe:
    """Six rows per architecture: three ways to store a model, from the disk and from memory."""

    def measure(self, request: SearchRequest, substrate: Substrate) -> Sequence[Reading]:
        """The time from files to a model whose blocks can run on the device.

        The ways: the state dict that ``torch.save`` writes, read by ``torch.load`` with
        ``weights_only``; one safetensors file of the whole model; and the store's block files,
        whose checksums are verified. ``cold`` files are put out of the page cache before each
        reading; ``disk_bytes`` is what then came from the disk (None if unknown).
        ``speed_up`` is that over the state dict.
        """
        models = subjects(request, substrate)
        rows: list[Reading] = []
        substrate.scratch.mkdir(parents=True, exist_ok=True)
        for leftover in substrate.scratch.glob(f"{_FOLDER}*"):  # of a run that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        for number, model in enumerate(models):
            what = f"loading {model.architecture}"
            substrate.tracer.progress(step=number, steps=len(models), what=what)
            with tempfile.TemporaryDirectory(prefix=_FOLDER, dir=substrate.scratch) as folder:
                files = _write(model, substrate, Path(folder))
                for cache in ("cold", "warm"):
                    rows += _rows(model, files, substrate, cache=cache)
        return rows


def _write(model: StoredModel, substrate: Substrate, folder: Path) -> Files:
    """Write the whole model twice beside the store; the files of each way."""
    tensors = {
        f"{number}.{name}": tensor.contiguous().clone()
        for number, ref in enumerate(model.blocks)
        for name, tensor in substrate.store.read_block(ref.hash).items()
    }
    state_dict, whole = folder / "model.pt", folder / "model.safetensors"
    torch.save(tensors, state_dict)
    save_file(tensors, whole)
    blocks = substrate.store.block_files([model.id])
    return {STATE_DICT: (state_dict,), WHOLE: (whole,), BLOCKS: blocks}


def _rows(model: StoredModel, files: Files, substrate: Substrate, *, cache: str) -> list[Reading]:
    disk_bytes: dict[str, list[int]] = {way: [] for way in files}

    def counted(way: str, load: Callable[[], object]) -> Callable[[], object]:
        def go() -> object:
            before = _disk_bytes()
            loaded = load()
            after = _disk_bytes()
            if before is not None and after is not None:
                disk_bytes[way].append(after - before)
            return loaded

        return go

    def whole(read: Callable[[Path], Mapping[str, Tensor]], path: Path) -> list[BoundBlock]:
        own: list[dict[str, Tensor]] = [{} for _ in model.blocks]
        for name, tensor in read(path).items():
            number, _, rest = name.partition(".")
            own[int(number)][rest] = tensor
        return [
            _runnable(ref.architecture, tensors, substrate)
            for ref, tensors in zip(model.blocks, own, strict=True)
        ]

    def blocks() -> list[BoundBlock]:
        return [
            _runnable(ref.architecture, substrate.store.read_block(ref.hash), substrate)
            for ref in model.blocks
        ]

    def evict(way: str) -> None:
        for path in files[way]:
            evict_file(path)

    ways: dict[str, Callable[[], object]] = {
        STATE_DICT: lambda: whole(_load_state_dict, files[STATE_DICT][0]),
        WHOLE: lambda: whole(load_file, files[WHOLE][0]),
        BLOCKS: blocks,
    }
    with substrate.tracer.span("prepare_model"):
        times = in_turns(
            {way: counted(way, load) for way, load in ways.items()},
            device=substrate.settings.device,
            before=evict if cache == "cold" else None,
        )
    return [
        {
            "architecture": model.architecture,
            "way": way,
            "cache": cache,
            "files": len(files[way]),
            "file_bytes": sum(path.stat().st_size for path in files[way]),
            **taken.columns("time_s"),
            "disk_bytes": _middle(disk_bytes[way]),
            "speed_up": taken.speed_up_over(times[STATE_DICT]),
        }
        for way, taken in times.items()
    ]


def _load_state_dict(path: Path) -> Mapping[str, Tensor]:
    return torch.load(path, map_location="cpu", weights_only=True)


def _runnable(architecture: str, tensors: Mapping[str, Tensor], substrate: Substrate) -> BoundBlock:
    """Bind the tensors of a block; all of them have really been read when this returns."""
    device = substrate.settings.device
    block = substrate.skeletons.skeleton(architecture).bind(
        tensors, device=device, memory_format=substrate.torch_memory_format
    )
    if device == "cpu":
        # A mapped tensor is read when somebody looks at it: here at a number of each page.
        for tensor in block.tensors():
            pages = max(1, tensor.numel() // _NUMBERS_PER_PAGE)
            tensor.as_strided((pages,), (_NUMBERS_PER_PAGE,)).sum()
    return block


def _middle(counts: list[int]) -> int | None:
    return sorted(counts)[len(counts) // 2] if counts else None


def _disk_bytes() -> int | None:
    """Bytes that this process has had fetched from disks; None where nobody counts them."""
    try:
        lines = _IO.read_text().splitlines()
    except OSError:
        return None
    counters = dict(line.split(": ") for line in lines)
    return int(counters["read_bytes"]) if "read_bytes" in counters else None
