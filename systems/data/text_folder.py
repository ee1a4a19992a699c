"""Texts in class folders, read and tokenised from their files each time."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from systems.data.class_folders import ClassFolders, find_class_folders
from systems.data.content import content_hash, write_atomically
from systems.data.datasets import Dataset, DatasetSpec, Modality
from systems.data.transform import Transform
from systems.data.vocabulary import Encoder, read_vocabulary, train_vocabulary
from systems.errors import DatasetError

TEXT_SUFFIXES = frozenset({".txt"})
LARGEST_TEXT_BYTES = 16 * 2**20


class TextFolder(Dataset):
    """Labelled text files, tokenised when decoded."""

    modality: Modality = "text"
    timing_only = False

    def __init__(
        self, folders: ClassFolders, *, vocabulary: tuple[str, ...], sequence_length: int
    ) -> None:
        self.classes = folders.classes
        self.labels = folders.labels
        self.files = folders.files
        self.transform = Transform(sequence_length=sequence_length)
        self.vocabulary = vocabulary
        """Tokens by identifier."""
        self._encoders = {sequence_length: Encoder(vocabulary, sequence_length=sequence_length)}

    @cached_property
    def content_id(self) -> str:
        """Hex digest of all texts, the labels, the vocabulary and the sequence length."""
        texts = (read_text(path) for path in self.files)
        tokens = "\n".join(self.vocabulary)
        length = self.transform.shape[0]
        return content_hash(["texts", length, tokens, self.labels.tobytes(), *texts])

    def describe(self, index: int) -> str:
        """Name item ``index`` by its file."""
        return str(self.files[index])

    def read(self, index: int) -> str:
        """Read text ``index``."""
        return read_text(self.files[index])

    def fit(self, source: str, transform: Transform) -> np.ndarray:
        """Tokenise a text to int32 [L]."""
        length = transform.shape[0]
        if length not in self._encoders:
            self._encoders[length] = Encoder(self.vocabulary, sequence_length=length)
        return self._encoders[length].encode(source)


def read_text(path: Path) -> str:
    """Read a text file: UTF-8, or Latin-1 where it is not (as old review collections are).

    Raises:
        DatasetError: the file is missing, empty, too large, or no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_TEXT_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"The text {path} cannot be read: {error.strerror}.") from error
    rule = None
    if len(content) > LARGEST_TEXT_BYTES:
        rule = f"is larger than {LARGEST_TEXT_BYTES:,} bytes"
    elif b"\0" in content:
        rule = "holds zero bytes and so is no text in UTF-8 or Latin-1"
    elif not content.strip():
        rule = "is empty"
    if rule:
        raise DatasetError(f"The text {path} {rule}: replace or remove the file.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def open_text_folder(spec: DatasetSpec, *, cache_dir: Path) -> TextFolder:
    """Open a folder of class folders of ``.txt`` files."""
    root = Path(spec.path or "").expanduser()
    folders = find_class_folders(root, suffixes=TEXT_SUFFIXES, what="texts")
    return tokenised(folders.choose(items=spec.items, seed=spec.seed), spec, cache_dir=cache_dir)


def tokenised(folders: ClassFolders, spec: DatasetSpec, *, cache_dir: Path) -> TextFolder:
    """Texts with the vocabulary that ``spec`` names, or one trained on them and cached.

    Raises:
        DatasetError: a damaged text or vocabulary, or a cache that cannot be written.
    """
    if spec.vocabulary is not None:
        vocabulary = read_vocabulary(Path(spec.vocabulary).expanduser())
    else:
        vocabulary = _trained(folders, cache_dir=cache_dir)
    return TextFolder(folders, vocabulary=vocabulary, sequence_length=spec.sequence_length or 0)


def _trained(folders: ClassFolders, *, cache_dir: Path) -> tuple[str, ...]:
    """The vocabulary of these texts, trained at most once."""
    texts = [read_text(path) for path in folders.files]
    path = cache_dir / "vocabularies" / f"{content_hash(texts)}.txt"
    if not path.exists():
        tokens = train_vocabulary(texts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, "\n".join(tokens).encode())
        except OSError as error:
            raise DatasetError(
                f"The vocabulary cannot be written to {path} ({error.strerror}): free some "
                "space or choose another cache folder."
            ) from error
    return read_vocabulary(path)
