"""Time in tests: pauses that take no time, and waiting for a condition."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pauses:
    """Replaces `asyncio.sleep` of clients without waiting; `span` is the sum of all pauses."""

    def __init__(self) -> None:
        self.span = timedelta(0)

    async def sleep(self, seconds: float) -> None:
        self.span += timedelta(seconds=seconds)
        await asyncio.sleep(0)


def wait_until(condition: Callable[[], object], *, seconds: float = 60) -> None:
    """Wait until `condition` is true; fail after `seconds`, which is far more than any machine needs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.005)
