"""Fixtures of the command tests: mirrors, made once and copied for each test, and a fixed clock."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from djpkg.cli import options
from djpkg.mirror import fetch_history
from djpkg.mirror.connection import open_write
from djpkg.model.fetch_state import Sweep
from djpkg.source_name import SourceName
from tests import mirrors

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in this process read `mirrors.NOW` as the current time."""
    monkeypatch.setattr(options, "now", lambda: mirrors.NOW)


def complete(path: Path) -> Path:
    """Store that the catalog was read completely, and return the path."""
    with open_write(path) as db:
        (packages,) = db.execute("SELECT count(*) FROM packages").fetchone()
        fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(mirrors.NOW, packages, None))
    return path


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return complete(mirrors.filled_mirror(tmp_path_factory.mktemp("filled") / "mirror.db"))


@pytest.fixture(scope="session")
def _fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return complete(mirrors.fetched_mirror(tmp_path_factory.mktemp("fetched") / "mirror.db"))


@pytest.fixture
def filled_mirror(_filled: Path) -> Path:
    """The mirror at DJPKG_DB: the usual packages with their catalog facts."""
    return Path(shutil.copy(_filled, os.environ["DJPKG_DB"]))


@pytest.fixture
def fetched_mirror(_fetched: Path) -> Path:
    """The same mirror after a fetch."""
    return Path(shutil.copy(_fetched, os.environ["DJPKG_DB"]))


@pytest.fixture
def ended_after_100_seconds() -> Iterator[None]:
    """End a test that waits in this process, with an error."""

    def stop(*_: object) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGALRM, stop)
    signal.alarm(100)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)
