"""The baseline of a fetch: download the same URLs concurrently and discard the responses."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

import httpx

from tests.world.pypi import SIMPLE_JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

CONCURRENCY = 8


def measure(urls: Sequence[tuple[str, str]], *, token: str) -> float:
    """Return the seconds to download the URLs; `token` is sent to GitHub."""
    start = perf_counter()
    asyncio.run(_download(urls, token))
    return perf_counter() - start


async def _download(urls: Sequence[tuple[str, str]], token: str) -> None:
    left = iter(urls)
    async with httpx.AsyncClient(timeout=60) as client:

        async def work() -> None:
            for api, url in left:
                headers = {"Accept": SIMPLE_JSON} if url.endswith("/simple/") else {}
                if api == "github":
                    headers["Authorization"] = f"Bearer {token}"
                async with client.stream("GET", url, headers=headers) as response:
                    async for _ in response.aiter_raw():
                        pass

        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
