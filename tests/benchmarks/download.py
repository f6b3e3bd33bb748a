"""The plainest fetch: the same addresses, several at once, and nothing done with what comes."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import httpx

from tests.world.pypi import SIMPLE_JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

CONCURRENCY = 8


def measure(addresses: Sequence[tuple[str, str]], *, token: str) -> float:
    """How long it takes to download them; `token` goes along to GitHub."""
    began = perf_counter()
    asyncio.run(_download(addresses, token))
    return perf_counter() - began


async def _download(addresses: Sequence[tuple[str, str]], token: str) -> None:
    left = iter(addresses)
    async with httpx.AsyncClient(timeout=60) as client:

        async def work() -> None:
            for api, address in left:
                headers = {"Accept": SIMPLE_JSON} if address.endswith("/simple/") else {}
                if api == "github":
                    headers["Authorization"] = f"Bearer {token}"
                async with client.stream("GET", address, headers=headers) as reply:
                    async for _ in reply.aiter_raw():
                        pass

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
