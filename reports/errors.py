"""What can keep a report from being made."""

from __future__ import annotations


class ReportError(Exception):
    """No report is possible; the message is a sentence that says what to do instead."""
