"""Docstrings of installed packages: real labelled texts that need no download."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from systems.data.class_folders import find_class_folders
from systems.data.content import content_hash
from systems.data.datasets import DatasetSpec
from systems.data.text_folder import TEXT_SUFFIXES, TextFolder, tokenised
from systems.errors import DatasetError

PACKAGES = {
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "pandas": "pandas",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
}
"""Import name to distribution; all are required by this project, and so are there."""
TEXTS_PER_PACKAGE = 700
SHORTEST_TEXT = 200
"""Characters; below, a docstring seldom says what package it is of."""
EXTRACTION_VERSION = 1
"""Changes with what is extracted, so that an older cached corpus is not taken for a newer."""
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def open_docstrings(spec: DatasetSpec, *, cache_dir: Path) -> TextFolder:
    """Open the docstrings, extracted into the cache once per set of package versions.

    Raises:
        DatasetError: a package has no sources, or the cache cannot be written.
    """
    versions = [version(distribution) for distribution in PACKAGES.values()]
    key = content_hash([EXTRACTION_VERSION, TEXTS_PER_PACKAGE, SHORTEST_TEXT, *versions])
    root = cache_dir / "docstrings" / key
    if not root.is_dir():
        try:
            _extract(root)
        except OSError as error:
            raise DatasetError(
                f"The docstrings cannot be written to {root.parent} ({error.strerror}): free "
                "some space (about 20 MB) or choose another cache folder."
            ) from error
    folders = find_class_folders(root, suffixes=TEXT_SUFFIXES, what="texts")
    return tokenised(folders.choose(items=spec.items, seed=spec.seed), spec, cache_dir=cache_dir)


def docstrings(package: Path) -> Iterator[str]:
    """The distinct docstrings of a package's sources, tests excepted, without importing it.

    Files come in the order of a hash of their paths: the first few hundred texts are then
    spread over the package, and are the same on every machine with the same sources.
    """
    files = [path.relative_to(package) for path in package.rglob("*.py")]
    places = [path.as_posix() for path in files if not {"tests", "testing"} & set(path.parts)]
    seen = set()
    for place in sorted(places, key=lambda place: hashlib.blake2b(place.encode()).digest()):
        try:
            tree = ast.parse((package / place).read_bytes())
        except SyntaxError:  # packages ship templates and sources for other Python versions
            continue
        for node in ast.walk(tree):
            text = ast.get_docstring(node, clean=False) if isinstance(node, DOCUMENTED) else None
            if text and len(text) >= SHORTEST_TEXT and text not in seen:
                seen.add(text)
                yield inspect.cleandoc(text)


def _extract(root: Path) -> None:
    """Write each package's docstrings below ``root``, which appears when it is complete."""
    root.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=root.parent, prefix=".partial-"))
    try:
        for package in PACKAGES:
            folder = partial / package
            folder.mkdir()
            texts = docstrings(_source_folder(package))
            for number, text in zip(range(TEXTS_PER_PACKAGE), texts, strict=False):
                # Some sources hold lone surrogates as test data; UTF-8 has none.
                content = text.encode("utf-8", errors="replace")
                (folder / f"{number:04d}.txt").write_bytes(content)
        try:
            partial.rename(root)
        except OSError:
            if not root.is_dir():  # else another process was faster, with the same texts
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _source_folder(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise DatasetError(
            f"The package '{package}', whose docstrings are one class, is not installed: "
            f"pip install {PACKAGES[package]}."
        )
    return Path(found.submodule_search_locations[0])
