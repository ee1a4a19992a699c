"""Hardware profiles as YAML files: shipped ones, a person's own, and measured ones."""

from __future__ import annotations

import hashlib
import math
import os
import re
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from harness.environment import host_class
from scenarios.document import Node, read_document
from scenarios.errors import Problem, Problems, ScenarioError, did_you_mean
from scenarios.quantities import parse_bytes, parse_rate, parse_seconds
from systems.data.datasets import available_datasets
from systems.errors import ConfigurationError
from systems.models.architectures import ARCHITECTURES
from systems.planning.hardware_profile import DEFAULT, FALLBACK, HardwareProfile

SHIPPED = Path(str(files("systems.planning"))) / "profiles"
"""Where the profiles are that come with the package."""

_OPERATIONS = re.compile(r"(\d{1,40}(?:\.\d{1,40})?)\s*([MGTP]?)FLOP/s", re.ASCII)
_FACTORS = {"": 1.0, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_FAMILIES: set[str] = {entry.family for entry in ARCHITECTURES.values()}


def _operations(text: str) -> float:
    match = _OPERATIONS.fullmatch(text.strip())
    if match is None:
        raise ValueError("it is not a number with a unit")
    return float(match[1]) * _FACTORS[match[2]]


_UNITS: Mapping[str, tuple[Callable[[str], float], str]] = {
    "operations": (_operations, "a rate of operations, such as 120 GFLOP/s"),
    "rate": (lambda text: float(parse_rate(text)), "a rate, such as 200 MB/s"),
    "bytes": (lambda text: float(parse_bytes(text)), "a size, such as 16 GB"),
    "seconds": (parse_seconds, "a duration, such as 0.3 ms"),
}
"""How a value with a unit is read, and what it is in words."""

KEYS: Mapping[str, tuple[str, str]] = {
    "name": ("name", "text"),
    "title": ("title", "text"),
    "operations": ("operations_per_s", "operations"),
    "memory_bandwidth": ("memory_bytes_per_s", "rate"),
    "memory_size": ("memory_size_bytes", "bytes"),
    "execution": ("execution_s", "seconds"),
    "store_bandwidth": ("store_bytes_per_s", "rate"),
    "model_file_bandwidth": ("model_file_bytes_per_s", "rate"),
    "reread_bandwidth": ("reread_bytes_per_s", "rate"),
    "paces_rereads": ("paces_rereads", "boolean"),
    "block_read": ("block_read_s", "seconds"),
    "decode_item": ("decode_item_s", "seconds"),
    "prepare_bandwidth": ("prepare_bytes_per_s", "rate"),
    "loader_start": ("loader_start_s", "seconds"),
    "head_start": ("head_start_s", "seconds"),
    "head_step": ("head_step_s", "seconds"),
    "head_operations": ("head_operations_per_s", "operations"),
    "plan_vertex": ("plan_vertex_s", "seconds"),
    "bookkeeping": ("bookkeeping_s", "seconds"),
    "page_cache": ("page_cache_bytes", "bytes"),
    "data_workers": ("data_workers", "integer"),
    "threads": ("threads", "integer"),
}
"""A file's keys: the field of ``HardwareProfile`` and the kind of value."""
_MAPPINGS: Mapping[str, Callable[[], Collection[str]]] = {
    "operations": lambda: _FAMILIES,
    "decode_item": available_datasets,
}
"""Keys with a value for each of these names."""
_REQUIRED = {item.name for item in fields(FALLBACK)} - {
    "title", "loader_start_s", "plan_vertex_s", "bookkeeping_s", "page_cache_bytes",
    "memory_size_bytes",
    "model_file_bytes_per_s", "data_workers", "threads", "paces_rereads", "is_fallback",
}  # fmt: skip


def read_profile(path: Path) -> HardwareProfile:
    """Read and check a profile file.

    Raises:
        ScenarioError: it cannot be read or breaks rules; all of them are named, each with its
            line, the key or value, the rule and the fix.
    """
    problems = Problems(path=path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problems.add(None, f"The hardware profile cannot be read: {reason}.")
        problems.raise_if_any()
    root = read_document(text, problems)
    if root is None or not isinstance(root.value, dict):
        problems.add(None, "A hardware profile is a mapping (key: value) with at least a name.")
        problems.raise_if_any()
    assert root is not None
    assert isinstance(root.value, dict)
    values: dict[str, Any] = {}
    for key, node in root.value.items():
        if key in KEYS:
            name, kind = KEYS[key]
            values[name] = _value(key, kind, node, problems)
        else:
            problems.add(node.line, f"There is no key '{key}'. {did_you_mean(key, KEYS)}")
    missing = [key for key, (name, _) in KEYS.items() if name in _REQUIRED - values.keys()]
    if missing:
        problems.add(root.line, f"The hardware profile lacks {', '.join(missing)}: add them.")
    problems.raise_if_any()
    try:
        return HardwareProfile(**values)
    except ConfigurationError as error:
        raise ScenarioError([Problem(line=None, message=str(error))], path=path) from None


def find_profile(name_or_path: str | None, *, cache: Path, device: str = "cpu") -> HardwareProfile:
    """A shipped profile, the file at a path, or (None) this machine's, measured or guessed.

    Raises:
        ScenarioError: there is no such profile, or it is not right.
    """
    if name_or_path is None:
        measured = calibrated_path(cache, device)
        return read_calibrated(measured) if measured.is_file() else _guessed(device)
    shipped = {path.stem: path for path in SHIPPED.glob("*.yaml")}
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        message = (
            f"There is no hardware profile '{name_or_path}'. {did_you_mean(name_or_path, shipped)}"
        )
        raise ScenarioError([Problem(line=None, message=f"{message} Or give the path of a file.")])
    return read_profile(path)


def read_calibrated(path: Path) -> HardwareProfile:
    """The measured profile of this machine at ``path``; raises as ``read_profile``.

    Runs pace their own reads: a block that is read again is paid for again. The files of earlier
    calibrations do not say so.
    """
    return replace(read_profile(path), paces_rereads=True)


def _guessed(device: str) -> HardwareProfile:
    if not device.startswith("cuda"):
        return FALLBACK
    # Two CPU cores would be a far worse guess: loading would seem to cost nothing beside computing.
    title = "the paper's machine, in place of a GPU that nobody measured"
    paper = read_profile(SHIPPED / "paper.yaml")
    return replace(
        paper,
        name=f"{FALLBACK.name}-gpu",
        title=title,
        memory_size_bytes=math.inf,  # a plan for less would be a worse guess
        is_fallback=True,
    )


def calibrated_path(cache: Path, device: str) -> Path:
    """Where the measured profile of this class of machines is, or would be."""
    machine = hashlib.blake2b(host_class().encode(), digest_size=8).hexdigest()
    return cache / "hardware" / f"{machine}-{device.partition(':')[0]}.yaml"


def write_profile(profile: HardwareProfile, path: Path) -> None:
    """Write ``profile`` so that ``read_profile`` reads it back, in place of an earlier one."""
    document: dict[str, object] = {}
    for key, (name, kind) in KEYS.items():
        value = getattr(profile, name)
        if isinstance(value, Mapping):
            document[key] = {inner: _text(number, kind) for inner, number in value.items()}
        elif value is not None and value != math.inf and value != "":
            document[key] = _text(value, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, working = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yaml.safe_dump(document, file, sort_keys=False, width=100)
        Path(working).chmod(0o644)
        Path(working).replace(path)
    except BaseException:
        Path(working).unlink(missing_ok=True)
        raise


def _value(key: str, kind: str, node: Node, problems: Problems) -> Any:
    if key not in _MAPPINGS:
        return _single(key, kind, node, problems)
    if not isinstance(node.value, dict):
        problems.add(node.line, f"'{key}' must be a mapping with at least '{DEFAULT}'.")
        return {DEFAULT: 1.0}
    known = {DEFAULT, *_MAPPINGS[key]()}
    for inner, child in node.value.items():
        if inner not in known:
            problems.add(
                child.line, f"There is no '{inner}' in {key}. {did_you_mean(inner, known)}"
            )
    if DEFAULT not in node.value:
        problems.add(node.line, f"'{key}' has no '{DEFAULT}': give one for names not listed.")
    return {inner: _single(key, kind, child, problems) for inner, child in node.value.items()} | (
        {} if DEFAULT in node.value else {DEFAULT: 1.0}
    )


def _single(key: str, kind: str, node: Node, problems: Problems) -> Any:
    value = node.value
    is_boolean = isinstance(value, bool)
    if kind == "text" and isinstance(value, str) and value:
        return value
    if kind == "boolean" and is_boolean:
        return value
    if kind == "integer" and isinstance(value, int) and not is_boolean and value >= 0:
        return value
    if kind in _UNITS:
        parse, rule = _UNITS[kind]
        try:
            if not isinstance(value, str):
                raise ValueError("it is not a number with a unit")
            number = parse(value)
            if number > 0 or kind == "seconds":
                return number
            raise ValueError("it must be above 0")
        except ValueError as error:
            problems.add(node.line, f"'{key}' must be {rule}, not '{_shown(value)}' ({error}).")
            return 1.0
    rules = {"text": "text", "boolean": "true or false", "integer": "a whole number, 0 or more"}
    problems.add(node.line, f"'{key}' must be {rules[kind]}, not '{_shown(value)}'.")
    return None


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)[:60]


def _text(value: Any, kind: str) -> object:
    """A value as a person writes it, to four digits; rates in whole bytes."""
    if kind == "operations":
        return f"{_digits(value / 1e9)} GFLOP/s"
    if kind in ("rate", "bytes"):
        size = f"{float(f'{value:.4g}') / 1e6:.6f}".rstrip("0").rstrip(".")
        return f"{size} MB" + ("/s" if kind == "rate" else "")
    if kind == "seconds":
        return f"{_digits(value * 1e3)} ms"
    return value


def _digits(value: float) -> str:
    return f"{float(f'{value:.4g}'):.9f}".rstrip("0").rstrip(".")
