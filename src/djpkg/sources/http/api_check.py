"""Checks that there is an API at an address, before the 404 of a repository or a project counts as gone.

At a wrong address, a web server or a proxy may answer every request with 404, also in JSON, and an API may begin to do
so in the middle of a run. So unless something was found after the last 404, one more request is sent, for what every
server of the API has.
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


class KnownResource(NamedTuple):
    """A route that every server of an API has, and the type of its response."""

    route: str
    response_type: object


def is_api_alive(alive: bool, outcome: Outcome | None) -> bool:  # noqa: FBT001 - the state before
    """Return whether the API has found anything since its last 404, after one more outcome; `alive` was so before."""
    return outcome is not Outcome.GONE and (alive or outcome in (Outcome.UPDATED, Outcome.UNCHANGED))


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
