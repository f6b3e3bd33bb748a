"""The clock of all tests of check: the time at which the mirrors were filled."""

from __future__ import annotations

import pytest

from djpkg.cli import options
from tests.mirrors import NOW


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "now", lambda: NOW)
