"""What can go wrong between a client and a server, on demand."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from tests.world.github import over_limit, secondary_limit
from tests.world.wire import Reply, Request, html_reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal[
    "status",  # `status`, `body`, `headers`
    "redirect",  # `status` (302 unless stated) to `location`
    "drop",  # the connection closes without a word
    "reset",  # the connection is torn down
    "hang_up",  # the reply is whole, but the connection does not stay open as promised
    "cut",  # half of the body, then the connection closes
    "slow",  # `seconds` before the reply
    "drip",  # the body, a byte every `seconds`
    "drip_headers",  # headers and body, a byte every `seconds`
    "never",  # no answer at all
    "invalid_json",
    "html",  # 200 with a page for people
    "challenge",  # Cloudflare's: 403 with cf-mitigated
    "maintenance",  # 503 with Retry-After
    "empty_list",  # a list without items, in the shape that the reply has
    "huge",  # `size` bytes (64 MiB unless stated) of one JSON text
    "gzip_bomb",  # the same, compressed
    "gzip_nested",  # the same, compressed twice
    "gzip_cut",  # a compressed body without its end
    "unknown_encoding",  # a Content-Encoding that nobody knows
    "wrong_types",  # every value of every record is of another type
    "deep",  # JSON nested `size` deep (100,000 unless stated)
    "rewrite",  # the decoded JSON as `rewrite` returns it
    "primary",  # GitHub: nothing left of the hour
    "secondary",  # GitHub: too fast (`seconds` is Retry-After, none when 0)
    # GraphQL only: what happens inside a document. `size` is how many aliases are still served.
    "resource_limits",  # RESOURCE_LIMITS_EXCEEDED for the aliases after the first `size`
    "drop_aliases",  # the aliases after the first `size` are missing, without an error
    "short_nodes",  # every history gives at most `size` nodes, with the right totalCount
    "short_history",  # the same, with a totalCount to match
    "null_aliases",  # the aliases after the first `size` are null, without an error
]
INSIDE_GRAPHQL = {"resource_limits", "drop_aliases", "short_nodes", "short_history", "null_aliases"}
HUGE = 64 << 20
DEEP = 100_000


@dataclass(slots=True)
class Fault:
    """One fault: for requests of `api` in whose `Request.subject` `match` is found, `times` times (None: always)."""

    api: str
    kind: Kind
    match: str = ""
    times: int | None = None
    skip: int = 0
    status: int = 500
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    location: str = ""
    seconds: float = 0.0
    size: int | None = None
    rewrite: Callable[[object], object] | None = None
    hits: int = 0

    def claims(self, request: Request) -> bool:
        """Whether this request is to fail; counts it when it is."""
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
    def answers(self) -> bool:
        """Whether the fault has a reply of its own, so that the API is not asked (and nothing charged)."""
        return self.kind in {"status", "redirect", "drop", "reset", "never", "challenge", "maintenance", "secondary"}

    def reply(self) -> Reply:
        """The reply of a fault that `answers`."""
        if self.kind == "challenge":
            reply = html_reply("Just a moment...", 403)
            reply.headers |= {"cf-mitigated": "challenge", "server": "cloudflare"}
        elif self.kind == "maintenance":
            reply = html_reply("Django Packages : Service Unavailable", 503)
            reply.headers["retry-after"] = "3600"
        elif self.kind == "secondary":
            reply = secondary_limit(int(self.seconds) or None)
        elif self.kind == "redirect":
            reply = Reply(302 if self.status == 500 else self.status, headers={"location": self.location})
        elif self.kind == "status":
            reply = Reply(self.status, self.body, {"content-type": "application/json"})
        else:
            reply = Reply()
            reply.manner = self.kind  # type: ignore[assignment]  # drop, reset and never are manners by name
        reply.charged = False
        reply.headers |= self.headers
        return reply

    def spoil(self, reply: Reply) -> Reply:
        """The reply of the API as the fault lets it arrive."""
        if self.kind in {"hang_up", "cut", "drip", "drip_headers"}:
            return replace(
                _whole(reply) if self.kind.startswith("drip") else reply, manner=self.kind, seconds=self.seconds
            )
        if self.kind == "slow" or self.kind in INSIDE_GRAPHQL:
            return reply
        if self.kind == "primary":
            spoilt = over_limit(authorised=True)
            return replace(spoilt, headers=reply.headers | spoilt.headers | {"x-ratelimit-remaining": "0"})
        spoilt = _BODIES[self.kind](self, _whole(reply))
        spoilt.headers = reply.headers | spoilt.headers | self.headers
        spoilt.headers.pop("etag", None)
        return spoilt


def _whole(reply: Reply) -> Reply:
    """The reply with one plain body."""
    body = reply.body if reply.chunks is None else b"".join(reply.chunks)
    headers = dict(reply.headers)
    if headers.pop("content-encoding", None) == "gzip":
        body = gzip.decompress(body)
    return replace(reply, body=body, headers=headers, chunks=None)


def _value(reply: Reply) -> object:
    value: object = json.loads(reply.body or b"null")
    return value


def _text(size: int) -> bytes:
    return b'{"results":"' + b"x" * size + b'"}'


def _zipped(size: int) -> bytes:
    """`_text(size)` compressed, without the text ever being whole."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    out = io.BytesIO()
    out.write(squeeze.compress(b'{"results":"'))
    block = b"x" * (1 << 20)
    for _ in range(size >> 20):
        out.write(squeeze.compress(block))
    out.write(squeeze.compress(b'"}') + squeeze.flush())
    return out.getvalue()


def _compressed(body: bytes, encoding: str = "gzip") -> Reply:
    return Reply(200, body, {"content-encoding": encoding})


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


_BODIES: dict[str, Callable[[Fault, Reply], Reply]] = {
    "invalid_json": lambda _fault, _reply: Reply(200, b'{"results": [{"id": 1,'),
    "html": lambda _fault, _reply: html_reply("Welcome", 200),
    "empty_list": lambda _fault, reply: json_reply(_empty(_value(reply))),
    "huge": lambda fault, _reply: Reply(200, _text(fault.size or HUGE)),
    "gzip_bomb": lambda fault, _reply: _compressed(_zipped(fault.size or HUGE)),
    "gzip_nested": lambda fault, _reply: _compressed(gzip.compress(_zipped(fault.size or HUGE), mtime=0), "gzip, gzip"),
    "gzip_cut": lambda _fault, reply: _compressed(gzip.compress(reply.body, mtime=0)[:-12]),
    "unknown_encoding": lambda _fault, reply: _compressed(reply.body, "zzz"),
    "wrong_types": lambda _fault, reply: json_reply(_other_type(_value(reply))),
    "deep": lambda fault, _reply: Reply(200, b"[" * (fault.size or DEEP) + b"]" * (fault.size or DEEP)),
    "rewrite": lambda fault, reply: json_reply(fault.rewrite(_value(reply)) if fault.rewrite else None, reply.status),
}
