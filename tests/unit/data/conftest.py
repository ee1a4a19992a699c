from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def image_root(tmp_path: Path) -> Path:
    """Three classes of four images in different formats, modes and sizes."""
    root = tmp_path / "animals"
    generator = np.random.default_rng(0)
    kinds = [("a.jpg", "RGB"), ("b.PNG", "RGBA"), ("c.gif", "P"), ("deep/d.bmp", "L")]
    for label, name in enumerate(("cat", "dog", "owl")):
        for number, (file, mode) in enumerate(kinds):
            path = root / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            size = (40 + 10 * number, 60 - 5 * number, 3)
            pixels = generator.integers(label * 60, label * 60 + 100, size=size, dtype=np.uint8)
            Image.fromarray(pixels).convert(mode).save(path)
        (root / name / ".hidden.jpg").write_bytes(b"not an image")
        (root / name / "notes.md").write_text("not an image either")
    (root / ".cache").mkdir()
    return root


@pytest.fixture
def review_root(tmp_path: Path) -> Path:
    """Two classes of eight short reviews."""
    root = tmp_path / "reviews"
    for name, word in (("pos", "wonderful"), ("neg", "dreadful")):
        (root / name).mkdir(parents=True)
        for number in range(8):
            text = f"A {word} film, number {number}. " + f"It was {word}! " * number
            (root / name / f"{number}.txt").write_text(text, encoding="utf-8")
    return root
