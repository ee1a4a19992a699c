import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from systems.data.datasets import DatasetSpec, open_dataset
from systems.data.docstrings import PACKAGES, docstrings
from systems.data.text_folder import read_text
from systems.data.validation import validate_items
from systems.data.vocabulary import SPECIAL_TOKENS, Encoder, read_vocabulary, train_vocabulary
from systems.errors import DatasetError

CORPUS = ["A wonderful film about blocks.", "Dreadful! Ünïted wonderful; 42 films ##.", "αβγ 電影"]


def opened(root: Path, **changes):
    options = {"items": 16, "sequence_length": 12, **changes}
    spec = DatasetSpec(name="text_folder", path=str(root), **options)
    return open_dataset(spec, cache_dir=root.parent / "cache")


def test_reviews_become_token_identifiers(review_root):
    dataset = opened(review_root)
    assert dataset.classes == ("neg", "pos")
    validate_items(dataset)
    first = dataset.decode(0)
    assert first.dtype == np.int32
    assert first.shape == (12,)
    tokens = [dataset.vocabulary[number] for number in first]
    assert (
        tokens
        == ["[CLS]", "a", "dreadful", "film", ",", "number", "0", ".", "[SEP]"] + ["[PAD]"] * 3
    )
    assert dataset.decode(7)[-1] == dataset.vocabulary.index("[SEP]")
    assert dataset.describe(0).endswith("neg/0.txt")


def test_vocabularies_are_cached_by_content(review_root):
    first = opened(review_root)
    (cached,) = (review_root.parent / "cache" / "vocabularies").iterdir()
    written = cached.stat().st_mtime_ns
    assert opened(review_root).content_id == first.content_id
    assert cached.stat().st_mtime_ns == written
    (review_root / "pos" / "0.txt").write_text("Something else entirely.")
    assert opened(review_root).content_id != first.content_id
    assert len(list(cached.parent.iterdir())) == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "is empty"), (b" \n", "is empty"), (b"a\0b", "holds zero bytes")],
)
def test_damaged_texts_are_named(review_root, content, sentence):
    (review_root / "pos" / "3.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=f"pos/3.txt {sentence}"):
        opened(review_root)


def test_texts_in_utf8_and_latin_1(tmp_path):
    path = tmp_path / "review.txt"
    for encoding in ("utf-8", "utf-8-sig", "latin-1"):
        path.write_text("très déjà vu", encoding=encoding)
        assert read_text(path) == "très déjà vu"


def test_training_is_the_same_in_every_process():
    code = (
        "from systems.data.vocabulary import train_vocabulary\n"
        "import pathlib, hashlib, systems.data.halving as m\n"
        "folder = pathlib.Path(m.__file__).parent\n"
        "texts = [path.read_text() for path in sorted(folder.glob('*.py'))]\n"
        "tokens = train_vocabulary(texts)\n"
        "assert len(tokens) > 1000\n"
        "print(hashlib.md5(chr(10).join(tokens).encode()).hexdigest())"
    )
    command = [sys.executable, "-c", code]
    outputs = {subprocess.check_output(command, text=True) for _ in range(3)}
    assert len(outputs) == 1


def test_a_trained_vocabulary_knows_its_texts():
    tokens = train_vocabulary(CORPUS)
    assert tokens[: len(SPECIAL_TOKENS)] == SPECIAL_TOKENS
    assert len(set(tokens)) == len(tokens)
    unknown = tokens.index("[UNK]")
    encoder = Encoder(tokens, sequence_length=64)
    for text in CORPUS:
        assert unknown not in encoder.encode(text)
        assert 1 not in encoder.encode(text)


letters = st.sampled_from("abz é\t\n\r .#!\u200b\x1c\x00\u0301影\u3000")


@given(st.text(letters, max_size=60), st.integers(3, 12))
@settings(max_examples=300, deadline=None)
def test_encoding_a_long_text_is_a_prefix_of_encoding_it_whole(text, length):
    tokens = train_vocabulary(CORPUS)
    whole = Encoder(tokens, sequence_length=512).encode(text)
    used = int((whole != 0).sum())
    short = Encoder(tokens, sequence_length=length).encode(text)
    if used <= length:
        assert (short == whole[:length]).all()
    else:
        assert (short[:-1] == whole[: length - 1]).all()
        assert short[-1] == whole[used - 1]


def test_a_given_vocabulary_is_used(review_root, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "film", "."]) + "\n")
    dataset = opened(review_root, vocabulary=str(path))
    assert dataset.decode(0).tolist() == [2, 4, 1, 5, 1, 1, 1, 6, 3, 0, 0, 0]


def test_cased_vocabularies_keep_case():
    tokens = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "Film", "film")
    assert Encoder(tokens, sequence_length=4).encode("Film film").tolist() == [2, 4, 5, 3]
    uncased = (*tokens[:4], "film")
    assert Encoder(uncased, sequence_length=4).encode("Film film").tolist() == [2, 4, 4, 3]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["[UNK]", "[CLS]", "[SEP]"], r"lacks \[PAD\]"),
        (["a", "[PAD]", "[UNK]", "[CLS]", "[SEP]"], "has 'a' on its first line"),
        (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "a"], "has 'a' 2 times"),
        (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "", "a"], r"an empty line \(line 5\)"),
        (["[PAD]", "[UNK]", "[CLS]", "[SEP]", *map(str, range(30600))], "30604 tokens"),
    ],
)
def test_what_is_no_vocabulary_is_refused(tmp_path, lines, sentence):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DatasetError, match=sentence):
        read_vocabulary(path)


def test_a_missing_vocabulary_is_named(review_root):
    with pytest.raises(DatasetError, match=r"/nowhere/vocab.txt cannot be read"):
        opened(review_root, vocabulary="/nowhere/vocab.txt")


def test_docstrings_of_a_package_without_its_tests(tmp_path):
    long = "Words about numbers. " * 12
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text(f'"""{long} tested"""')
    (tmp_path / "broken.py").write_text("def (:")
    source = f'"""{long} module"""\ndef f():\n    """{long} f"""\ndef g():\n    """short"""\n'
    (tmp_path / "b.py").write_text(source)
    (tmp_path / "c.py").write_text(source)
    texts = list(docstrings(tmp_path))
    assert sorted(text.split()[-1] for text in texts) == ["f", "module"]


@pytest.mark.slow
def test_the_embedded_texts_are_real_and_labelled(tmp_path):
    spec = DatasetSpec(name="docstrings", items=120, sequence_length=32)
    dataset = open_dataset(spec, cache_dir=tmp_path)
    assert dataset.classes == tuple(sorted(PACKAGES))
    assert np.bincount(dataset.labels).tolist() == [20] * 6
    validate_items(dataset)
    assert all((dataset.decode(index) != 0).sum() >= 8 for index in range(120))
    again = open_dataset(spec, cache_dir=tmp_path)
    assert again.content_id == dataset.content_id
    assert not list(tmp_path.rglob(".partial-*"))
