"""JSON from elsewhere: decoded into typed structs, or an UnexpectedPayload that says what is wrong with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec

from djpkg import times
from djpkg.errors import UnexpectedPayload
from djpkg.model import repository_url

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.source_name import SourceName

T = TypeVar("T")

MAX_COUNT = 2**53 - 1
"""The largest whole number that every reader of JSON keeps exactly (RFC 8259, section 6)."""
MAX_TEXT = 64 << 10
"""How many bytes of UTF-8 are kept of one text."""
_WIDEST = 4  # bytes of one character in UTF-8

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]
"""A whole number from 0 to 2**53 - 1, for the fields of structs."""


def decode(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, *, source: str, what: str = "the reply") -> T:
    """What a body says, in the decoder's type; UnexpectedPayload (``SOURCE: WHAT is …``) where it says something else.

    Bytes that are no UTF-8, halves of surrogate pairs and control characters in texts are mended, not refused: one
    spoilt description is no reason to lose a page.
    """
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeError):
            return decoder.decode(_mended(bytes(body)))
    except msgspec.ValidationError as error:
        raise UnexpectedPayload(f"{source}: {what} is not as documented: {_lowered(str(error))}") from error
    except RecursionError as error:
        raise UnexpectedPayload(f"{source}: {what} is nested too deep") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise UnexpectedPayload(f"{source}: {what} is not JSON") from error


def clean(text: str) -> str:
    """The text as the mirror can keep it: NUL as U+2400, lone surrogates as U+FFFD, at most MAX_TEXT bytes."""
    if "\0" in text:
        text = text.replace("\0", "\u2400")
    if not text.isascii() and not _is_unicode(text):
        text = _without_surrogates(text)
    if len(text) > MAX_TEXT // _WIDEST:
        text = text.encode()[:MAX_TEXT].decode(errors="ignore")
    return text


def moment(text: str, *, source: str) -> datetime:
    """The aware moment that a text names (UTC where it names no offset); UnexpectedPayload where it names none."""
    found = times.instant(text)
    if found is None:
        raise UnexpectedPayload(f"{source}: the reply has {clean(text)[:40]!r} in place of a time")
    return found


def time(text: str, *, source: str) -> str:
    """The moment that a text names in whole seconds of UTC with ``Z``; UnexpectedPayload where it names none."""
    return times.stamp(moment(text, source=source))


def path(text: str, *, host: str, source: SourceName) -> str:
    """A repository's path as a forge of that kind states it; UnexpectedPayload where no address there could hold it."""
    found = repository_url.parse_repository_url(f"https://{host}/{text}", {host: source})
    if not isinstance(found, repository_url.Repository) or found.path != text:
        raise UnexpectedPayload(f"{source}: the reply has {clean(text)[:40]!r} in place of the name of the repository")
    return text


def _mended(body: bytes) -> bytes:
    value = json.loads(body.decode("utf-8", "replace"), strict=False)
    return _without_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":"))).encode()


def _without_surrogates(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
