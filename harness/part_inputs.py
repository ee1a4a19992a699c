"""Searches over parts of models: their inputs kept before the search, the models cut to them.

What the blocks before the part make of the items is computed once, in the batches that Base
would cut (test items, then train items), so that the last blocks on it give the bits of the
whole models. It lies in the cache folder, under the hash of all that determines it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.inputs import COMPUTED_BY
from systems.data.kept_inputs import InputsWriter, KeptInputs, is_kept
from systems.data.part_inputs import PartInputs, RandomInputs, TrunkOutput
from systems.data.row_layout import RowLayout
from systems.data.transform import Transform
from systems.models.parts import PARTS, Part, common_trunk, cut
from systems.store.store import BlockRef, StoredModel
from systems.substrate import Substrate

_VERSION = 1  # of what is kept for a specification


@dataclass(frozen=True, kw_only=True, slots=True)
class _Group:
    """Models of one architecture and one transform, and the blocks before their part."""

    models: Mapping[str, StoredModel]
    transform: Transform
    trunk: tuple[BlockRef, ...]
    """One block or more."""

    @property
    def name(self) -> str:
        """The blocks before the part for a person."""
        digest = hashlib.blake2b("".join(ref.hash for ref in self.trunk).encode(), digest_size=4)
        architecture = next(iter(self.models.values())).architecture
        return f"the first {len(self.trunk)} blocks of {architecture} ({digest.hexdigest()})"


def keep_part_inputs(
    substrate: Substrate, spec: Mapping[str, Any], *, cache: Path, emit: Callable[..., None]
) -> dict[str, Any]:
    """Compute and keep what the search over the part of ``spec`` will read, if it is not there.

    Args:
        substrate: of the whole models.
        spec: the canonical specification.
        cache: folder of generated data.
        emit: told ``preparing`` events.

    Returns:
        For the record's ``ingest``: ``part_inputs_s`` and the ``part_inputs_bytes`` that were
        written now.

    Raises:
        ConfigurationError: the models do not share what is left out.
        DatasetError: an item is damaged, or the disk is too small.
    """
    started_s, new_bytes = time.monotonic(), 0
    for group in _groups(substrate, spec):
        folder = _folder(group, substrate, spec, cache=cache)
        if spec["part_input"] == "computed" and not is_kept(folder):
            _compute(group, substrate, folder, emit=emit)
            new_bytes += sum(file.stat().st_size for file in folder.glob("*.rows"))
    return {"part_inputs_s": time.monotonic() - started_s, "part_inputs_bytes": new_bytes}


def cut_to_part(substrate: Substrate, spec: Mapping[str, Any], *, cache: Path) -> Substrate:
    """The substrate of a search over the part of ``spec``, with the inputs that were kept for it.

    Models are cut to their last blocks, so that planning, engine, counts and bound know of no
    others. Where a part is a whole model, it reads items.
    """
    if spec["part"] == "full":
        return substrate
    part = PARTS[spec["part"]]
    inputs: dict[Transform, PartInputs] = {}
    transforms = dict(substrate.transforms)
    for group in _groups(substrate, spec):
        form, made = _inputs(group, substrate, spec, cache=cache)
        inputs[form] = made
        transforms |= dict.fromkeys(group.models, form)
    return replace(
        substrate,
        models={model_id: cut(model, part) for model_id, model in substrate.models.items()},
        transforms=transforms,
        part_inputs=inputs,
    )


def _groups(substrate: Substrate, spec: Mapping[str, Any]) -> Iterator[_Group]:
    part = PARTS[spec["part"]]
    alike: dict[tuple[str, Transform], dict[str, StoredModel]] = {}
    for model_id, model in substrate.models.items():
        kind = (model.architecture, substrate.transforms[model_id])
        alike.setdefault(kind, {})[model_id] = model
    for (_, transform), models in alike.items():
        trunk = _trunk(models, part, is_computed=spec["part_input"] == "computed")
        if trunk:
            yield _Group(models=models, transform=transform, trunk=trunk)


def _trunk(
    models: Mapping[str, StoredModel], part: Part, *, is_computed: bool
) -> tuple[BlockRef, ...]:
    if is_computed:
        return common_trunk(models, part)
    first = next(iter(models.values()))
    return first.blocks[: part.first_block(len(first.blocks))]


def _inputs(
    group: _Group, substrate: Substrate, spec: Mapping[str, Any], *, cache: Path
) -> tuple[TrunkOutput, PartInputs]:
    made: KeptInputs | RandomInputs
    if spec["part_input"] == "computed":
        made = KeptInputs(
            _folder(group, substrate, spec, cache=cache),
            trunk=group.name,
            base=group.transform,
            item_order=_item_order(substrate),
            device=spec["device"],
        )
    else:
        made = RandomInputs(
            _random_layouts(group, substrate),
            trunk=f"{group.name}, made up",
            base=group.transform,
            items=min(spec["batch_size"], len(substrate.dataset.labels)),
            device=spec["device"],
        )
    return made.form, made


def _random_layouts(group: _Group, substrate: Substrate) -> list[RowLayout]:
    shape = substrate.profile(group.trunk[-1]).output_shape
    is_image = len(shape) == 3 and substrate.settings.memory_format == "channels_last"
    number_type = str(substrate.skeletons.number_type).removeprefix("torch.")
    order = (0, 2, 3, 1) if is_image else tuple(range(len(shape) + 1))
    layouts = [RowLayout(dtype=number_type, shape=shape, order=order)]
    if group.transform.sequence_length is not None:  # the attention mask
        tokens = (group.transform.sequence_length,)
        layouts.append(RowLayout(dtype="int64", shape=tokens, order=(0, 1)))
    return layouts


def _compute(
    group: _Group, substrate: Substrate, folder: Path, *, emit: Callable[..., None]
) -> None:
    # The same bits whether the search compiles its blocks or not.
    substrate = replace(substrate, skeletons=substrate.skeletons.uncompiled())
    items, done = len(substrate.dataset.labels), 0
    batches = [*substrate.cut(substrate.split.test), *substrate.cut(substrate.split.train)]
    loader = substrate.loader({group.transform}, decode_once=False)
    hashes = [ref.hash for ref in group.trunk]
    with (
        torch.inference_mode(),
        closing(substrate.block_source(keep=True)) as source,
        InputsWriter(folder, items=items) as writer,
    ):
        source.expect([hashes])
        source.begin_stage()
        blocks = [source.acquire(block) for block in hashes]
        for batch in loader.batches(batches, transform=group.transform, is_last_use=True):
            x = batch.inputs
            for block in blocks:
                x = block(x, *batch.side)
            writer.add(x, *batch.side)
            done += len(batch.items)
            emit("preparing", number=done, of=items, what=f"items through {group.name}")
        writer.commit()


def _item_order(substrate: Substrate) -> np.ndarray:
    return np.concatenate([substrate.split.test, substrate.split.train])


def _folder(group: _Group, substrate: Substrate, spec: Mapping[str, Any], *, cache: Path) -> Path:
    """Where the inputs of a group lie: different for all that could change a bit of them."""
    on_cpu = spec["device"] == "cpu"
    machine = (
        torch.backends.cpu.get_cpu_capability()
        if on_cpu
        else torch.cuda.get_device_name(spec["device"])
    )
    identity = {
        "version": _VERSION,
        "trunk": [ref.hash for ref in group.trunk],
        "transform": [group.transform.text, group.transform.padding_id],
        "items": substrate.dataset.content_id,
        "order": hashlib.blake2b(_item_order(substrate).tobytes(), digest_size=16).hexdigest(),
        "test_items": len(substrate.split.test),
        **{name: spec[name] for name in COMPUTED_BY},
        "torch": torch.__version__,
        "machine": machine,
    }
    canonical = json.dumps(identity, sort_keys=True).encode()
    return cache / "part_inputs" / hashlib.blake2b(canonical, digest_size=12).hexdigest()
