"""A torch.profiler trace of one search, and its way onto the spans' clock."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from systems.errors import BenchError

PROFILE = "profile.json.gz"
"""Name of the profiler's trace in a run's folder."""

ANCHORS = 5
"""Anchors at either end of the profile."""

_ANCHOR = re.compile(r"alsatian-bench anchor (\d+)")
_CHUNK_CHARACTERS = 1 << 20


@contextmanager
def profiled(enabled: bool, path: Path) -> Iterator[None]:
    """Have ``torch.profiler`` watch the enclosed work and write its trace to ``path`` (gzip).

    Meant for looking, not for claims: recording every operator costs time and about 1 kB of
    memory each until the end. Nothing is written when the work raises.

    The profiler keeps its own clock. Anchors, annotations whose names tell the monotonic
    clock's nanoseconds, tie it to ours at both ends.
    """
    if not enabled:
        yield
        return
    import torch
    from torch.profiler import ProfilerActivity, profile

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as profiler:
        _set_anchors()
        yield
        _set_anchors()
    plain = path.with_name(f"{path.name}.tmp")
    try:
        profiler.export_chrome_trace(str(plain))
        # Level 1: a tenth of the size for a fifth of level 9's time.
        with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=1) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    finally:
        plain.unlink(missing_ok=True)


def _set_anchors() -> None:
    from torch.profiler import record_function

    for _ in range(ANCHORS):
        with record_function(f"alsatian-bench anchor {time.monotonic_ns()}"):
            pass


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileClock:
    """The straight line from the profiler's microseconds to monotonic nanoseconds."""

    origin_us: float
    origin_ns: int
    ns_per_us: float

    def monotonic_ns(self, profile_us: float) -> float:
        """A moment of the profile on the monotonic clock."""
        return self.origin_ns + (profile_us - self.origin_us) * self.ns_per_us


def read_profile_clock(path: Path) -> ProfileClock:
    """Find out the profile's clock from its anchors.

    An anchor begins a little after the moment in its name, and later still when the
    process is interrupted between: of the anchors at either end the earliest counts.

    Raises:
        BenchError: the file is damaged, or no profile of a search.
    """
    anchors = sorted(
        (int(match[1]), float(event["ts"]))
        for event in _events(path)
        if event.get("cat") == "user_annotation"
        and (match := _ANCHOR.fullmatch(str(event.get("name"))))
    )
    if len(anchors) < 2 * ANCHORS:
        raise BenchError(
            f"{path} holds {len(anchors)} of the {2 * ANCHORS} anchors that tie it to the spans: "
            "it is not the profile of a finished search. Remove it to export the spans alone."
        )
    (first_ns, first_us), (last_ns, last_us) = (
        min(end, key=lambda anchor: anchor[1] * 1e3 - anchor[0])
        for end in (anchors[:ANCHORS], anchors[-ANCHORS:])
    )
    ns_per_us = (last_ns - first_ns) / (last_us - first_us)
    return ProfileClock(origin_us=first_us, origin_ns=first_ns, ns_per_us=ns_per_us)


def read_profile_events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a profile one by one, without our anchors; ``ts`` as the profiler has it.

    Raises:
        BenchError: the file is damaged.
    """
    for event in _events(path):
        if not _ANCHOR.fullmatch(str(event.get("name"))):
            yield event


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """Read ``traceEvents`` piecemeal: a profile can be many times larger than memory likes."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
            yield from _list_items(file, '"traceEvents"')
    except (OSError, EOFError, ValueError) as error:
        raise BenchError(
            f"{path} is damaged ({error}). Remove it to export the spans alone, or repeat the run."
        ) from error


def _list_items(file: IO[str], name: str) -> Iterator[dict[str, Any]]:
    """The items of the list behind ``name`` in a JSON text, without reading it whole."""
    decoder = json.JSONDecoder()
    text = file.read(_CHUNK_CHARACTERS)
    position = text.index("[", text.index(name)) + 1
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        if text[position : position + 1] == "]":
            return
        try:
            item, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            more = file.read(_CHUNK_CHARACTERS)
            if not more:
                raise
            text, position = text[position:] + more, 0
            continue
        yield item
