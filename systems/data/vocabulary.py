"""WordPiece vocabularies: reading one, training one, and encoding texts with it."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from systems.errors import DatasetError

SPECIAL_TOKENS = ("[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""First in a trained vocabulary. 0 is padding, as in BERT's own. 1 never occurs in a text:
RoBERTa takes it for padding when it numbers positions."""
REQUIRED_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
TRAINED_TOKENS = 8192
LARGEST_VOCABULARY = 30522
"""Token embeddings of BERT; more identifiers would have none."""
LARGEST_ALPHABET = 2000
"""Characters that a trained vocabulary tells apart; rarer ones become [UNK]."""

WORD = re.compile(r"[^ \t\n\r]+")
"""Split at what Python, Unicode and BERT all hold to be space."""


class Encoder:
    """Texts to token identifiers, as BERT wants them: [CLS] tokens … [SEP] padding …"""

    def __init__(self, tokens: Sequence[str], *, sequence_length: int) -> None:
        from tokenizers import Tokenizer
        from tokenizers.models import WordPiece
        from tokenizers.normalizers import BertNormalizer
        from tokenizers.pre_tokenizers import BertPreTokenizer
        from tokenizers.processors import TemplateProcessing

        numbers = {token: number for number, token in enumerate(tokens)}
        cased = any(token[0] != "[" and token != token.lower() for token in tokens)
        self._length = sequence_length
        self._tokenizer = Tokenizer(WordPiece(numbers, unk_token="[UNK]"))
        self._tokenizer.normalizer = BertNormalizer(lowercase=not cased)
        self._tokenizer.pre_tokenizer = BertPreTokenizer()
        self._tokenizer.post_processor = TemplateProcessing(
            single="[CLS] $A [SEP]",
            special_tokens=[(token, numbers[token]) for token in ("[CLS]", "[SEP]")],
        )
        self._tokenizer.enable_truncation(sequence_length)

    def encode(self, text: str) -> np.ndarray:
        """int32 [sequence_length]; what is longer is cut, what is shorter padded with 0."""
        identifiers = np.zeros(self._length, dtype=np.int32)
        tokens = self._tokenizer.encode(text[: self._sufficient(text)]).ids
        if len(tokens) < self._length:  # the text is short, or words of it came to nothing
            tokens = self._tokenizer.encode(text).ids
        identifiers[: len(tokens)] = tokens
        return identifiers

    def _sufficient(self, text: str) -> int:
        """Characters to the end of as many words as tokens are wanted.

        Words are tokenised one by one, so that what follows cannot change their tokens.
        """
        words = list(itertools.islice(WORD.finditer(text), self._length))
        return words[-1].end() if words else 0


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """Read a ``vocab.txt``: one token a line, its line number from 0 its identifier.

    Raises:
        DatasetError: no such file, or not a vocabulary that BERT can use.
    """
    try:
        tokens = tuple(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"The vocabulary {path} cannot be read: {error}.") from error
    missing = [token for token in REQUIRED_TOKENS if token not in tokens]
    twice, times = Counter(tokens).most_common(1)[0]
    rule = None
    if missing:
        rule = f"lacks {', '.join(missing)}"
    elif tokens[0] != "[PAD]":
        rule = f"has '{tokens[0]}' on its first line, where [PAD] must be"
    elif times > 1:
        rule = f"has '{twice}' {times} times"
    elif "" in tokens:
        rule = f"has an empty line (line {tokens.index('') + 1})"
    elif len(tokens) > LARGEST_VOCABULARY:
        rule = f"has {len(tokens)} tokens, more than the {LARGEST_VOCABULARY} of BERT"
    if rule:
        raise DatasetError(
            f"The vocabulary {path} {rule}: give the vocab.txt of a BERT WordPiece tokeniser, "
            "or none to have one trained on the texts."
        )
    return tokens


def train_vocabulary(texts: Iterable[str]) -> tuple[str, ...]:
    """Train WordPiece on texts; the same texts give the same tokens in the same order.

    The trainer of ``tokenizers`` numbers characters in the order of a randomly seeded hash
    map and breaks ties by these numbers, so that two runs differ. Handed the alphabet in a
    fixed order it has no choice left.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.trainers import WordPieceTrainer

    normalizer = BertNormalizer(lowercase=True)
    normalised = [normalizer.normalize_str(text) for text in texts]
    frequency: Counter[str] = Counter()
    for text in normalised:
        frequency.update(text)
    frequent = sorted(frequency, key=lambda letter: (-frequency[letter], letter))
    letters = [letter for letter in frequent if not letter.isspace()]
    alphabet = sorted(letters[:LARGEST_ALPHABET])
    rare = str.maketrans(dict.fromkeys(letters[LARGEST_ALPHABET:], " "))
    trainer = WordPieceTrainer(
        vocab_size=TRAINED_TOKENS,
        special_tokens=[*SPECIAL_TOKENS, *alphabet, *(f"##{letter}" for letter in alphabet)],
        show_progress=False,
    )
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.train_from_iterator((text.translate(rare) for text in normalised), trainer)
    numbers = tokenizer.get_vocab()
    return tuple(sorted(numbers, key=numbers.__getitem__))
