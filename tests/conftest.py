"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import pytest

from tests.searching import Searches, in_fresh_folder


@pytest.fixture(scope="session")
def search(tmp_path_factory: pytest.TempPathFactory) -> Searches:
    """Run searches in this process; data and snapshots are made once per session."""
    return in_fresh_folder(tmp_path_factory.mktemp("searches"))
