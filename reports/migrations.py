"""Lifts records of earlier schemas to the present one, step by step.

=======  ==============================================================================
schema   what it brought
=======  ==============================================================================
1        the first
2        ``limits``, ``cache_proof``, ``telemetry``, ``flags``, ``host_state``, ``git``:
         what a run was allowed, what is proved about it, what was sampled beside it
3        ``decisions``: what a system or the harness chose by itself, and why
4        ``scale``: the scale of the scenario that was asked for, and ``stands_for``: the
         published values that its own stand for; ``readings``: what a probe found
5        ``files``: the fingerprint of the files that steered it, besides our code
=======  ==============================================================================

A step never invents: what the earlier program did not write is null, "unknown". Files are
never rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

Json: TypeAlias = Mapping[str, object]

SCHEMA = 5
"""The schema that records are lifted to."""


def lift(record: Json) -> Json:
    """``record`` in the present schema; itself where it is there already.

    Raises:
        ValueError: a schema that there are no steps from; the message ends in what to do.
    """
    schema = record.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise ValueError(_unreadable(schema) + "it was not written by alsatian-bench.")
    if schema > SCHEMA:
        raise ValueError(_unreadable(schema) + "read it with a newer alsatian-bench.")
    for step in _STEPS[schema - 1 :]:
        record = step(record)
    return record


def _from_1(record: Json) -> Json:
    environment = record.get("environment")
    kept: dict[str, object] = dict(environment) if isinstance(environment, Mapping) else {}
    load = kept.pop("load_1min", None)  # a state of the machine, not its kind
    news = dict.fromkeys(("limits", "cache_proof", "telemetry", "flags", "git"))
    state = None if load is None else {"load": [load, None, None]}
    environment = kept if isinstance(environment, Mapping) else environment
    return {**record, **news, "environment": environment, "host_state": state, "schema": 2}


def _from_2(record: Json) -> Json:
    return {**record, "decisions": None, "schema": 3}


def _from_3(record: Json) -> Json:
    return {**record, "scale": None, "stands_for": {}, "readings": None, "schema": 4}


def _from_4(record: Json) -> Json:
    return {**record, "files": None, "schema": 5}


def _unreadable(schema: object) -> str:
    return f"record schema {schema!r}, but this program reads schemas 1 to {SCHEMA}. Left out: "


_STEPS: tuple[Callable[[Json], Json], ...] = (_from_1, _from_2, _from_3, _from_4)
"""From schema i + 1 to schema i + 2."""
