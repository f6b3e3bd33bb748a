"""An answer as the sources see it, and the credentials that go with a request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from djpkg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT = 200
_VALIDATOR = re.compile(r"[\x21-\x7e]{1,256}")
_WORD = re.compile(r"[\x21-\x7e]+")
_ADDRESS = re.compile(r"[\x21-\x7e]{1,8192}")
_SCHEMES = frozenset(("bearer", "basic", "token"))
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.IGNORECASE)
# What is no address: a list does not end there, and whoever asks for it is told so.
_NOWHERE = "://"


def is_validator(etag: str) -> bool:
    """Whether an entity tag can be sent back; one that cannot would break every later request."""
    return _VALIDATOR.fullmatch(etag) is not None


def is_address(text: str) -> bool:
    """Whether a text that a server sent may be read as an address at all: printable ASCII, not endless."""
    return _ADDRESS.fullmatch(text) is not None


def escape_header(text: str) -> str:
    """A server's or a library's words as one line without control characters, at most 200 characters."""
    words = "".join(char if char.isprintable() else " " for char in text[: 4 * MAX_TEXT]).split()
    line = " ".join(words)
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A header that carries a token: ``Authorization: Bearer …`` or ``PRIVATE-TOKEN: …``.

    `variable` is the environment variable that the token came from. White space around the token (a file's last line
    break) is taken off; a token that a header cannot carry raises ConfigError, which names the variable alone.
    """

    header: str
    value: str = field(repr=False)
    variable: str

    def __post_init__(self) -> None:
        words = self.value.strip().split(" ")
        scheme = len(words) > 1 and words[0].lower() in _SCHEMES
        token = " ".join(words[1:] if scheme else words).strip()
        if not _WORD.fullmatch(token) or (not scheme and token.lower() in _SCHEMES):
            raise ConfigError(f"{self.variable} holds no usable token: it may have no blanks and only printable ASCII")
        object.__setattr__(self, "value", f"{words[0]} {token}" if scheme else token)

    @property
    def token(self) -> str:
        """The secret itself."""
        return self.value.rpartition(" ")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer, read to its end. Keys of `headers` are in lower case; `url` is the last one that was asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def etag(self) -> str | None:
        """The entity tag, if it is one that can be sent back."""
        etag = self.headers.get("etag", "")
        return etag if is_validator(etag) else None

    def link(self, rel: str) -> str | None:
        """The address of the Link header (RFC 8288) with this relation; to ask for it checks where it leads."""
        for target, attributes in _LINK.findall(self.headers.get("link", "")):
            for quoted, bare in _REL.findall(attributes):
                if rel in (quoted or bare).lower().split():
                    return self._whole(target.strip())
        return None

    def _whole(self, target: str) -> str:
        try:
            address = urljoin(self.url, target) if is_address(target) else ""
        except ValueError:
            return _NOWHERE
        return address if "://" in address else _NOWHERE
