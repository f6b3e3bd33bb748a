"""A replacement for `asyncio.sleep` that does not wait."""

from __future__ import annotations

import asyncio
from datetime import timedelta


class Pauses:
    """Records the pauses of HTTP clients without waiting; `span` is their sum."""

    def __init__(self) -> None:
        self.span = timedelta(0)

    async def sleep(self, seconds: float) -> None:
        self.span += timedelta(seconds=seconds)
        await asyncio.sleep(0)
