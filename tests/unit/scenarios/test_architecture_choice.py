"""Several architectures in one value of the axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.architecture_choice import ArchitectureChoice

KNOWN = ("resnet18", "vit_ti_16", "bert")
entries = st.tuples(st.sampled_from(KNOWN), st.one_of(st.none(), st.integers(1, 4096)))


@given(st.lists(entries, min_size=1, max_size=3, unique_by=lambda entry: entry[0]))
def test_the_text_of_a_choice_is_read_back(chosen):
    text = " + ".join(name if side is None else f"{name} @ {side}" for name, side in chosen)
    choice = ArchitectureChoice.parse(text, KNOWN)
    assert [(each.name, each.resolution) for each in choice.architectures] == chosen
    assert ArchitectureChoice.parse(choice.text) == choice
    assert " " not in choice.text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("resnet8", r"There is no architecture 'resnet8'\. Did you mean 'resnet18'\?"),
        ("bert+vit", r"no architecture 'vit' \(in 'bert\+vit'\)\. Did you mean|Known"),
        ("bert+", r"no architecture '' \(in 'bert\+'\)"),
        ("", r"no architecture ''"),
        ("bert@", r"'bert@' is no architecture: .* as in bert@96"),
        ("bert@0", "as in bert@96"),
        ("bert@-3", "as in bert@96"),
        ("bert@64@64", "as in bert@96"),
        ("bert+bert", r"'bert' is given twice in 'bert\+bert'"),
    ],
)
def test_what_is_no_choice_is_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        ArchitectureChoice.parse(text, KNOWN)


def test_a_name_that_stands_for_another_is_replaced():
    known = {"resnet18": "resnet18", "r18": "resnet18"}
    assert ArchitectureChoice.parse("r18@64", known).text == "resnet18@64"
    with pytest.raises(ValueError, match="given twice"):
        ArchitectureChoice.parse("r18+resnet18", known)
