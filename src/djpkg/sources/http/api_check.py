"""Checks that there is an API at an address, before the 404 of a repository or a project counts as gone.

At a wrong address, a web server or a proxy may answer every request with 404, also in JSON, and an API may begin to do
so in the middle of a run. So if nothing was found in a run, or nothing in its last requests, one more request is sent,
for what every server of the API has.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from djpkg.config import API_BY_SOURCE
from djpkg.errors import HTTPStatusError, SourceError, UnexpectedPayload
from djpkg.model.facts import Outcome
from djpkg.sources.http import payload
from djpkg.sources.http.response import http_status_error

if TYPE_CHECKING:
    from djpkg.source_name import SourceName
    from djpkg.sources.http.client import Client
    from djpkg.sources.http.response import Response

SUSPICIOUS_LENGTH = 5
"""Consecutive 404s at the end of a run, after which the API itself is requested."""


class KnownResource(NamedTuple):
    """A route that every server of an API has, and the type of its response."""

    route: str
    response_type: object


class NotFoundStreak:
    """Counts the consecutive answers GONE in a run: many at its end, or nothing else at all, are suspicious."""

    def __init__(self) -> None:
        self._has_found = False
        self._length = 0

    def record(self, outcome: Outcome | None) -> None:
        """Record the outcome of one repository or project."""
        if outcome is Outcome.GONE:
            self._length += 1
        elif outcome in (Outcome.UPDATED, Outcome.UNCHANGED):
            self._has_found, self._length = True, 0

    @property
    def is_suspicious(self) -> bool:
        """Whether the API itself has to be requested before the answers GONE count."""
        return self._length >= (SUSPICIOUS_LENGTH if self._has_found else 1)


async def find_api_error(client: Client, known: KnownResource, *, host: str = "") -> SourceError | None:
    """Request a known resource; return the error if the API does not answer. For `host` see `address_hint`."""
    try:
        response = await client.get(known.route)
        if not _has_type(response, known.response_type, client.source):
            raise api_not_found(client, response.status, host=host)
    except SourceError as error:
        return error
    return None


def api_not_found(client: Client, status: int, *, host: str = "") -> HTTPStatusError:
    """Return the error for a server that does not answer like the API. For `host` see `address_hint`."""
    message = f"{client.source}: API not found at {client.base_url} ({status})"
    return HTTPStatusError(message, status=status, hint=address_hint(client.source, host=host))


def address_hint(source: SourceName, *, host: str = "") -> str:
    """Return the setting that has the address of an API; `host` is that of a server that may be in DJPKG_FORGES."""
    api = API_BY_SOURCE[source]
    if host not in ("", api.host):
        return f"check {host} in DJPKG_FORGES"
    return f"set {api.variable} to its address, by default {api.default_url}"


def _has_type(response: Response, response_type: object, source: SourceName) -> bool:
    """Return whether a response is the known resource; raise HTTPStatusError for a status that shows neither."""
    if response.status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        raise http_status_error(source, response.host, response.status)
    decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(response_type)
    try:
        payload.decode_json(decoder, response.body, source=source)
    except UnexpectedPayload:
        return False
    return response.status == HTTPStatus.OK
