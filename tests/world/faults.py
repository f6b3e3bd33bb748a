"""Faults that a test injects between client and server."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from tests.world.github import over_limit, secondary_limit
from tests.world.http import Request, Response, html_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

FaultKind = Literal[
    "status",  # `status`, `body`, `headers`
    "redirect",  # `status` (302 unless stated) to `location`
    "drop",  # the connection closes without a response
    "reset",  # the connection is reset
    "hang_up",  # the response is complete, but the connection closes although it is keep-alive
    "cut",  # half of the body, then the connection closes
    "slow",  # `seconds` before the response
    "drip",  # the body, one byte every `seconds`
    "drip_headers",  # headers and body, one byte every `seconds`
    "never",  # no response
    "invalid_json",
    "html",  # 200 with an HTML page
    "challenge",  # Cloudflare's: 403 with cf-mitigated
    "maintenance",  # 503 with Retry-After
    "empty_list",  # the same response with an empty list
    "huge",  # a JSON text of `size` bytes (default 20 MiB)
    "gzip_bomb",  # the same, compressed
    "gzip_nested",  # the same, compressed twice
    "gzip_cut",  # a truncated compressed body
    "unknown_encoding",  # an unknown Content-Encoding
    "wrong_types",  # every value has another type
    "deep",  # JSON nested `size` levels deep (default 100,000)
    "rewrite",  # the result of `rewrite` for the decoded JSON
    "primary",  # GitHub: primary rate limit reached
    "secondary",  # GitHub: secondary rate limit (`seconds` is Retry-After, none if 0)
    # GraphQL only, inside a document. `size` is the number of aliases that are served.
    "resource_limits",  # RESOURCE_LIMITS_EXCEEDED for the aliases after the first `size`
    "drop_aliases",  # later aliases are missing, without an error
    "short_nodes",  # every history has at most `size` nodes, with the right totalCount
    "short_history",  # the same, with a matching totalCount
    "null_aliases",  # later aliases are null, without an error
]
DOCUMENT_FAULTS = {"resource_limits", "drop_aliases", "short_nodes", "short_history", "null_aliases"}
HUGE = 20 << 20
DEEP = 100_000


@dataclass(slots=True)
class Fault:
    """One fault, for the requests of `api` whose `Request.subject` contains `match`, `times` times (None: always)."""

    api: str
    kind: FaultKind
    match: str = ""
    times: int | None = None
    skip: int = 0
    status: int = 500
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    location: str = ""
    seconds: float = 0.0
    size: int | None = None
    rewrite: Callable[[Any], object] | None = None
    hits: int = 0

    def matches(self, request: Request) -> bool:
        """Return whether this request fails, and count it."""
        if request.api != self.api or (self.times is not None and self.hits >= self.times):
            return False
        if not re.search(self.match, request.subject):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    @property
    def replaces_response(self) -> bool:
        """Whether the fault replaces the response, so that the API is not called and nothing is charged."""
        return self.kind in {"status", "redirect", "drop", "reset", "never", "challenge", "maintenance", "secondary"}

    def response(self) -> Response:
        """Return the response of a fault that `replaces_response`."""
        if self.kind == "challenge":
            response = html_response("Just a moment...", 403)
            response.headers |= {"cf-mitigated": "challenge", "server": "cloudflare"}
        elif self.kind == "maintenance":
            response = html_response("Django Packages : Service Unavailable", 503)
            response.headers["retry-after"] = "3600"
        elif self.kind == "secondary":
            response = secondary_limit(int(self.seconds) or None)
        elif self.kind == "redirect":
            response = Response(302 if self.status == 500 else self.status, headers={"location": self.location})
        elif self.kind == "status":
            response = Response(self.status, self.body, {"content-type": "application/json"})
        else:
            response = Response()
            response.delivery = self.kind  # type: ignore[assignment]  # drop, reset and never
        response.charged = False
        response.headers |= self.headers
        return response

    def apply(self, response: Response) -> Response:
        """Return the response of the API after the fault."""
        if self.kind in {"hang_up", "cut", "drip", "drip_headers"}:
            return replace(
                _plain(response) if self.kind.startswith("drip") else response, delivery=self.kind, seconds=self.seconds
            )
        if self.kind == "slow" or self.kind in DOCUMENT_FAULTS:
            return response
        if self.kind == "primary":
            changed = over_limit(authorised=True)
            return replace(changed, headers=response.headers | changed.headers | {"x-ratelimit-remaining": "0"})
        changed = _BODIES[self.kind](self, _plain(response))
        changed.headers = response.headers | changed.headers | self.headers
        changed.headers.pop("etag", None)
        return changed


def _plain(response: Response) -> Response:
    """Return the response with one uncompressed body."""
    body = response.body if response.chunks is None else b"".join(response.chunks)
    headers = dict(response.headers)
    if headers.pop("content-encoding", None) == "gzip":
        body = gzip.decompress(body)
    return replace(response, body=body, headers=headers, chunks=None)


def _value(response: Response) -> object:
    value: object = json.loads(response.body or b"null")
    return value


def _text(size: int) -> bytes:
    return b'{"results":"' + b"x" * size + b'"}'


def _gzipped(size: int) -> bytes:
    """Return `_text(size)` compressed, without creating the whole text."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    buffer = io.BytesIO()
    buffer.write(compressor.compress(b'{"results":"'))
    block = b"x" * (1 << 20)
    for _ in range(size >> 20):
        buffer.write(compressor.compress(block))
    buffer.write(compressor.compress(b'"}') + compressor.flush())
    return buffer.getvalue()


def _compressed(body: bytes, encoding: str = "gzip") -> Response:
    return Response(200, body, {"content-encoding": encoding})


def _empty(value: object) -> object:
    if isinstance(value, dict):
        return {key: [] if isinstance(item, list) else 0 if key == "count" else item for key, item in value.items()}
    return []


def _other_type(value: object) -> object:
    if isinstance(value, dict):
        return {key: _other_type(item) for key, item in value.items()}
    if isinstance(value, list):
        return {"0": value} if not value or not isinstance(value[0], dict) else [_other_type(item) for item in value]
    if isinstance(value, bool) or value is None:
        return {"no": "such type"}
    return str(value) if isinstance(value, int | float) else 17


_BODIES: dict[str, Callable[[Fault, Response], Response]] = {
    "invalid_json": lambda _fault, _response: Response(200, b'{"results": [{"id": 1,'),
    "html": lambda _fault, _response: html_response("Welcome", 200),
    "empty_list": lambda _fault, response: json_response(_empty(_value(response))),
    "huge": lambda fault, _response: Response(200, _text(fault.size or HUGE)),
    "gzip_bomb": lambda fault, _response: _compressed(_gzipped(fault.size or HUGE)),
    "gzip_nested": lambda fault, _response: _compressed(
        gzip.compress(_gzipped(fault.size or HUGE), mtime=0), "gzip, gzip"
    ),
    "gzip_cut": lambda _fault, response: _compressed(gzip.compress(response.body, mtime=0)[:-12]),
    "unknown_encoding": lambda _fault, response: _compressed(response.body, "zzz"),
    "wrong_types": lambda _fault, response: json_response(_other_type(_value(response))),
    "deep": lambda fault, _response: Response(200, b"[" * (fault.size or DEEP) + b"]" * (fault.size or DEEP)),
    "rewrite": lambda fault, response: json_response(
        fault.rewrite(_value(response)) if fault.rewrite else None, response.status
    ),
}
