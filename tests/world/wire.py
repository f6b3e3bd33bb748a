"""HTTP/1.1 as far as a test server needs it: requests, replies, and a connection that can also misbehave."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import struct
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO, Literal
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from threading import Event

    from tests.world.faults import Fault

Manner = Literal["whole", "drop", "reset", "cut", "drip", "drip_headers", "never", "hang_up"]
WORTH_ZIPPING = 1000
LONGEST_LINE = 1 << 20


@dataclass(slots=True)
class Request:
    """One request as it came, and (below the line) what became of it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float
    api: str = ""
    path: str = ""
    """Below the API's prefix, still percent-encoded."""
    query: dict[str, str] = field(default_factory=dict)
    inside: Fault | None = None
    """A fault that happens inside a GraphQL document."""
    # ---
    status: int = 0
    authorised: bool = False
    charged: bool = False
    points: int = 0
    sent: int = 0

    @property
    def host(self) -> str:
        return self.headers.get("host", "127.0.0.1")

    @property
    def base(self) -> str:
        """The address of the API as the client asked for it."""
        prefix = self.target.partition("?")[0]
        return f"http://{self.host}{prefix.removesuffix(self.path)}"

    @property
    def subject(self) -> str:
        """What a fault's `match` is searched in: path and query, or the body of a POST."""
        if self.body:
            return self.body.decode("utf-8", "replace")
        question = self.target.partition("?")[2]
        return f"{self.path}?{question}" if question else self.path


@dataclass(slots=True)
class Reply:
    """An answer.

    `chunks` is sent with chunked coding in place of `body`; `charged` says whether it counts against a quota; `after`
    is called once it has left.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Iterable[bytes] | None = None
    charged: bool = True
    points: int = 0
    manner: Manner = "whole"
    seconds: float = 0.0
    zip: bool = False
    after: Callable[[], object] | None = None


def json_reply(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """JSON without spaces and with characters as they are."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    kind = {"content-type": "application/json"}
    return Reply(status, text.encode("utf-8", "surrogatepass"), kind | (headers or {}))


def html_reply(title: str, status: int, *, size: int = 20_000) -> Reply:
    """A page for people, of about `size` bytes."""
    page = f"<!doctype html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1>"
    filling = "<p>This page is for people.</p>\n" * (size // 31)
    return Reply(status, f"{page}{filling}</body></html>".encode(), {"content-type": "text/html; charset=utf-8"})


def read_request(reader: BinaryIO) -> Request | None:
    """The next request of a connection, None at its end."""
    line = reader.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := reader.readline(LONGEST_LINE).rstrip(b"\r\n")) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    query = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))
    return Request(method, target, headers, body, time.monotonic(), query=query)


class Connection:
    """One accepted connection: requests in, replies out, until either side has enough."""

    def __init__(self, sock: socket.socket, closing: Event) -> None:
        self.sock = sock
        self.closing = closing
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self, answer: Callable[[Request], Reply], done: Callable[[Request], None]) -> None:
        """Answers requests with `answer`; calls `done` when a reply is about to leave."""
        with self.sock, self.sock.makefile("rb") as reader, contextlib.suppress(OSError, ValueError):
            while not self.closing.is_set():
                request = read_request(reader)
                if request is None:
                    return
                try:
                    reply = answer(request)
                finally:
                    done(request)
                goes_on = self.send(request, reply)
                if reply.after is not None:
                    reply.after()
                if not goes_on or request.headers.get("connection", "").lower() == "close":
                    return

    def send(self, request: Request, reply: Reply) -> bool:
        """Sends `reply` in its manner; False when the connection is over."""
        if reply.manner == "drop":
            return False
        if reply.manner == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if reply.manner == "never":
            self.closing.wait()
            return False
        _zip(request, reply)
        head = _head(reply)
        bare = request.method == "HEAD" or reply.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
        if reply.manner == "drip_headers":
            return self._drip(head + reply.body, reply.seconds)
        if bare:
            self.sock.sendall(head)
        elif reply.manner == "drip":
            self.sock.sendall(head)
            return self._drip(reply.body, reply.seconds)
        elif reply.chunks is not None:
            return self._send_chunks(head, reply, request)
        elif reply.manner == "cut":
            self.sock.sendall(head + reply.body[: len(reply.body) // 2])
            return False
        else:
            self.sock.sendall(head + reply.body)
            request.sent = len(reply.body)
        return reply.manner != "hang_up"

    def _drip(self, data: bytes, seconds: float) -> bool:
        for place in range(len(data)):
            self.sock.sendall(data[place : place + 1])
            if self.closing.wait(seconds):
                return False
        return True

    def _send_chunks(self, head: bytes, reply: Reply, request: Request) -> bool:
        self.sock.sendall(head)
        for number, chunk in enumerate(reply.chunks or ()):
            if reply.manner == "cut" and number == 1:
                return False
            self.sock.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            request.sent += len(chunk)
        self.sock.sendall(b"0\r\n\r\n")
        return reply.manner != "hang_up"


def _zip(request: Request, reply: Reply) -> None:
    if (
        reply.zip
        and reply.chunks is None
        and len(reply.body) > WORTH_ZIPPING
        and "content-encoding" not in reply.headers
        and "gzip" in request.headers.get("accept-encoding", "")
    ):
        reply.body = gzip.compress(reply.body, 1, mtime=0)
        reply.headers["content-encoding"] = "gzip"


def _head(reply: Reply) -> bytes:
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {phrase}"]
    if reply.chunks is not None:
        lines.append("transfer-encoding: chunked")
    elif reply.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        lines.append(f"content-length: {len(reply.body)}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def pieces(data: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    for place in range(0, len(data), size):
        yield data[place : place + size]
