"""From JSON to a typed record: the only place where a record is doubted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from reports.migrations import Json, lift
from reports.records import (
    STATUSES,
    Answer,
    DatasetFacts,
    Flag,
    ModelAnswer,
    Record,
    Segment,
    Status,
)


class MalformedRecordError(ValueError):
    """A record that cannot be used; the message names the file, the value and the fix."""


def parse_record(data: object, *, path: Path) -> Record:
    """The typed record in ``data``, the content of the JSON file ``path``, of any schema.

    Raises:
        MalformedRecordError: a newer schema, or a value that the schema does not allow.
    """
    try:
        lifted = lift(_Object(data, path=path, where="the record").data)
    except ValueError as error:
        raise MalformedRecordError(f"{path}: {error}") from None
    record = _Object(lifted, path=path, where="the record")
    spec = record.object("spec")
    spec.text("system")
    status = record.text("status")
    if status not in STATUSES:
        raise record.error("status", f"one of {', '.join(STATUSES)}")
    wall_s = record.number("wall_s")
    if status == "ok" and not (wall_s is not None and 0 < wall_s < math.inf):
        raise record.error("wall_s", "a positive number of seconds where the status is 'ok'")
    return Record(
        path=path,
        scenario=record.text("scenario"),
        scale=record.optional_text("scale"),
        stands_for=record.mapping("stands_for"),
        key=record.text("key"),
        identity=record.text("identity"),
        round=record.integer("round"),
        spec=spec.data,
        label=record.text("label"),
        status=cast("Status", status),
        reason=record.optional_text("reason"),
        wall_s=wall_s if status == "ok" else None,
        phases_s=record.numbers("phases_s"),
        excluded_s=record.finite("excluded_s"),
        process_s=record.finite("process_s"),
        answer=_answer(record),
        counts=record.numbers("counts"),
        operation_ratio=record.finite("operation_ratio"),
        time_bound_s=record.finite("time_bound_s"),
        time_bound_parts_s=record.numbers("time_bound_parts_s"),
        efficiency=record.finite("efficiency"),
        dataset=_dataset(record),
        limits=record.mapping("limits"),
        cache_proof=record.mapping("cache_proof"),
        gpu_uuid=str(uuid) if (uuid := record.data.get("gpu_uuid")) else None,
        telemetry=record.mapping("telemetry"),
        flags=_flags(record),
        environment=record.mapping("environment"),
        host_state=record.mapping("host_state"),
        git=record.mapping("git"),
        host_class=record.text("host_class"),
        code=record.text("code"),
        files=str(files) if (files := record.data.get("files")) is not None else None,
        started_at=record.text("started_at"),
        decisions=_listed(record, "decisions"),
        readings=_listed(record, "readings"),
    )


def _dataset(record: _Object) -> DatasetFacts | None:
    facts = record.optional("dataset")
    if facts is None:
        return None
    return DatasetFacts(
        name=facts.text("name"),
        classes=facts.optional_integer("classes"),
        items=facts.optional_integer("items"),
        test_items=facts.optional_integer("test_items"),
        timing_only=bool(facts.data.get("timing_only")),
    )


def _flags(record: _Object) -> tuple[Flag, ...] | None:
    listed = record.data.get("flags")
    if listed is None:
        return None
    if not isinstance(listed, list):
        raise record.error("flags", "a list")
    flags = (_Object(entry, path=record.path, where="a flag") for entry in listed)
    return tuple(
        Flag(
            name=flag.text("name"),
            sentence=flag.text("sentence"),
            invalidates=bool(flag.data.get("invalidates")),
        )
        for flag in flags
    )


def _listed(record: _Object, name: str) -> tuple[Json, ...]:
    listed = record.data.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise record.error(name, "a list")
    return tuple(_Object(entry, path=record.path, where=f"one of {name}").data for entry in listed)


def _answer(record: _Object) -> Answer | None:
    answer = record.optional("answer")
    if answer is None:
        return None
    winner = answer.optional_text("winner")
    models = answer.optional("models")
    return Answer(
        winner=winner,
        tied=frozenset(answer.texts("tied")) | ({winner} if winner else set()),
        ranking=answer.texts("ranking"),
        models={} if models is None else {name: _model(models, name) for name in models.data},
    )


def _model(models: _Object, name: str) -> ModelAnswer:
    model = models.object(name)
    parts = model.optional("segments")
    segments = {} if parts is None else {part: _segment(parts, part) for part in parts.data}
    train_items = model.optional_integer("train_items")
    if train_items is None:
        # The chunks seen are the train items; unknown as soon as one of them is.
        sizes = [part.items for key, part in segments.items() if key != "test"]
        known = [size for size in sizes if size is not None]
        train_items = sum(known) if known and len(known) == len(sizes) else None
    return ModelAnswer(
        score=model.number("score"),
        round=model.optional_integer("round"),
        train_items=train_items,
        segments=segments,
    )


def _segment(parts: _Object, name: str) -> Segment:
    part = parts.object(name)
    sketch = part.data.get("sketch") or []
    if not isinstance(sketch, list) or not all(_is_number(value) for value in sketch):
        raise part.error("sketch", "a list of numbers")
    return Segment(
        items=part.optional_integer("items"),
        digest=part.optional_text("digest"),
        sketch=tuple(float(value) for value in sketch),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _Object:
    """A JSON object whose values are taken out by type."""

    def __init__(self, data: object, *, path: Path, where: str) -> None:
        self.path = path
        self.where = where
        if not isinstance(data, dict):
            raise self._left_out(f"{where} is no JSON object")
        self.data: Mapping[str, object] = data

    def object(self, key: str) -> _Object:
        return _Object(self.data.get(key), path=self.path, where=f"'{key}'")

    def optional(self, key: str) -> _Object | None:
        return None if self.data.get(key) is None else self.object(key)

    def mapping(self, key: str) -> Json:
        """The object's content as it is; empty where it is null."""
        part = self.optional(key)
        return {} if part is None else part.data

    def text(self, key: str) -> str:
        text = self.optional_text(key)
        if text is None:
            raise self.error(key, "a text")
        return text

    def optional_text(self, key: str) -> str | None:
        value = self.data.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key) or []
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self.error(key, "a list of texts")
        return tuple(value)

    def integer(self, key: str) -> int:
        value = self.optional_integer(key)
        if value is None:
            raise self.error(key, "a whole number")
        return value

    def optional_integer(self, key: str) -> int | None:
        value = self.data.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.error(key, "a whole number")
        return value

    def number(self, key: str) -> float | None:
        value = self.data.get(key)
        if value is not None and not _is_number(value):
            raise self.error(key, "a number")
        return cast("float | None", value)

    def finite(self, key: str) -> float | None:
        """A number that can be drawn and written as JSON: Python's reader lets NaN through."""
        value = self.number(key)
        if value is not None and not math.isfinite(value):
            raise self.error(key, "a finite number")
        return value

    def numbers(self, key: str) -> dict[str, float]:
        """The known numbers of a mapping; null is unknown, and stays out."""
        part = self.optional(key)
        names = [] if part is None else [name for name in part.data if part.data[name] is not None]
        return {name: cast("float", cast("_Object", part).finite(name)) for name in names}

    def error(self, key: str, rule: str) -> MalformedRecordError:
        return self._left_out(f"'{key}' of {self.where} is {self.data.get(key)!r:.80}, not {rule}")

    def _left_out(self, what: str) -> MalformedRecordError:
        return MalformedRecordError(
            f"{self.path}: {what}. It is left out; remove '{self.path.parent}' and run its "
            "scenario again to replace it."
        )
