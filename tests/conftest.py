"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.searching import Searches, in_fresh_folder

# The same examples each time, so that what passes once passes on every machine. Look for new
# ones with `python -m tests --hypothesis-profile=default tests/unit`.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def search(tmp_path_factory: pytest.TempPathFactory) -> Searches:
    """Run searches in this process; data and snapshots are made once per session."""
    return in_fresh_folder(tmp_path_factory.mktemp("searches"))
