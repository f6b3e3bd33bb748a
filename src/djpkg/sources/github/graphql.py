"""GitHub's GraphQL API: request bodies, and the results or errors of each part of a response.

One failing repository does not affect the others in the same query. What is missing has an error with its path, or is
null without any error. Sources: GitHub GraphQL "Rate limits and query limits", and errors that users have published.
"""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from djpkg.errors import HTTPStatusError, SourceError, UnexpectedPayload
from djpkg.sources.github.errors import SOURCE, ErrorKind, is_secondary_limit
from djpkg.sources.http import payload
from djpkg.sources.http.response import to_single_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from djpkg.sources.http.response import Response

    ResultPath: TypeAlias = tuple[str | int, ...]
    """Where a result is in `data`: ``("r3",)`` or ``("nodes", 3)``."""

MAX_UNEXPLAINED_NULLS = 3
"""If more results than this, and than a tenth of all, are null without an error, they are requested again."""

_RESOURCE_LIMITS = "RESOURCE_LIMITS_EXCEEDED"
_FORBIDDEN = "FORBIDDEN"


class _Error(msgspec.Struct):
    type: str | None = None
    message: str | None = None
    path: list[str | int] | None = None


class _Body(msgspec.Struct):
    data: dict[str, msgspec.Raw] | None = None
    errors: list[_Error] | None = None


class RateLimit(msgspec.Struct, rename="camel"):
    """The `rateLimit` object of a response."""

    cost: payload.Count | None = None
    limit: payload.Count | None = None
    remaining: payload.Count | None = None
    reset_at: str | None = None


_BODY = msgspec.json.Decoder(_Body)
_RATE_LIMIT: msgspec.json.Decoder[RateLimit | None] = msgspec.json.Decoder(RateLimit | None)
_RAW_LIST: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_NULL = b"null"


class NoResult(Enum):
    """Why a response lacks a result.

    NOT_FOUND: GitHub has no such object. REFUSED: the owner refuses this token. UNCLEAR: null without an explanation.
    UNANSWERED: the query was too expensive or the response is incomplete.
    """

    NOT_FOUND = auto()
    REFUSED = auto()
    UNCLEAR = auto()
    UNANSWERED = auto()


class GraphQLResponse:
    """A parsed response. Raises UnexpectedPayload where it has neither data nor a rate limit error.

    HTTPStatusError, with the status that REST would have, where GitHub refuses the whole query to this token.

    `exceeded_limit` is ErrorKind.PRIMARY or SECONDARY where GitHub refused the query with status 200. `points` is the
    cost of the query; at least 1, as no query is free.
    """

    def __init__(self, response: Response) -> None:
        body = payload.decode_json(_BODY, response.body, source=SOURCE)
        errors = body.errors or []
        self.exceeded_limit = _find_exceeded_limit(errors)
        self._data = body.data or {}
        if not self._data and self.exceeded_limit is None:
            detail = next((to_single_line(error.message) for error in errors if error.message), "no data")
            message = f"{SOURCE}: a GraphQL query failed ({detail})"
            if any(error.type == _FORBIDDEN for error in errors):
                raise HTTPStatusError(message, status=HTTPStatus.FORBIDDEN)
            raise UnexpectedPayload(message)
        # The error path names only the first affected result; every null after it may be affected too.
        self._incomplete = any(error.type == _RESOURCE_LIMITS or not error.path for error in errors)
        self._error_types = {_repository_path(error): error.type for error in reversed(errors)}
        self.rate_limit = _parse_rate_limit(self._data.get("rateLimit"))
        self.points = max(1, self.rate_limit.cost or 0)

    def results(self, paths: Sequence[ResultPath]) -> list[msgspec.Raw | NoResult]:
        """Return the undecoded JSON at each path, or why there is none."""
        nodes = self._nodes(sum(len(path) > 1 for path in paths))
        results: list[msgspec.Raw | NoResult] = []
        unexplained: list[int] = []
        for number, path in enumerate(paths):
            raw = nodes.get(path) if len(path) > 1 else self._data.get(str(path[0]))
            error_type = self._error_types.get(path)
            if raw is not None and bytes(raw) != _NULL:
                results.append(NoResult.UNANSWERED if error_type == _RESOURCE_LIMITS else raw)
            elif error_type == "NOT_FOUND":
                results.append(NoResult.NOT_FOUND)
            elif error_type == _FORBIDDEN:
                results.append(NoResult.REFUSED)
            elif raw is None:
                results.append(NoResult.UNANSWERED)
            else:
                results.append(NoResult.UNCLEAR)
                unexplained.append(number)
        if self._incomplete or len(unexplained) > max(MAX_UNEXPLAINED_NULLS, len(paths) // 10):
            for number in unexplained:
                results[number] = NoResult.UNANSWERED
        return results

    def _nodes(self, count: int) -> dict[ResultPath, msgspec.Raw]:
        """Return the members of `nodes`, which are in the order of the ids; empty where their number is not `count`."""
        raw = self._data.get("nodes")
        try:
            nodes = payload.decode_json(_RAW_LIST, raw, source=SOURCE) if raw is not None else []
        except SourceError:
            return {}
        return {("nodes", index): node for index, node in enumerate(nodes)} if len(nodes) == count else {}


def string_literal(text: str) -> str:
    """Return a GraphQL string literal; its escapes are those of JSON."""
    return msgspec.json.encode(text).decode()


def request_body(query: str, **variables: object) -> bytes:
    """Return the JSON body of a request."""
    return msgspec.json.encode({"query": query, "variables": variables})


def _parse_rate_limit(raw: msgspec.Raw | None) -> RateLimit:
    try:
        return payload.decode_json(_RATE_LIMIT, _NULL if raw is None else raw, source=SOURCE) or RateLimit()
    except SourceError:
        return RateLimit()


def _find_exceeded_limit(errors: Sequence[_Error]) -> ErrorKind | None:
    for error in errors:
        message = error.message or ""
        if is_secondary_limit(message):
            return ErrorKind.SECONDARY
        if error.type in {"RATE_LIMITED", "RATE_LIMIT"} or "rate limit exceeded" in message.lower():
            return ErrorKind.PRIMARY
    return None


def _repository_path(error: _Error) -> ResultPath:
    """Return the part of an error's path that leads to the repository."""
    path = error.path or []
    return tuple(path[: 2 if path[:1] == ["nodes"] else 1])
