"""A server on loopback that sends the bytes of a test, valid HTTP or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(slots=True)
class ReceivedRequest:
    """A received request; `connection` is the number of its connection."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


Act = Callable[[ReceivedRequest, asyncio.StreamWriter], Awaitable[None]]
Answer = bytes | None | Act
"""Bytes to send, None to close the connection, or a function that writes; the connection is closed after it."""


@dataclass(slots=True)
class Loopback:
    """A running server: `answers` are sent in turn, the last one repeatedly; or a function chooses them."""

    answers: list[Answer] | Callable[[ReceivedRequest], Answer]
    url: str = ""
    requests: list[ReceivedRequest] = field(default_factory=list)
    connections: int = 0
    pending: int = 0
    max_pending: int = 0

    def choose(self, request: ReceivedRequest) -> Answer:
        if callable(self.answers):
            return self.answers(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        # Ends when the client closes the connection, or with the test.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while request := await read_request(reader, number):
                self.requests.append(request)
                self.pending += 1
                self.max_pending = max(self.max_pending, self.pending)
                try:
                    answer = self.choose(request)
                    if answer is None:
                        break
                    if not isinstance(answer, bytes):
                        await answer(request, writer)
                        break
                    writer.write(answer)
                    await writer.drain()
                finally:
                    self.pending -= 1
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()


async def read_request(reader: asyncio.StreamReader, connection: int) -> ReceivedRequest | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return ReceivedRequest(method, target, headers, body, connection)


@asynccontextmanager
async def serve(*answers: Answer, choose: Callable[[ReceivedRequest], Answer] | None = None) -> AsyncIterator[Loopback]:
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


def http_response(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return a complete response. In header names ``_`` stands for ``-``; a header with an empty value is left out."""
    fields = {"content_length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value]
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", *lines, "", ""]).encode("latin-1") + body


def send_slowly(*parts: bytes, every: float) -> Act:
    """Send the parts one after another, and the last repeatedly, until the client closes the connection."""

    async def act(_: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(every)
        while True:
            writer.write(parts[-1])
            await writer.drain()
            await asyncio.sleep(every)

    return act


def send_and_close(part: bytes) -> Act:
    """Send this and close the connection."""

    async def act(_: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        await writer.drain()

    return act


async def never(_: ReceivedRequest, __: asyncio.StreamWriter) -> None:
    """Send nothing and keep the connection open."""
    await asyncio.sleep(60)
