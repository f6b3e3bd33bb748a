"""Classify GitHub error responses: rate limits, blocked repositories, refused tokens.

All of them have status 403. A rate limit and a blocked repository are recognized, so the body is checked before the
headers; every other 403 means that the owner refuses the token, for one of many reasons. Sources: GitHub REST "Rate
limits" and "Troubleshooting", and error bodies that users have published.
"""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from djpkg.errors import HTTPStatusError, SourceError
from djpkg.source_name import SourceName
from djpkg.sources.http import payload
from djpkg.sources.http.rate_limit import RateLimitHit, rate_limit_from_headers
from djpkg.sources.http.response import http_status_error, to_single_line

if TYPE_CHECKING:
    from djpkg.sources.http.response import Response

SOURCE = SourceName.GITHUB


class ErrorKind(Enum):
    """The cause of an error response. PRIMARY and SECONDARY are rate limits."""

    BLOCKED = auto()
    TOO_LARGE = auto()
    SECONDARY = auto()
    PRIMARY = auto()
    REFUSED = auto()


class _Body(msgspec.Struct):
    message: str = ""
    block: object = None


_BODY = msgspec.json.Decoder(_Body)


def classify_error(response: Response) -> ErrorKind:
    """Return the cause of a response with status 403, 429 or 451."""
    body = _parse_body(response)
    if response.status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS or body.block is not None:
        return ErrorKind.BLOCKED
    message = body.message.lower()
    if is_secondary_limit(message):
        return ErrorKind.SECONDARY
    if "too large" in message:
        return ErrorKind.TOO_LARGE
    if (
        response.status == HTTPStatus.TOO_MANY_REQUESTS
        or response.headers.get("x-ratelimit-remaining") == "0"
        or "rate limit" in message
        or "retry-after" in response.headers
    ):
        return ErrorKind.PRIMARY
    return ErrorKind.REFUSED


def is_refusal(response: Response) -> bool:
    """Return whether a response to a request with a token says that the owner refuses the token."""
    return response.status == HTTPStatus.FORBIDDEN and classify_error(response) is ErrorKind.REFUSED


def is_secondary_limit(message: str) -> bool:
    """Return whether an error message is about a secondary rate limit (concurrency, CPU time), not the hourly quota."""
    message = message.lower()
    return "secondary rate limit" in message or "abuse detection" in message


def parse_rate_limit(response: Response) -> RateLimitHit | None:
    """Return the rate limit of a response with status 403 or 429; None where it has another cause."""
    kind = classify_error(response)
    if kind not in {ErrorKind.PRIMARY, ErrorKind.SECONDARY}:
        return None
    message = _parse_body(response).message
    return rate_limit_from_headers(response.headers, secondary=kind is ErrorKind.SECONDARY, message=message)


def status_error(response: Response, what: str) -> HTTPStatusError:
    """Return the error for a response with an unexpected status; `what` was requested."""
    if response.status == HTTPStatus.ACCEPTED:
        return HTTPStatusError(f"{SOURCE}: {what} is not ready yet", status=response.status)
    message = to_single_line(_parse_body(response).message)
    return http_status_error(SOURCE, response.host, response.status, what=what, message=message)


def _parse_body(response: Response) -> _Body:
    try:
        return payload.decode_json(_BODY, response.body, source=SOURCE)
    except SourceError:
        return _Body()
