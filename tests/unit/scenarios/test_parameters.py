from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.parameters import PARAMETERS, SYSTEM_OPTIONS

anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))


def test_defaults_are_values_of_their_parameters():
    for parameter in PARAMETERS.values():
        if not parameter.required:
            assert parameter.parse(parameter.default) == parameter.default


def test_what_a_system_may_share_has_no_default_of_its_own():
    assert {"cache_budget", "schedule", "decode_once", "prefetch"} <= set(SYSTEM_OPTIONS)
    assert all(PARAMETERS[name].default is None for name in SYSTEM_OPTIONS)


@given(st.sampled_from(sorted(PARAMETERS)), anything)
def test_a_value_is_refused_with_a_sentence_or_parsed_once_and_for_all(name, value):
    parameter = PARAMETERS[name]
    try:
        parsed = parameter.parse(value)
    except ValueError as caught:
        sentence = str(caught)
    else:
        assert parameter.parse(parsed) == parsed
        typed = parameter.text(parsed)
        if typed.lower() not in ("null", "none", "~"):  # a file of that name has to be ./none
            assert parameter.parse_text(typed) == parsed
        return
    assert sentence.startswith(f"{name} must be ")


@pytest.mark.parametrize(
    ("name", "value", "parsed"),
    [
        ("cache_budget", "64 MiB", 64 * 2**20),
        ("cache_budget", None, None),
        ("wall_limit", "10 min", 600.0),
        ("wall_limit", 90, 90.0),
        ("device", "cuda:1", "cuda:1"),
        ("decode_once", True, True),
        ("batch_size", "auto", "auto"),
        ("data_workers", "auto", "auto"),
    ],
)
def test_values(name, value, parsed):
    assert PARAMETERS[name].parse(value) == parsed


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("items", True, "items must be a whole number of at least 1, not true."),
        ("items", 400.0, "items must be a whole number of at least 1, not 400.0."),
        ("models", 0, "models must be a whole number of at least 1, not 0."),
        ("models", None, "models must be a whole number of at least 1, but nothing"),
        ("test_fraction", 1, "test_fraction must be a number between 0 and 1"),
        ("test_fraction", math.nan, "between 0 and 1, both excluded, not nan"),
        ("wall_limit", 10**400, "wall_limit must be a duration from 1 ms"),
        ("memory_format", "channel_last", "Did you mean 'channels_last'?"),
        ("path", 12, "write it in quotes"),
        ("device", "gpu", "device must be cpu, cuda, or cuda with a number"),
        ("cache_budget", "12 Mb", "the unit 'Mb' is not one of B, kB"),
        ("cache_budget", 0, "at least one byte"),
        ("batch_size", "fast", "a whole number of at least 1, or auto, not 'fast'."),
        ("models", "auto", "models must be a whole number of at least 1, not 'auto'."),
    ],
)
def test_refusals_name_value_and_rule(name, value, sentence):
    with pytest.raises(ValueError, match="must be") as caught:
        PARAMETERS[name].parse(value)
    assert sentence in str(caught.value)
