"""Blocks on the device: read from the store, bound to their skeletons, loaded ahead, kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from systems.execution.device_copies import CopiedBlock
from systems.intents.manager import IntentManager
from systems.intents.staged import StagedValues, name_of
from systems.intents.tier import TierSpec
from systems.store.store import BlockRef
from systems.tracing import Tracer

RunnableBlock = Callable[..., Tensor]

AHEAD_BYTES = 256 * 2**20
"""Loaded ahead where nothing else is said: some blocks of the largest models, and about a
second of a disk of 200 MB/s."""


class BlockSource:
    """Hands out runnable blocks by hash, and counts what that reads from the store.

    Work comes in stages; what stays between them is said by ``systems.intents.staged``. Within
    a stage a block is read once, at its first use or, with ``prefetch``, ahead of that by a
    thread. Within a round what is read does not depend on ``prefetch``; under a budget, which of
    the blocks that nobody expects are still there for the next round may.

    Args:
        refs: the blocks by hash.
        load: makes a block runnable. With ``place`` it only reads it into memory.
        resident_bytes: of a block where it can run; None: the bytes of its stored tensors.
        tracer: gets a ``prepare_model`` span per load, on whichever thread, with the block's
            architecture and ``bytes``; with ``prefetch`` also one with ``waited`` around a
            block's first use in a stage; and the counters ``blocks_read`` and ``bytes_read``.
        keep: whether blocks outlive their stage.
        prefetch: whether to load ahead.
        ahead_bytes: bound on the bytes that were loaded ahead and not used yet, in memory
            and on the device each; None: ``AHEAD_BYTES``. A block larger than that is loaded
            when it is used.
        pinned_bytes: with ``place``, the most bytes that wait in memory for the device; None:
            no limit.
        place: moves what ``load`` gave to the device.
    """

    def __init__(
        self,
        refs: Mapping[str, BlockRef],
        *,
        load: Callable[[BlockRef], Any],
        tracer: Tracer,
        resident_bytes: Callable[[BlockRef], int] | None = None,
        keep: bool = False,
        prefetch: bool = False,
        ahead_bytes: int | None = None,
        pinned_bytes: int | None = None,
        place: Callable[[BlockRef, Any], RunnableBlock] | None = None,
    ) -> None:
        self._refs = refs
        self._load = load
        self._place = place
        self._tracer = tracer
        self._resident_bytes = resident_bytes or (lambda ref: ref.tensor_bytes)
        self._pinned_bytes = pinned_bytes
        self._prefetch = prefetch
        # Tensors made in inference mode are of another kind; threads do not inherit the mode.
        self._inference_mode = torch.is_inference_mode_enabled()
        self._in_use: dict[str, RunnableBlock] = {}
        """By the current stage: later uses in it ask nobody."""
        ahead_bytes = AHEAD_BYTES if ahead_bytes is None else ahead_bytes
        tiers = [TierSpec(name="memory", load=self._read, ahead_bytes=ahead_bytes)]
        if place is not None:
            tiers.append(TierSpec(name="device", load=self._put, ahead_bytes=ahead_bytes))
        # A team of computing threads of the loading thread's own would harm the search's: with
        # more threads than cores, OpenMP gives up active waiting in all teams, for good. The
        # number is a thread's own, but one that has not asked for it yet takes over what was
        # set last by anybody: so each asks first, and here it is set again afterwards.
        threads = torch.get_num_threads()
        self._manager = IntentManager(
            tiers,
            size_of=lambda key: self._resident_bytes(self._ref(key)),
            is_ahead=prefetch,
            initializer=_compute_alone,
        )
        self._staged = StagedValues(
            self._manager,
            size_of=lambda name: self._resident_bytes(self._ref(name)),
            keep=keep,
            is_ahead=prefetch,
        )
        if prefetch:
            torch.set_num_threads(threads)

    def expect(self, stages: Sequence[Sequence[str]], *, budget_bytes: int | None = None) -> None:
        """Announce the stages that follow those announced before.

        ``stages`` holds, for each, the hashes of its blocks in the order of their first use.
        From now on at most ``budget_bytes`` are resident, or what a single stage needs.
        """
        with self._tracer.span("plan"):
            self._staged.expect(stages, budget_bytes=budget_bytes, below_bytes=self._pinned_bytes)

    def resident(self) -> frozenset[str]:
        """The hashes of the blocks that are there and stay until ``retain`` drops them."""
        return frozenset(map(str, self._staged.resident()))

    @property
    def resident_bytes(self) -> int:
        """Bytes of the blocks where they can run, those of loads under way included."""
        return self._manager.resident_bytes

    def begin_stage(self) -> None:
        """The next stage begins."""
        self._staged.begin_stage()

    def acquire(self, block: str) -> RunnableBlock:
        """The block with hash ``block``, waited for or read now if it is not resident.

        Raises:
            Exception: whatever reading the block raised, here or ahead of time.
        """
        runnable = self._in_use.get(block)
        if runnable is None:
            with self._waiting(block):
                runnable = self._staged.acquire(block)
                if isinstance(runnable, CopiedBlock) and not runnable.is_joined:
                    runnable.join()
            self._in_use[block] = runnable
        return runnable

    def end_stage(self) -> None:
        """The stage is over: without ``keep``, its blocks are dropped."""
        with self._tracer.span("prepare_model"):
            self._in_use.clear()
            self._staged.end_stage()

    def retain(self, blocks: Collection[str]) -> None:
        """Drop all resident blocks but ``blocks``, and expect no others any more."""
        with self._tracer.span("prepare_model"):
            self._in_use.clear()
            self._staged.retain(frozenset(blocks))

    def paused(self) -> AbstractContextManager[None]:
        """Meanwhile no load ahead begins; one under way goes on."""
        return self._manager.paused()

    def close(self) -> None:
        """Drop everything and end the thread. May be called at any time, and again."""
        with self._tracer.span("prepare_model"):
            self._in_use.clear()
            self._manager.close()

    def _waiting(self, block: str) -> AbstractContextManager[None]:
        """Time until the search has a block; ``waited`` where a thread loads ahead."""
        if not self._prefetch:
            return self._tracer.span("prepare_model")
        return self._tracer.span("prepare_model", block=self._refs[block].architecture, waited=True)

    def _ref(self, key: Hashable) -> BlockRef:
        return self._refs[str(name_of(key))]

    def _read(self, key: Hashable, _: Any) -> Any:
        ref = self._ref(key)
        with (
            torch.inference_mode(self._inference_mode),
            self._tracer.span("prepare_model", block=ref.architecture, bytes=ref.tensor_bytes),
        ):
            read = self._load(ref)
        self._tracer.count("blocks_read", 1)
        self._tracer.count("bytes_read", ref.tensor_bytes)
        self._tracer.peak("resident_parameters_peak_bytes", self._manager.resident_bytes)
        return read

    def _put(self, key: Hashable, read: Any) -> RunnableBlock:
        assert self._place is not None
        ref = self._ref(key)
        with (
            torch.inference_mode(self._inference_mode),
            self._tracer.span("prepare_model", block=ref.architecture, copied=ref.tensor_bytes),
        ):
            placed = self._place(ref, read)
        self._tracer.peak("resident_parameters_peak_bytes", self._manager.resident_bytes)
        return placed


def _compute_alone() -> None:
    torch.get_num_threads()
    torch.set_num_threads(1)
