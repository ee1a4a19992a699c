"""What a model wants an item to be made into: a picture of some size, a text of some length."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class Transform:
    """The form in which a model reads items; models of equal transforms share prepared ones.

    Exactly one of ``resolution`` and ``sequence_length`` is given.
    """

    resolution: int | None = None
    """Height and width in pixels; None for text."""
    sequence_length: int | None = None
    """Tokens, padded or truncated; None for images."""
    padding_id: int = 0
    """The token id that the model takes as padding; 0 for images."""
    mean: tuple[float, float, float] | None = None
    deviation: tuple[float, float, float] | None = None
    """Of red, green and blue in 0 … 1, what they are normalised by; None for ImageNet's, and
    for text."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one compact item: (R, R, 3), or (L,)."""
        if self.resolution is not None:
            return (self.resolution, self.resolution, 3)
        return (self.sequence_length or 0,)

    @property
    def input_bytes(self) -> int:
        """Bytes of one prepared item: float32 [3, R, R], or int64 [L]."""
        if self.resolution is not None:
            return 4 * 3 * self.resolution**2
        return 8 * (self.sequence_length or 0)

    @property
    def compact(self) -> Transform:
        """What compact items differ by: they are not normalised, and their padding is 0."""
        return replace(self, padding_id=0, mean=None, deviation=None)

    @property
    def text(self) -> str:
        """For a person: ``64 px``, ``128 tokens``."""
        if self.resolution is not None:
            return f"{self.resolution} px"
        return f"{self.sequence_length} tokens"
