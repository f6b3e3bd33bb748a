"""Snapshots for tests: written from a mirror, changed line by line, and served over HTTP."""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from djpkg.fetch import snapshot
from djpkg.fetch.export import export_snapshot
from djpkg.fetch.progress import NoProgress
from djpkg.sources.http.retry import Limits
from tests.mirrors import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from djpkg.fetch.report import Report

Lines = list[dict[str, Any]]
QUICK = Limits(connect=10, attempt=10, total=20, attempts=2, backoff=0.001)


def write(mirror: Path, file: Path, *, history: bool = False, participants: bool = True, now: datetime = NOW) -> Path:
    """Write a snapshot of the mirror and return its path."""
    export_snapshot(mirror, file, history=history, participants=participants, now=now)
    return file


def take(place: Path | str, mirror: Path, *, env: Mapping[str, str] | None = None, now: datetime = NOW) -> Report:
    """Take the snapshot at a path or an address into the mirror."""
    return snapshot.take_snapshot(
        snapshot.parse_place(str(place)), mirror, env or {}, progress=NoProgress(), clock=lambda: now, limits=QUICK
    )


def read_lines(file: Path) -> Lines:
    """Return the lines of a snapshot."""
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def pack(lines: Sequence[dict[str, Any] | bytes], *, count: bool = True) -> bytes:
    """Return a snapshot with these lines; with `count` the last one states their right number."""
    lines = list(lines)
    if count and isinstance(lines[-1], dict) and lines[-1].get("kind") == "end":
        lines[-1] = {"kind": "end", "lines": len(lines)}
    return gzip.compress(
        b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    )


def find_line(lines: Lines, kind: str) -> dict[str, Any]:
    """Return the first line of a kind."""
    return next(line for line in lines if line.get("kind") == kind)


def state(mirror: Path) -> str:
    """Return a digest of everything in the mirror; of nothing if there is no file."""
    if not mirror.exists():
        return ""
    with closing(sqlite3.connect(mirror)) as db:
        return hashlib.sha256("\n".join(db.iterdump()).encode()).hexdigest()


class Server:
    """Serves `files` by path, with ETags and `headers`; `redirects` by path. `requests` are path and headers."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.statuses: dict[str, list[int]] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self.cut: int | None = None


@contextmanager
def serving() -> Iterator[Server]:
    """Serve over HTTP on loopback."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            state.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            if statuses := state.statuses.get(path):
                self.send_error(statuses.pop(0))
                return
            if path in state.redirects:
                self.send_response(302)
                self.send_header("Location", state.redirects[path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = state.files.get(path)
            if body is None:
                self.send_error(404)
                return
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            unchanged = self.headers.get("If-None-Match") == etag
            self.send_response(304 if unchanged else 200)
            self.send_header("ETag", etag)
            for header in state.headers.get(path, {}).items():
                self.send_header(*header)
            if not unchanged:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not unchanged:
                self.wfile.write(body[: state.cut])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
