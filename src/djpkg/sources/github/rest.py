"""GitHub's REST API: a repository, its head, the commits of the last 52 weeks, its contributors.

Sources: GitHub REST "Get a repository", "List commits", "List repository contributors" and "Using
pagination in the REST API".
"""

from __future__ import annotations

from contextlib import aclosing
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

from djpkg.errors import UnexpectedPayload
from djpkg.model import weekly_commits
from djpkg.model.facts import ForgeFacts, RepositoryFacts
from djpkg.model.lookups import NO_HEAD, Head
from djpkg.sources.github.errors import SOURCE, ErrorKind, classify_error, status_error
from djpkg.sources.http import payload
from djpkg.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from datetime import datetime

    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.http.client import Client
    from djpkg.sources.http.response import Response

T = TypeVar("T")

HEADERS = {"X-GitHub-Api-Version": "2022-11-28"}
ACCEPT = "application/vnd.github+json"
HOST = "github.com"
PER_PAGE = 100
MAX_PAGES = 1000
"""A longer list is an error: its pages may link in a circle."""

Oid = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z]{1,64}$")]
"""A commit hash."""
NodeId = Annotated[str, msgspec.Meta(pattern="^[!-~]{1,256}$")]
"""A global node id, which survives renames."""


class _License(msgspec.Struct, gc=False):
    spdx_id: str | None = None


class _Repository(msgspec.Struct, gc=False):
    full_name: str
    stargazers_count: payload.Count
    forks_count: payload.Count
    archived: bool
    default_branch: str
    node_id: NodeId | None = None
    description: str | None = None
    license: _License | None = None


class _Person(msgspec.Struct, gc=False):
    date: str


class _CommitDetail(msgspec.Struct, gc=False):
    """Either person may be null in GitHub's schema; then the other one's date is used."""

    author: _Person | None = None
    committer: _Person | None = None

    @property
    def author_date(self) -> str | None:
        person = self.author or self.committer
        return person.date if person is not None else None

    @property
    def committer_date(self) -> str | None:
        person = self.committer or self.author
        return person.date if person is not None else None


class _Commit(msgspec.Struct, gc=False):
    sha: Oid
    commit: _CommitDetail


class _Contributor(msgspec.Struct, gc=False):
    login: str | None = None


_REPOSITORY = msgspec.json.Decoder(_Repository)
_COMMITS = msgspec.json.Decoder(list[_Commit])
_CONTRIBUTORS = msgspec.json.Decoder(list[_Contributor])


class RepositoryStatus(Enum):
    """What a response says instead of the facts. FORBIDDEN: the organization rejects the token."""

    UNCHANGED = auto()
    GONE = auto()
    BLOCKED = auto()
    FORBIDDEN = auto()


STATE_FACTS: Mapping[RepositoryStatus, ForgeFacts] = {
    RepositoryStatus.GONE: ForgeFacts(state="gone"),
    RepositoryStatus.BLOCKED: ForgeFacts(state="blocked"),
}


class Repository(NamedTuple):
    """The facts of a repository without its head, the name of its default branch, and the ETag."""

    facts: RepositoryFacts
    branch: str
    etag: str | None


class RestApi:
    """GitHub's REST API. Every method raises SourceError for an unexpected response."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def fetch_repository(self, target: RepositoryTarget) -> Repository | RepositoryStatus:
        """Return a repository or its status; a renamed one is found by GitHub's redirect."""
        response = await self._client.get(_repository_route(target.path), etag=target.etag, accept=ACCEPT)
        match response.status:
            case HTTPStatus.OK:
                record = payload.decode_json(_REPOSITORY, response.body, source=SOURCE)
                return Repository(_to_facts(record), record.default_branch, response.etag)
            case HTTPStatus.NOT_MODIFIED:
                return RepositoryStatus.UNCHANGED
            case HTTPStatus.NOT_FOUND if "json" in response.headers.get("content-type", ""):
                return RepositoryStatus.GONE  # a web server at a wrong base URL answers 404 too, but not with JSON
            case HTTPStatus.FORBIDDEN | HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
                match classify_error(response):
                    case ErrorKind.BLOCKED:
                        return RepositoryStatus.BLOCKED
                    case ErrorKind.ORGANIZATION:
                        return RepositoryStatus.FORBIDDEN
        raise status_error(response, "the repository")

    async def fetch_head(self, path: str, branch: str) -> Head:
        """Return the newest commit of a branch with its committer date."""
        params: dict[str, str | int] = {"sha": branch, "per_page": 1}
        response = await self._client.get(f"{_repository_route(path)}/commits", params=params, accept=ACCEPT)
        if response.status == HTTPStatus.CONFLICT:
            return NO_HEAD
        commits = _decode(_COMMITS, response, "the newest commit")
        if not commits:
            return NO_HEAD
        at = commits[0].commit.committer_date
        if at is None:
            raise UnexpectedPayload(f"{SOURCE}: the newest commit has no date")
        return Head(commits[0].sha, payload.normalize_time(at, source=SOURCE))

    async def fetch_window(self, path: str, *, head: str, head_at: str | None, now: datetime) -> dict[str, int]:
        """Return the number of commits per author day in the last 52 weeks.

        The API filters by committer date; commits are counted by author date.
        """
        start = weekly_commits.window_start(now)
        params: dict[str, str | int] = {"sha": head, "since": format_time(start), "per_page": PER_PAGE}
        head_moment = parse_time(head_at)
        starts_with_head = head_moment is not None and head_moment >= start
        days: dict[str, int] = {}
        async with aclosing(self._pages(f"{_repository_route(path)}/commits", params)) as pages:
            async for response in pages:
                commits = _decode(_COMMITS, response, "the list of commits")
                if starts_with_head and (not commits or commits[0].sha != head):
                    raise UnexpectedPayload(f"{SOURCE}: the list of commits does not start with the newest one")
                starts_with_head = False
                authored = (commit.commit.author_date for commit in commits)
                dates = (payload.parse_moment(date, source=SOURCE) for date in authored if date is not None)
                days = weekly_commits.add_commits_by_day(days, weekly_commits.commits_by_day(dates, now=now))
        return days

    async def fetch_contributors(self, path: str) -> tuple[str, ...] | None:
        """Return the logins of the contributors, most commits first; None where GitHub has no list.

        GitHub has none if there are too many. It answers 204 for an empty repository, but this one has a head.
        """
        names: list[str] = []
        params = {"per_page": PER_PAGE}
        async with aclosing(self._pages(f"{_repository_route(path)}/contributors", params)) as pages:
            async for response in pages:
                too_large = response.status == HTTPStatus.FORBIDDEN and classify_error(response) is ErrorKind.TOO_LARGE
                if too_large or response.status == HTTPStatus.NO_CONTENT:
                    return None
                contributors = _decode(_CONTRIBUTORS, response, "the list of contributors")
                names += [payload.clean_text(one.login) for one in contributors if one.login]
        return tuple(dict.fromkeys(names))

    async def _pages(self, route: str, params: Mapping[str, str | int]) -> AsyncGenerator[Response, None]:
        response = await self._client.get(route, params=params, accept=ACCEPT)
        for _ in range(MAX_PAGES):
            yield response
            if response.next_url is None:
                return
            response = await self._client.get(response.next_url, accept=ACCEPT)
        raise UnexpectedPayload(f"{SOURCE}: the list at {route} has more than {MAX_PAGES} pages")


def parse_path(text: str) -> str:
    """Return a valid ``owner/name``; raises UnexpectedPayload."""
    return payload.check_path(text, host=HOST, source=SOURCE)


def parse_license(spdx: str | None) -> str | None:
    """Return the SPDX expression; None for a license that GitHub did not recognize."""
    return payload.clean_text(spdx) if spdx and spdx != "NOASSERTION" else None


def _to_facts(record: _Repository) -> RepositoryFacts:
    return RepositoryFacts(
        path=parse_path(record.full_name),
        node_id=record.node_id,
        description=payload.clean_text(record.description or ""),
        stars=record.stargazers_count,
        forks=record.forks_count,
        archived=record.archived,
        license=parse_license(record.license.spdx_id if record.license is not None else None),
        head=None,
        head_at=None,
    )


def _repository_route(path: str) -> str:
    return f"repos/{quote(path)}"


def _decode(decoder: msgspec.json.Decoder[T], response: Response, what: str) -> T:
    """Decode a response with status 200; raise `status_error` for another."""
    if response.status != HTTPStatus.OK:
        raise status_error(response, what)
    return payload.decode_json(decoder, response.body, source=SOURCE)
