"""From a file, or the name of a shipped one, to a checked scenario."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path

from scenarios.consistency import check_consistency
from scenarios.document import read_document
from scenarios.errors import Problem, Problems, ScenarioError, did_you_mean
from scenarios.scenario import Scenario
from scenarios.schema import Schema

SUFFIXES = (".yaml", ".yml")


def load_scenario(path: Path | str, vocabulary: Mapping[str, Collection[str]]) -> Scenario:
    """Read and check a scenario file.

    Args:
        path: the YAML file.
        vocabulary: what the values of ``system``, ``architecture``, ``distribution``,
            ``dataset`` and ``scorer`` may be: ``systems``, ``architectures``,
            ``distributions``, ``datasets``, ``scorers``.

    Raises:
        ScenarioError: the file cannot be read or breaks rules; all of them are named, each
            with its line, the key or value, the rule and the fix.
    """
    path = Path(path)
    problems = Problems(path=path)
    root = read_document(_read(path), problems)
    if root is None:
        if not problems.found:
            problems.add(None, "The file is empty: a scenario has at least a name and a title.")
        problems.raise_if_any()
        raise AssertionError("a document without a root has a problem")
    scenario = Schema(vocabulary, problems).read(root, path)
    check_consistency(scenario, problems)
    problems.raise_if_any()
    return scenario


def shipped_scenarios() -> Mapping[str, Path]:
    """The scenarios that come with the package, by name; a file is called as its scenario."""
    folder = Path(str(files("scenarios")))
    return {path.stem: path for path in sorted(folder.rglob("*.yaml"))}


def find_scenario(name_or_path: str) -> Path:
    """The file of a shipped scenario, or the file at a path.

    What ends in ``.yaml`` or has a ``/`` in it is a path; a shipped name wins over a file
    of the same name without an ending.

    Raises:
        ScenarioError: there is no such scenario and no such file.
    """
    shipped = shipped_scenarios()
    path = Path(name_or_path)
    if name_or_path in shipped:
        return shipped[name_or_path]
    if path.is_file():
        return path
    if path.suffix in SUFFIXES or len(path.parts) > 1:
        message = f"There is no file '{name_or_path}'."
        if path.stem in shipped:
            message += f" Did you mean the shipped scenario '{path.stem}'?"
    else:
        message = (
            f"There is no scenario '{name_or_path}'. {did_you_mean(name_or_path, shipped)} "
            "To use a file of your own, give its path."
        )
    raise ScenarioError([Problem(line=None, message=message)])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"The file is not UTF-8 text: byte {error.start} cannot be read."
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
    raise ScenarioError([Problem(line=None, message=message)], path=path)
