"""A server on loopback that answers with whatever bytes a test gives it, proper HTTP or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(slots=True)
class Ask:
    """One request as it came; `connection` is the number of the connection that it came over."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


Act = Callable[[Ask, asyncio.StreamWriter], Awaitable[None]]
Answer = bytes | None | Act
"""Bytes to send, None to hang up, or something that writes on its own and hangs up when it returns."""


@dataclass(slots=True)
class Loopback:
    """`answers` are given in turn, the last one again and again; or one function chooses them."""

    answers: list[Answer] | Callable[[Ask], Answer]
    url: str = ""
    asks: list[Ask] = field(default_factory=list)
    connections: int = 0
    under_way: int = 0
    most_under_way: int = 0

    def choose(self, ask: Ask) -> Answer:
        if callable(self.answers):
            return self.answers(ask)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        # A client that hangs up, and the end of the test, both end it.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while ask := await read_ask(reader, number):
                self.asks.append(ask)
                self.under_way += 1
                self.most_under_way = max(self.most_under_way, self.under_way)
                try:
                    answer = self.choose(ask)
                    if answer is None:
                        break
                    if not isinstance(answer, bytes):
                        await answer(ask, writer)
                        break
                    writer.write(answer)
                    await writer.drain()
                finally:
                    self.under_way -= 1
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()


async def read_ask(reader: asyncio.StreamReader, connection: int) -> Ask | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Ask(method, target, headers, body, connection)


@asynccontextmanager
async def serving(*answers: Answer, choose: Callable[[Ask], Answer] | None = None) -> AsyncIterator[Loopback]:
    loopback = Loopback(choose or list(answers))
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await loopback.serve(reader, writer)
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    loopback.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield loopback
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def raw(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer; a header's name has ``_`` for ``-``, and an empty value leaves it out."""
    fields = {"content_length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value]
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *lines, "", ""]).encode("latin-1") + body


def slowly(*parts: bytes, every: float) -> Act:
    """The parts one after the other, the last again and again, until the client has had enough."""

    async def act(_: Ask, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(every)
        while True:
            writer.write(parts[-1])
            await writer.drain()
            await asyncio.sleep(every)

    return act


def cut(part: bytes) -> Act:
    """Sends this and hangs up."""

    async def act(_: Ask, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        await writer.drain()

    return act


async def never(_: Ask, __: asyncio.StreamWriter) -> None:
    """Says nothing and keeps the connection."""
    await asyncio.sleep(60)
