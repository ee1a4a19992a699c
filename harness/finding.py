"""What the doctor says about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["yes", "weaker", "no", "note"]
"""``weaker``: it works, by a lesser means, which records say; ``note``: only a fact."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    verdict: Verdict
    detail: str
    remedy: str | None = None
    """How to get it, or more of it, as a sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Findings that belong together."""

    title: str
    findings: tuple[Finding, ...]
