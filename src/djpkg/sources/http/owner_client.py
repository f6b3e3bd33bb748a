"""Requests for the repositories of one owner: with the token, or without it where the owner refuses it.

An organization can refuse a token: by single sign-on, a list of IP addresses, a maximum lifetime, or because it is a
fine-grained token of another owner. What it shows to everyone is then available without a token only.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from djpkg.source_name import SourceName
    from djpkg.sources.http.client import Client
    from djpkg.sources.http.response import Response


def owner_of(path: str) -> str:
    """Return the first part of a repository's path in lower case."""
    return path.partition("/")[0].lower()


def is_forbidden(response: Response) -> bool:
    """Return whether a response refuses the request. `Client.get` returns no 403 that is about a rate limit."""
    return response.status == HTTPStatus.FORBIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerClient:
    """`client` sends the token, `anonymous` does not. `refusing` are the owners that refused the token in this run.

    `is_refusal` returns whether a response to a request with a token refuses the token.
    """

    client: Client
    anonymous: Client
    owner: str
    refusing: set[str]
    is_refusal: Callable[[Response], bool] = is_forbidden

    @property
    def source(self) -> SourceName:
        """The source that the requests are for."""
        return self.client.source

    @property
    def refused(self) -> bool:
        """Whether the owner refused the token."""
        return self.owner in self.refusing

    async def get(
        self,
        target: str,
        *,
        params: Mapping[str, str | int] | None = None,
        etag: str | None = None,
        accept: str = "application/json",
    ) -> Response:
        """Send a request as `Client.get` does; after a refusal of the token once more without it."""
        if self.client.authorized and not self.refused:
            response = await self.client.get(target, params=params, etag=etag, accept=accept)
            if not self.is_refusal(response):
                return response
            if not response.redirected:  # else it is the repository of another owner
                self.refusing.add(self.owner)
        return await self.anonymous.get(target, params=params, etag=etag, accept=accept)
