"""All records below folders."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reports.errors import ReportError
from reports.parsing import MalformedRecordError, parse_record
from reports.records import Record

RECORD_FILE = "record.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """All readable records, and a sentence for each one that is not."""

    records: tuple[Record, ...]
    problems: tuple[str, ...] = ()


def load_records(folders: Path | Iterable[Path], *, every: bool = False) -> Records:
    """Read every ``record.json`` below one folder or several (or the named files).

    A damaged record, one of another schema, or a missing folder becomes a problem and stops
    nothing. Of runs that were repeated only the ``newest`` are kept, unless ``every`` is asked
    for; how many were left out is a problem too.

    Raises:
        ReportError: there is no readable record at all.
    """
    roots = [folders] if isinstance(folders, Path) else list(folders)
    paths: dict[Path, Path] = {}  # by resolved path: overlapping folders count once
    records: list[Record] = []
    problems: list[str] = []
    for root in roots:
        if root.exists():
            paths.update((path.resolve(), path) for path in _record_files(root))
        else:
            problems.append(f"There is no folder '{root}'.")
    for path in paths.values():
        try:
            records.append(parse_record(json.loads(path.read_bytes()), path=path))
        except MalformedRecordError as error:
            problems.append(str(error))
        except (OSError, ValueError, RecursionError) as error:
            problems.append(
                f"{path}: not a readable record ({_first_line(error)}). It is left out; remove "
                f"'{path.parent}' and run its scenario again to replace it."
            )
    if not records:
        where = ", ".join(f"'{root}'" for root in roots)
        cause = f" {problems[0]}" if problems else ""
        raise ReportError(
            f"No readable run in {where}.{cause} Make one with 'alsatian-bench run quick'."
        )
    kept = tuple(sorted(records, key=_place)) if every else newest(records)
    if len(kept) < len(records):
        problems.append(
            f"{len(records) - len(kept)} of {len(records)} records are left out: later runs of the "
            "same specification were of newer code or other files, or did the same round again."
        )
    return Records(records=kept, problems=tuple(problems))


def newest(records: Iterable[Record]) -> tuple[Record, ...]:
    """Per scenario, scale, specification and host class, one measurement: one record a round.

    Rounds of two versions of the code, or of the files that were read, are two measurements and
    are never averaged; a round that was done twice, by two campaigns, counts once. What was
    measured is kept, and of that what was started last.
    """
    records = sorted(records, key=lambda record: (record.started_at, record.key))
    last = {_measured(record): record for record in records}
    rounds = {
        (_measured(record), record.round): record
        for record in sorted(records, key=lambda record: record.ok)  # what was measured wins
        if _is_one_measurement(record, last[_measured(record)])
    }
    kept = rounds.values()
    return tuple(sorted(kept, key=_place))


def _place(record: Record) -> tuple[object, ...]:
    return (record.scenario, record.search, record.variant, record.round, record.started_at)


def _is_one_measurement(one: Record, other: Record) -> bool:
    """Whether nothing that steers them is known to differ."""
    files = {one.files, other.files} - {None}  # earlier schemas did not write them down
    return one.code == other.code and len(files) < 2


def _measured(record: Record) -> tuple[str | None, ...]:
    return (record.scenario, record.scale, record.identity, record.host_class)


def _record_files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    found = root.rglob(RECORD_FILE)
    # Hidden folders belong to runs that are still being written.
    return sorted(
        path
        for path in found
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
