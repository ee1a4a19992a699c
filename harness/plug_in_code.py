"""The code that a run depends on, that of plug-ins included: with other code it is another run."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from harness.environment import code_fingerprint
from harness.spec import RunSpec
from systems.data.datasets import dataset_kind
from systems.data.task_sources import parse_tasks
from systems.registry import system_info
from systems.scoring.registry import scorer_info

_OWN = "systems"


def fingerprint_for(spec: RunSpec) -> str:
    """What all code and library versions that can influence the run are known by.

    The hash of our own (32 hex digits), then ``+package:hash`` for each package of plug-ins
    that the run uses, as its system, its scorer or a dataset: of all its Python files. So that
    runs of one campaign can be told to be of one version, whichever plug-ins each of them uses.
    """
    packages = {reference.partition(".")[0] for reference in _modules(spec)} - {_OWN}
    parts = [f"{package}:{_fingerprint(package)}" for package in sorted(packages)]
    return "+".join((code_fingerprint(), *parts))


def _modules(spec: RunSpec) -> Iterator[str]:
    datasets = [spec.dataset]
    if spec.tasks is not None:
        datasets += [source.dataset for source in parse_tasks(spec.tasks)]
    references = [system_info(spec.system).factory, scorer_info(spec.scorer).factory]
    references += [dataset_kind(name).opener for name in datasets]
    for reference in references:
        yield reference.partition(":")[0]


@functools.cache
def _fingerprint(package: str) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for root, file in _files(package):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0")
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(package: str) -> Iterator[tuple[Path, Path]]:
    """The Python files of a top-level package or module, each with the folder it is found in."""
    found = importlib.util.find_spec(package)  # of a top-level package: imports nothing
    if found is None:
        return  # it cannot be imported: the run will say so
    if found.submodule_search_locations is None:
        if found.origin is not None and Path(found.origin).is_file():
            yield Path(found.origin).parent, Path(found.origin)
        return
    for folder in map(Path, found.submodule_search_locations):
        for file in sorted(folder.rglob("*.py")):
            yield folder, file
