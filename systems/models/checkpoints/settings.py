"""What a checkpoint's ``config.json`` says about its architecture, and nothing else of it.

Only known keys are taken, each checked: what else stands in the file (code to import, kernels
to fetch, labels, names) has no way in. Equal settings are equal architectures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from systems.models.checkpoints.finding import CheckpointError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

MOST_BLOCKS = 1000
_LARGEST = 2**20
"""Of any size that a configuration may give: far above published ones."""


def chosen(
    config_class: type[PreTrainedConfig], found: Mapping[str, Any], keys: Sequence[str]
) -> dict[str, Any]:
    """``keys`` of a ``config.json``, in plain types; those it lacks are the class's defaults.

    Raises:
        CheckpointError: a value has the wrong type, or is out of range.
    """
    given = {key: found[key] for key in keys if found.get(key) is not None}
    for key, value in given.items():
        _check(key, value)
    config = config_class(**given)
    return {"model_type": config_class.model_type} | {
        key: _plain(getattr(config, key)) for key in keys
    }


def side(found: Mapping[str, Any], key: str, default: int) -> int:
    """The one length of a square, given as a number or as two equal ones.

    Raises:
        CheckpointError: it is none.
    """
    value = found.get(key, default)
    if isinstance(value, list | tuple) and len(value) == 2 and value[0] == value[1]:
        value = value[0]
    if not isinstance(value, int) or isinstance(value, bool):
        raise CheckpointError(f"{key} is {value!r}: only squares are supported.")
    return value


def three_channels(found: Mapping[str, Any]) -> None:
    """Refuse what does not read pictures of three colours.

    Raises:
        CheckpointError: it does not.
    """
    if found.get("num_channels", 3) != 3:
        raise CheckpointError(f"num_channels is {found['num_channels']}: only 3 are supported.")


def _check(key: str, value: Any) -> None:
    values = value if isinstance(value, list | tuple) else [value]
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if not all(0 <= number <= _LARGEST for number in numbers) or len(values) > MOST_BLOCKS:
        raise CheckpointError(f"{key} is {value!r}: out of the range 0 to {_LARGEST}.")
    is_count = key in ("num_hidden_layers", "encoder_layers", "depths")
    if is_count and not 1 <= sum(numbers) <= MOST_BLOCKS:
        raise CheckpointError(f"{key} is {value!r}: 1 to {MOST_BLOCKS} are supported.")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
