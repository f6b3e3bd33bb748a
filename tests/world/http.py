"""HTTP/1.1 for the test server: requests, responses, and connections that can fail on purpose."""

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

Delivery = Literal["whole", "drop", "reset", "cut", "drip", "drip_headers", "never", "hang_up"]
MIN_COMPRESSED_SIZE = 1000
MAX_LINE = 1 << 20


@dataclass(slots=True)
class Request:
    """One request and, below the line, its outcome."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    at: float
    api: str = ""
    path: str = ""
    """The path after the API's prefix, percent-encoded."""
    query: dict[str, str] = field(default_factory=dict)
    document_fault: Fault | None = None
    """A fault inside a GraphQL document."""
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
        """The base URL of the API in the request."""
        prefix = self.target.partition("?")[0]
        return f"http://{self.host}{prefix.removesuffix(self.path)}"

    @property
    def subject(self) -> str:
        """The text in which `match` is searched: path and query, or the body of a POST."""
        if self.body:
            return self.body.decode("utf-8", "replace")
        question = self.target.partition("?")[2]
        return f"{self.path}?{question}" if question else self.path


@dataclass(slots=True)
class Response:
    """A response.

    `chunks` is sent with chunked coding instead of `body`; `charged` responses count against a quota; `on_sent` is
    called after sending; `compress` allows gzip.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Iterable[bytes] | None = None
    charged: bool = True
    points: int = 0
    delivery: Delivery = "whole"
    seconds: float = 0.0
    compress: bool = False
    on_sent: Callable[[], object] | None = None


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response with compact JSON, not escaped to ASCII."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    kind = {"content-type": "application/json"}
    return Response(status, text.encode("utf-8", "surrogatepass"), kind | (headers or {}))


def html_response(title: str, status: int, *, size: int = 20_000) -> Response:
    """Return an HTML page of about `size` bytes."""
    page = f"<!doctype html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1>"
    filling = "<p>This is an HTML page.</p>\n" * (size // 29)
    return Response(status, f"{page}{filling}</body></html>".encode(), {"content-type": "text/html; charset=utf-8"})


def read_request(reader: BinaryIO) -> Request | None:
    """Return the next request of a connection, None at its end."""
    line = reader.readline(MAX_LINE)
    if not line.endswith(b"\n"):
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := reader.readline(MAX_LINE).rstrip(b"\r\n")) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    query = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))
    return Request(method, target, headers, body, time.monotonic(), query=query)


class Connection:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, closing: Event) -> None:
        self.sock = sock
        self.closing = closing
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def serve(self, answer: Callable[[Request], Response], done: Callable[[Request], None]) -> None:
        """Answer requests with `answer`; call `done` before each response is sent."""
        with self.sock, self.sock.makefile("rb") as reader, contextlib.suppress(OSError, ValueError):
            while not self.closing.is_set():
                request = read_request(reader)
                if request is None:
                    return
                try:
                    response = answer(request)
                finally:
                    done(request)
                keep_open = self.send(request, response)
                if response.on_sent is not None:
                    response.on_sent()
                if not keep_open or request.headers.get("connection", "").lower() == "close":
                    return

    def send(self, request: Request, response: Response) -> bool:
        """Send the response and return whether the connection stays open."""
        if response.delivery == "drop":
            return False
        if response.delivery == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if response.delivery == "never":
            self.closing.wait()
            return False
        _compress(request, response)
        head = _head(response)
        bare = request.method == "HEAD" or response.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
        if response.delivery == "drip_headers":
            return self._drip(head + response.body, response.seconds)
        if bare:
            self.sock.sendall(head)
        elif response.delivery == "drip":
            self.sock.sendall(head)
            return self._drip(response.body, response.seconds)
        elif response.chunks is not None:
            return self._send_chunks(head, response, request)
        elif response.delivery == "cut":
            self.sock.sendall(head + response.body[: len(response.body) // 2])
            return False
        else:
            self.sock.sendall(head + response.body)
            request.sent = len(response.body)
        return response.delivery != "hang_up"

    def _drip(self, data: bytes, seconds: float) -> bool:
        for start in range(len(data)):
            self.sock.sendall(data[start : start + 1])
            if self.closing.wait(seconds):
                return False
        return True

    def _send_chunks(self, head: bytes, response: Response, request: Request) -> bool:
        self.sock.sendall(head)
        for number, chunk in enumerate(response.chunks or ()):
            if response.delivery == "cut" and number == 1:
                return False
            self.sock.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            request.sent += len(chunk)
        self.sock.sendall(b"0\r\n\r\n")
        return response.delivery != "hang_up"


def _compress(request: Request, response: Response) -> None:
    if (
        response.compress
        and response.chunks is None
        and len(response.body) > MIN_COMPRESSED_SIZE
        and "content-encoding" not in response.headers
        and "gzip" in request.headers.get("accept-encoding", "")
    ):
        response.body = gzip.compress(response.body, 1, mtime=0)
        response.headers["content-encoding"] = "gzip"


def _head(response: Response) -> bytes:
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {response.status} {phrase}"]
    if response.chunks is not None:
        lines.append("transfer-encoding: chunked")
    elif response.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        lines.append(f"content-length: {len(response.body)}")
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(data: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]
