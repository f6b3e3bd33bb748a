"""Mirrors for the commands: made once and copied for each test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.mirrors import fetched, filled


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("filled") / "mirror.db")


@pytest.fixture(scope="session")
def _fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetched(tmp_path_factory.mktemp("fetched") / "mirror.db")


@pytest.fixture
def filled_mirror(_filled: Path) -> Path:
    """Where DJPKG_DB says: the usual packages as the catalog states them."""
    return Path(shutil.copy(_filled, os.environ["DJPKG_DB"]))


@pytest.fixture
def fetched_mirror(_fetched: Path) -> Path:
    """The same after a fetch."""
    return Path(shutil.copy(_fetched, os.environ["DJPKG_DB"]))
