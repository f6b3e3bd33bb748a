"""A time that goes on only by the pauses of sources, which take none."""

from __future__ import annotations

import asyncio
from datetime import timedelta


class Pauses:
    """What clients sleep in place of `asyncio.sleep`; `span` is how long they have slept in all."""

    def __init__(self) -> None:
        self.span = timedelta(0)

    async def sleep(self, seconds: float) -> None:
        self.span += timedelta(seconds=seconds)
        await asyncio.sleep(0)
