"""Decoding and validation of JSON responses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, TypeAlias, TypeVar

import msgspec

from djpkg import times
from djpkg.errors import UnexpectedPayload
from djpkg.model import repository_url

if TYPE_CHECKING:
    from collections.abc import Sized
    from datetime import datetime

    from djpkg.source_name import SourceName

T = TypeVar("T")

MAX_COUNT = 2**53 - 1
"""The largest integer that every JSON parser reads exactly (RFC 8259, section 6)."""
MAX_TEXT = 64 << 10
"""Maximum size of a stored text in bytes of UTF-8."""
_MAX_CHARACTER_SIZE = 4  # bytes of UTF-8

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
"""An integer from 0 to 2**53 - 1, for the fields of structs."""
MAX_ENTRIES = 1000
Entries: TypeAlias = Annotated[list[T], msgspec.Meta(max_length=MAX_ENTRIES)]
"""A list in a record, for the fields of structs: with more entries, the record is invalid."""


def decode_json(
    decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, *, source: str, what: str = "the response"
) -> T:
    """Decode a body; UnexpectedPayload (``SOURCE: WHAT is …``) when it is invalid or does not match the type.

    Invalid UTF-8, lone surrogates and control characters are replaced: one broken description must not lose a page.
    """
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeError):
            return decoder.decode(_repair(bytes(body)))
    except msgspec.ValidationError as error:
        message = str(error)
        raise UnexpectedPayload(f"{source}: {what} is invalid: {message[:1].lower()}{message[1:]}") from error
    except RecursionError as error:
        raise UnexpectedPayload(f"{source}: {what} is nested too deeply") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise UnexpectedPayload(f"{source}: {what} is not valid JSON") from error


def clean_text(text: str) -> str:
    """Return the text as the mirror can store it: NUL as U+2400, lone surrogates as U+FFFD, at most MAX_TEXT bytes."""
    if "\0" in text:
        text = text.replace("\0", "\u2400")
    if not text.isascii():
        text = _replace_surrogates(text)
    if len(text) > MAX_TEXT // _MAX_CHARACTER_SIZE:
        text = text.encode()[:MAX_TEXT].decode(errors="ignore")
    return text


def clean_optional(text: str | None) -> str | None:
    """Return `clean_text` of a text, None for None."""
    return None if text is None else clean_text(text)


def check_length(entries: Sized, *, what: str, source: str) -> None:
    """Raise UnexpectedPayload for a list that was read page by page and has more than MAX_ENTRIES entries."""
    if len(entries) > MAX_ENTRIES:
        raise UnexpectedPayload(f"{source}: {what} has more than {MAX_ENTRIES:,} entries")


def parse_moment(text: str, *, source: str) -> datetime:
    """Parse an ISO 8601 time, in UTC if it has no offset; UnexpectedPayload when it is invalid."""
    found = times.parse_time(text)
    if found is None:
        raise UnexpectedPayload(f"{source}: the response contains an invalid time {clean_text(text)[:40]!r}")
    return found


def normalize_time(text: str, *, source: str) -> str:
    """Return an ISO 8601 time in whole seconds of UTC with ``Z``; UnexpectedPayload when it is invalid."""
    return times.format_time(parse_moment(text, source=source))


def check_path(text: str, *, host: str, source: SourceName) -> str:
    """Return the path of a repository on a forge unchanged; UnexpectedPayload when it is invalid."""
    found = repository_url.parse_repository_url(f"https://{host}/{text}", {host: source})
    if not isinstance(found, repository_url.Repository) or found.path != text:
        shown = clean_text(text)[:40]
        raise UnexpectedPayload(f"{source}: the response contains an invalid repository name {shown!r}")
    return text


def _repair(body: bytes) -> bytes:
    value = json.loads(body.decode("utf-8", "replace"), strict=False)
    return _replace_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":"))).encode()


def _replace_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
