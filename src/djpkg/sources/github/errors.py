"""What GitHub says in place of an answer: limits told apart from repositories that it will not show.

Sources of the rules: GitHub REST "Rate limits" and "Troubleshooting"; bodies as recorded by its users. Both a used-up
quota and a blocked repository come as 403; the body is looked at before the headers.
"""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from djpkg.errors import Rejected, SourceError
from djpkg.source_name import SourceName
from djpkg.sources.http import payload
from djpkg.sources.http.rate_limit import Refusal, read_refusal
from djpkg.sources.http.response import escape_header

if TYPE_CHECKING:
    from djpkg.sources.http.response import Response

SOURCE = SourceName.GITHUB


class ErrorKind(Enum):
    """What a complaint is about; OTHER is a refusal of no kind that is known here."""

    BLOCKED = auto()
    TOO_LARGE = auto()
    ORGANIZATION = auto()
    SECONDARY = auto()
    PRIMARY = auto()
    OTHER = auto()


class _Body(msgspec.Struct):
    message: str = ""
    block: object = None


_BODY = msgspec.json.Decoder(_Body)


def classify_error(reply: Response) -> ErrorKind:
    """What an answer of status 403, 429 or 451 is about."""
    body = _read(reply)
    if reply.status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS or body.block is not None:
        return ErrorKind.BLOCKED
    message = body.message.lower()
    if is_secondary(message):
        return ErrorKind.SECONDARY
    if "too large" in message:
        return ErrorKind.TOO_LARGE
    if "saml" in message or "organization" in message:
        return ErrorKind.ORGANIZATION
    if (
        reply.status == HTTPStatus.TOO_MANY_REQUESTS
        or reply.headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in message
        or "retry-after" in reply.headers
    ):
        return ErrorKind.PRIMARY
    return ErrorKind.OTHER


def is_secondary(message: str) -> bool:
    """Whether a message is that of a limit on the manner of asking, and not of the hourly quota."""
    message = message.lower()
    return "secondary rate limit" in message or "abuse detection" in message


def read_limit(reply: Response) -> Refusal | None:
    """The limit that an answer of status 403 or 429 states; None where it is about something else."""
    complaint = classify_error(reply)
    if complaint not in {ErrorKind.PRIMARY, ErrorKind.SECONDARY}:
        return None
    return read_refusal(reply.headers, secondary=complaint is ErrorKind.SECONDARY, message=_read(reply).message)


def rejected_error(reply: Response, what: str) -> Rejected:
    """The error for an answer that nothing can be made of; `what` was asked for."""
    if reply.status == HTTPStatus.ACCEPTED:
        return Rejected(f"{SOURCE}: {what} is not ready yet", status=reply.status)
    message = escape_header(_read(reply).message)
    said = f" ({message})" if message else ""
    return Rejected(f"{SOURCE}: {what} was answered with {reply.status}{said}", status=reply.status)


def _read(reply: Response) -> _Body:
    try:
        return payload.decode(_BODY, reply.body, source=SOURCE)
    except SourceError:
        return _Body()
