"""Batches of a dataset as tensors: decoded in line, or ahead of their use by threads."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from systems.data.item_source import ItemSource, Work
from systems.data.model_inputs import Batch, InputMaker
from systems.data.transform import Transform
from systems.tracing import Tracer

BATCHES_AHEAD = 2
"""Batches that may be decoded before they are asked for; bounds the memory of prefetching."""


class BatchLoader:
    """Turns item indexes into batches on a device, the same bits whatever the options.

    Args:
        source: of compact items; it decides what is decoded again.
        inputs: what makes batches of them.
        workers: threads that ``batches`` decodes ahead with; 0 decodes in line.
        tracer: gets a ``prepare_data`` span per batch (with workers: of the wait for it),
            one for each piece of work of a thread, and the counters ``items_decoded`` and
            ``items_resized``.
    """

    def __init__(
        self, source: ItemSource, inputs: InputMaker, *, workers: int, tracer: Tracer
    ) -> None:
        self._source = source
        self._inputs = inputs
        self._workers = workers
        self._tracer = tracer

    def retain(self, transforms: Collection[Transform]) -> None:
        """From now on, fit decoded items to these at most: nobody asks for others any more.

        Not while ``batches`` is under way.
        """
        self._source.retain(transforms)

    def batch(self, items: np.ndarray, *, transform: Transform, is_last_use: bool = False) -> Batch:
        """Prepare one batch in line.

        Raises:
            DatasetError: an item is damaged, or there is no room to keep it.
        """
        with self._span(items, transform, decodes=not self._source.holds(items, transform)):
            rows = self._inputs.rows(len(items), transform)
            work = self._source.fill(items, transform, rows.numpy(), is_last_use=is_last_use)
            self._count(work)
            return self._inputs.batch(items, transform, rows)

    def batches(
        self, cuts: Sequence[np.ndarray], *, transform: Transform, is_last_use: bool = False
    ) -> Iterator[Batch]:
        """Prepare batches in order; with workers, later ones are decoded meanwhile.

        Args:
            cuts: item indexes of each batch; one array may come several times.
            transform: the form of the items.
            is_last_use: no later call asks for these items in this form, so that those of
                arrays that come once need not be kept.

        Raises:
            DatasetError: an item is damaged, or there is no room to keep it; raised when its
                batch is due.
        """
        times = Counter(id(items) for items in cuts)
        requests = [
            _Request(
                items=items,
                transform=transform,
                is_last_use=is_last_use and times[id(items)] == 1,
            )
            for items in cuts
        ]
        if self._workers == 0:
            for request in requests:
                yield self.batch(
                    request.items, transform=transform, is_last_use=request.is_last_use
                )
            return
        # Before any of them is decoded: while they are, it is a matter of luck what is there.
        decoded_now = {id(items) for items in cuts if not self._source.holds(items, transform)}
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")
        upcoming = iter(requests)
        pending: deque[_Pending] = deque()
        try:
            for items in cuts:
                with self._span(items, transform, decodes=id(items) in decoded_now):
                    for request in itertools.islice(upcoming, 1 + BATCHES_AHEAD - len(pending)):
                        pending.append(self._submit(pool, request))
                    prepared = [self._finish(pending.popleft())]
                if self._source.kept is not None:
                    decoded_now.discard(id(items))
                yield prepared.pop()  # a name for it would keep it alive meanwhile
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _span(
        self, items: np.ndarray, transform: Transform, *, decodes: bool
    ) -> AbstractContextManager[None]:
        """Of preparing items; ``decodes`` says whether that takes more than copying them."""
        return self._tracer.span(
            "prepare_data", items=len(items), transform=transform.text, decodes=decodes
        )

    def _submit(self, pool: ThreadPoolExecutor, request: _Request) -> _Pending:
        """Hand a batch to the pool, a slice for each worker."""
        count = len(request.items)
        rows = self._inputs.rows(count, request.transform)
        bounds = np.linspace(0, count, min(self._workers, count) + 1).astype(int)
        parts = [
            pool.submit(self._fill, request, slice(start, stop), rows.numpy())
            for start, stop in itertools.pairwise(bounds.tolist())
        ]
        return _Pending(request=request, rows=rows, parts=parts)

    def _finish(self, pending: _Pending) -> Batch:
        """Wait for a batch's parts, and make inputs of them."""
        self._count(sum((part.result() for part in pending.parts), Work()))
        return self._inputs.batch(pending.request.items, pending.request.transform, pending.rows)

    def _fill(self, request: _Request, part: slice, out: np.ndarray) -> Work:
        """Fill a part of a batch's rows, in a worker's thread."""
        items, transform = request.items[part], request.transform
        with self._tracer.span("prepare_data", items=len(items), transform=transform.text):
            return self._source.fill(items, transform, out[part], is_last_use=request.is_last_use)

    def _count(self, work: Work) -> None:
        self._tracer.count("items_decoded", work.decoded)
        self._tracer.count("items_resized", work.fitted)
        if self._source.kept is not None:
            self._tracer.peak("decoded_peak_bytes", self._source.kept.memory_bytes)
            self._tracer.peak("decoded_spilled_bytes", self._source.kept.spilled_bytes)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Request:
    """A batch that is wanted."""

    items: np.ndarray
    transform: Transform
    is_last_use: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pending:
    """A batch that is being decoded."""

    request: _Request
    rows: Tensor
    """Compact items, [B, *transform.shape]."""
    parts: list[Future[Work]]
    """One per worker's slice."""
