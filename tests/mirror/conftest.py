"""Mirrors of these tests are kept in memory where possible: a kill is not a power cut, so no disk is needed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = Path("/dev/shm")  # noqa: S108 - a new folder is made below it


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="djpkg-test-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
