from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.system_choice import SystemChoice


@pytest.mark.parametrize(
    ("text", "name", "options", "normal"),
    [
        ("baseline", "baseline", {}, "baseline"),
        ("baseline+decode_once", "baseline", {"decode_once": True}, "baseline+decode_once"),
        (
            "alsatian + schedule = block_major + keep_blocks=no",
            "alsatian",
            {"schedule": "block_major", "keep_blocks": False},
            "alsatian+keep_blocks=false+schedule=block_major",
        ),
        (
            "alsatian-paper+cache_budget=65536 KiB",
            "alsatian-paper",
            {"cache_budget": 64 * 2**20},
            "alsatian-paper+cache_budget=64 MiB",
        ),
    ],
)
def test_a_choice_has_one_normal_form(text, name, options, normal):
    choice = SystemChoice.parse(text)
    assert (choice.name, choice.options, choice.text) == (name, options, normal)
    assert SystemChoice.parse(choice.text) == choice


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("alsation", "There is no system 'alsation'. Did you mean 'alsatian'?"),
        ("alsatian+shedule=x", "no system option 'shedule' (in 'alsatian+shedule=x'). Did you"),
        ("alsatian+schedule=depth", "schedule must be auto, block_major or batch_major, not"),
        ("alsatian+cache_budget", "The option 'cache_budget' needs a value"),
        ("alsatian+decode_once+decode_once", "given twice"),
        ("alsatian+decode_once=maybe", "decode_once must be true or false, not 'maybe'"),
        ("alsatian+batch_size=3", "There is no system option 'batch_size'"),
        ("alsatian+", "There is no system option ''"),
    ],
)
def test_refusals(text, sentence):
    with pytest.raises(ValueError, match=r"system|option|must be") as caught:
        SystemChoice.parse(text, ["alsatian", "baseline"])
    assert sentence in str(caught.value)


@given(st.text(alphabet="alsatian+=decode_once 1MiB", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        choice = SystemChoice.parse(text)
    except ValueError:
        return
    assert SystemChoice.parse(choice.text) == choice
