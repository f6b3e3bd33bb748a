"""GitHub's GraphQL API: how a document is sent, and what an answer has in each place.

One bad repository leaves the others of a document whole; what is missing comes with an error that names its place, or
silently. Sources of the rules: GitHub GraphQL "Rate limits and query limits"; the forms of errors as recorded by its
users.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from djpkg.errors import SourceError, UnexpectedPayload
from djpkg.sources.github.errors import SOURCE, is_secondary
from djpkg.sources.http import payload
from djpkg.sources.http.response import escape_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from djpkg.sources.http.response import Response

    Place: TypeAlias = tuple[str | int, ...]
    """Where in the data: ``("r3",)``, or ``("nodes", 3)``."""

RATE = "rateLimit{limit cost remaining used resetAt}"
"""What every document asks for as well."""
FEW = 3
"""So many repositories, or a tenth of all, may be null without a word before the answer as a whole is not believed."""

_RESOURCES = "RESOURCE_LIMITS_EXCEEDED"


class _Error(msgspec.Struct):
    type: str | None = None
    message: str | None = None
    path: list[str | int] | None = None


class _Body(msgspec.Struct):
    data: dict[str, msgspec.Raw] | None = None
    errors: list[_Error] | None = None


class Rate(msgspec.Struct, rename="camel"):
    """What the answer itself says of the quota, which its headers need not."""

    cost: payload.Count | None = None
    limit: payload.Count | None = None
    remaining: payload.Count | None = None
    reset_at: str | None = None


_BODY = msgspec.json.Decoder(_Body)
_RATES = msgspec.json.Decoder(Rate)
_RAWS: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_NULL = b"null"


class Gap(Enum):
    """What there is in place of something that was asked for.

    MISSING: GitHub knows none. UNCLEAR: it does not say what is the matter, or will not tell this token. UNANSWERED:
    the query was too much, or lost something on its way.
    """

    MISSING = auto()
    UNCLEAR = auto()
    UNANSWERED = auto()


class Limited(NamedTuple):
    """A limit that came with status 200."""

    secondary: bool
    message: str


class Answered:
    """An answer to one document, taken apart by what was asked for. Raises UnexpectedPayload where it has no data."""

    def __init__(self, reply: Response) -> None:
        body = payload.decode(_BODY, reply.body, source=SOURCE)
        errors = body.errors or []
        self.limited = _find_limit(errors)
        self.data = body.data or {}
        if not self.data and self.limited is None:
            said = next((escape_header(error.message) for error in errors if error.message), "no data")
            raise UnexpectedPayload(f"{SOURCE}: a GraphQL query was answered with an error ({said})")
        # The path names only the place where the resources ran out, all that is null after it is lost too.
        self.cut_short = any(error.type == _RESOURCES or not error.path for error in errors)
        self._types = {tuple(error.path or ())[: _depth(error)]: error.type for error in reversed(errors)}

        self.rate = _read_rate(self.data.get("rateLimit"))

    @property
    def cost(self) -> int:
        """The points that it took; no query is free, whatever GitHub leaves unsaid."""
        return max(1, self.rate.cost or 0)

    def pick(self, places: Sequence[Place]) -> list[msgspec.Raw | Gap]:
        """What there is at each place, as JSON, or why there is nothing."""
        nodes = self._nodes(sum(len(place) > 1 for place in places))
        found: list[msgspec.Raw | Gap] = []
        doubtful: list[int] = []
        for number, place in enumerate(places):
            raw = nodes.get(place) if len(place) > 1 else self.data.get(str(place[0]))
            kind = self._types.get(place)
            if raw is not None and bytes(raw) != _NULL:
                found.append(Gap.UNANSWERED if kind == _RESOURCES else raw)
            elif kind == "NOT_FOUND":
                found.append(Gap.MISSING)
            elif kind == "FORBIDDEN":
                found.append(Gap.UNCLEAR)
            elif raw is None:
                found.append(Gap.UNANSWERED)
            else:
                found.append(Gap.UNCLEAR)
                doubtful.append(number)
        if self.cut_short or len(doubtful) > max(FEW, len(places) // 10):
            for number in doubtful:
                found[number] = Gap.UNANSWERED
        return found

    def _nodes(self, count: int) -> dict[Place, msgspec.Raw]:
        """The members of `nodes`, which stand where their ids stood: a list of another length says nothing."""
        raw = self.data.get("nodes")
        try:
            nodes = payload.decode(_RAWS, raw, source=SOURCE) if raw is not None else []
        except SourceError:
            return {}
        return {("nodes", place): one for place, one in enumerate(nodes)} if len(nodes) == count else {}


def quote(text: str) -> str:
    """A string of GraphQL, whose escapes are those of JSON."""
    return msgspec.json.encode(text).decode()


def write_query(query: str, **variables: object) -> bytes:
    """The body of a request."""
    return msgspec.json.encode({"query": query, "variables": variables})


def _read_rate(raw: msgspec.Raw | None) -> Rate:
    try:
        return Rate() if raw is None or bytes(raw) == _NULL else payload.decode(_RATES, raw, source=SOURCE)
    except SourceError:
        return Rate()


def _find_limit(errors: Sequence[_Error]) -> Limited | None:
    for error in errors:
        message = error.message or ""
        if is_secondary(message):
            return Limited(secondary=True, message=message)
        if error.type in {"RATE_LIMITED", "RATE_LIMIT"} or "rate limit exceeded" in message.lower():
            return Limited(secondary=False, message=message)
    return None


def _depth(error: _Error) -> int:
    """How many steps of an error's path lead to the repository that it is about."""
    return 2 if error.path and error.path[0] == "nodes" else 1
