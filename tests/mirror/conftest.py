"""Mirrors in memory, as far as there is such a place: a kill is no power cut, so no disk need be waited for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = Path("/dev/shm")  # noqa: S108 - below it a folder of its own


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="djpkg-test-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
