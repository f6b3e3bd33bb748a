"""A response as the sources see it, and the credentials that are sent with a request."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from djpkg.errors import HTTPStatusError

if TYPE_CHECKING:
    from collections.abc import Mapping


MAX_LINE = 200
_ETAG = re.compile(r"[\x21-\x7e]{1,256}")
_URL = re.compile(r"[\x21-\x7e]{1,8192}")


def is_valid_etag(etag: str) -> bool:
    """Whether an ETag can be sent in If-None-Match; an invalid one would break every later request."""
    return _ETAG.fullmatch(etag) is not None


def is_valid_url(text: str) -> bool:
    """Whether a text from a server may be parsed as a URL: printable ASCII of limited length."""
    return _URL.fullmatch(text) is not None


def to_single_line(text: str) -> str:
    """Return a text from a server or a library as one line without control characters, at most 200 characters."""
    words = "".join(char if char.isprintable() else " " for char in text[: 4 * MAX_LINE]).split()
    line = " ".join(words)
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"


def http_status_error(source: str, host: str, status: int, *, what: str = "", message: str = "") -> HTTPStatusError:
    """Return the error for an unexpected status; `what` was requested, `message` is the server's own text."""
    phrase = next((known.phrase for known in HTTPStatus if known == status), "")
    text = f"{source}: {host}: HTTP {status}"
    if phrase:
        text += f" ({phrase})"
    if what:
        text += f" for {what}"
    if message and message != phrase:
        text += f": {message}"
    return HTTPStatusError(text, status=status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The value of an Authorization header: ``Bearer TOKEN``. `origin` is that of the token."""

    value: str = field(repr=False)
    origin: str

    @property
    def token(self) -> str:
        """The secret itself."""
        return self.value.rpartition(" ")[2]

    @property
    def spellings(self) -> tuple[str, ...]:
        """The forms in which a server may quote the secret, the longest first."""
        token = self.token
        plain = base64.b64decode(token).decode() if self.value.startswith("Basic ") else token
        found = {token, plain, plain.rpartition(":")[2]}
        return tuple(sorted({*found, *(one.replace("/", r"\/") for one in found)}, key=len, reverse=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A complete response. Header names are in lower case; `url` is the last one after redirects.

    `next_url` is the absolute URL of the Link header with ``rel="next"`` (RFC 8288); it may lead to another server,
    which `Client.get` refuses. `redirected` means that the server redirected the request to `url`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    next_url: str | None = None
    redirected: bool = False

    @property
    def host(self) -> str:
        """The host and port of `url`, as in messages."""
        return urlsplit(self.url).netloc

    @property
    def etag(self) -> str | None:
        """The ETag, if it can be sent back."""
        etag = self.headers.get("etag", "")
        return etag if is_valid_etag(etag) else None
