"""What models are fine-tuned on, as a scenario writes it; torch-free, and opens nothing."""

from __future__ import annotations

from dataclasses import dataclass

from systems.data.datasets import dataset_kind
from systems.errors import ConfigurationError

DIGITS = "digits"
"""Stands for several tasks that are made of the handwritten digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSource:
    """A labelled dataset to fine-tune on."""

    dataset: str
    """Key into ``systems.data.datasets.available_datasets``."""
    path: str | None
    """Its folder; None where it has none, or where it is to be looked for."""


def parse_tasks(text: str) -> tuple[TaskSource, ...]:
    """The sources in ``digits`` or ``dataset=folder+dataset=folder``.

    Raises:
        ConfigurationError: a dataset is unknown, of made-up data, has no folder but is given
            one, or is named twice.
    """
    sources = tuple(_source(part.strip()) for part in text.split("+"))
    twice = [source for place, source in enumerate(sources) if source in sources[:place]]
    if twice:
        raise ConfigurationError(
            f"tasks names {twice[0].dataset} twice (in '{text}'): models would be fine-tuned on "
            "the same task; name each once."
        )
    return sources


def write_tasks(sources: tuple[TaskSource, ...]) -> str:
    """The text that ``parse_tasks`` reads."""
    return "+".join(
        source.dataset if source.path is None else f"{source.dataset}={source.path}"
        for source in sources
    )


def _source(part: str) -> TaskSource:
    name, equals, path = part.partition("=")
    kind = dataset_kind(name)
    if kind.timing_only:
        raise ConfigurationError(
            f"The task '{name}' has labels that mean nothing, so that nothing can be learned: "
            "name a dataset with real labels."
        )
    if not kind.needs_path and equals:
        raise ConfigurationError(
            f"The task '{name}' takes no folder, but '{path}' was given: write {name} alone."
        )
    return TaskSource(dataset=name, path=path or None)
