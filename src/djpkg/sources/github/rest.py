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
from djpkg.model.node_id import database_id
from djpkg.sources.github.errors import SOURCE, ErrorKind, classify_error, is_refusal, status_error
from djpkg.sources.http import payload
from djpkg.sources.http.api_check import api_not_found
from djpkg.sources.http.owner_client import OwnerClient, owner_of
from djpkg.sources.identity import OtherRepository, check_identity
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


class _License(msgspec.Struct):
    spdx_id: str | None = None


class _Repository(msgspec.Struct):
    full_name: str
    stargazers_count: payload.Count
    forks_count: payload.Count
    archived: bool
    default_branch: str
    node_id: NodeId | None = None
    description: str | None = None
    license: _License | None = None
    size: payload.Count = 0


class _Person(msgspec.Struct):
    date: str


class _CommitDetail(msgspec.Struct):
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


class _Commit(msgspec.Struct):
    sha: Oid
    commit: _CommitDetail


class _Contributor(msgspec.Struct):
    login: str | None = None


_REPOSITORY = msgspec.json.Decoder(_Repository)
_COMMITS: msgspec.json.Decoder[list[_Commit]] = msgspec.json.Decoder(payload.Entries[_Commit])
_CONTRIBUTORS: msgspec.json.Decoder[list[_Contributor]] = msgspec.json.Decoder(payload.Entries[_Contributor])


class RepositoryStatus(Enum):
    """Status of a repository without facts."""

    UNCHANGED = auto()
    GONE = auto()
    BLOCKED = auto()


STATE_FACTS: Mapping[RepositoryStatus, ForgeFacts] = {
    RepositoryStatus.GONE: ForgeFacts(state="gone"),
    RepositoryStatus.BLOCKED: ForgeFacts(state="blocked"),
}


class RestRepository(NamedTuple):
    """The facts of a repository without its head, the name of its default branch, and the ETag.

    `target` is the lookup to go on with: of another repository, nothing is known. `has_commits` means that it is
    certainly not empty; GitHub gives the size of a small repository as 0 too.
    """

    target: RepositoryTarget

    facts: RepositoryFacts
    branch: str
    etag: str | None
    has_commits: bool


class RestApi:
    """GitHub's REST API. Every method raises SourceError for an unexpected response.

    `client` sends the token, `anonymous` does not; `refusing` are the owners that refused the token in this run.
    """

    def __init__(self, client: Client, anonymous: Client, refusing: set[str]) -> None:
        self._client = client
        self._anonymous = anonymous
        self.refusing = refusing

    async def fetch_repository(self, target: RepositoryTarget) -> RestRepository | RepositoryStatus:
        """Return a repository or its status; a renamed one is found by GitHub's redirect.

        Where another repository has its name, it is requested by its id. If it is gone, the other one is returned if
        `target` accepts it; else OtherRepository, or GONE if the other one has only the name that it had left before.
        """
        found: RestRepository | RepositoryStatus = RepositoryStatus.GONE
        for path in target.paths:
            try:
                found = await self._fetch_repository(target, path, _repository_route(path))
            except OtherRepository:
                number = database_id(target.node_id or "")
                if number is not None:
                    found = await self._fetch_repository(target, path, f"repositories/{number}", by_id=True)
                if found is RepositoryStatus.GONE and target.accepts_new:
                    return await self._fetch_repository(target.as_new(), target.path, _repository_route(target.path))
                if found is RepositoryStatus.GONE and path == target.paths[0]:
                    raise
            if found is not RepositoryStatus.GONE:
                break
        return found

    async def _fetch_repository(
        self, target: RepositoryTarget, path: str, route: str, *, by_id: bool = False
    ) -> RestRepository | RepositoryStatus:
        client = self._client_for(path)
        response = await client.get(route, etag=target.etag, accept=ACCEPT)
        match response.status:
            case HTTPStatus.OK:
                record = payload.decode_json(_REPOSITORY, response.body, source=SOURCE)
                facts = _to_facts(record)
                renamed = response.redirected or by_id
                check_identity(target, path=facts.path, node_id=facts.node_id, renamed=renamed, source=SOURCE)
                return RestRepository(target, facts, record.default_branch, response.etag, has_commits=record.size > 0)
            case HTTPStatus.NOT_MODIFIED:
                return RepositoryStatus.UNCHANGED
            case HTTPStatus.NOT_FOUND:
                if "json" not in response.headers.get("content-type", ""):
                    raise api_not_found(self._client, response.status)  # an error page of a web server
                return RepositoryStatus.GONE
            case HTTPStatus.FORBIDDEN | HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
                if classify_error(response) is ErrorKind.BLOCKED:
                    return RepositoryStatus.BLOCKED
        raise status_error(response, "the repository")

    async def fetch_head(self, repository: RestRepository, *, had_commits: bool) -> Head:
        """Return the newest commit of the default branch with its committer date.

        UnexpectedPayload if there is none, although the repository `had_commits` at the last fetch.
        """
        path, branch = repository.facts.path, repository.branch
        params: dict[str, str | int] = {"sha": branch, "per_page": 1}
        response = await self._client_for(path).get(f"{_repository_route(path)}/commits", params=params, accept=ACCEPT)
        is_empty = response.status == HTTPStatus.CONFLICT  # "Git Repository is empty."
        commits = [] if is_empty else _decode(_COMMITS, response, "the newest commit")
        if not commits:
            if had_commits or (repository.has_commits and not is_empty):
                raise UnexpectedPayload(f"{SOURCE}: got no commits of {path}, which is not empty")
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
        is_first = True
        async with aclosing(self._pages(path, "commits", params)) as pages:
            async for response in pages:
                commits = _decode(_COMMITS, response, "the list of commits")
                if starts_with_head and (not commits or commits[0].sha != head):
                    raise UnexpectedPayload(f"{SOURCE}: the list of commits does not start with the newest one")
                if not commits and not is_first:
                    raise UnexpectedPayload(f"{SOURCE}: a page of the list of commits is empty")
                starts_with_head = is_first = False
                authored = (commit.commit.author_date for commit in commits)
                dates = (payload.parse_moment(date, source=SOURCE) for date in authored if date is not None)
                days = weekly_commits.add_commits_by_day(days, weekly_commits.commits_by_day(dates, now=now))
        return days

    async def fetch_contributors(self, path: str) -> tuple[str, ...] | None:
        """Return the logins of the contributors, most commits first; None where GitHub has no list.

        GitHub has none if there are too many, or if no author has an account. It answers 204 for an empty repository,
        but this one has a head.
        """
        names: list[str] = []
        params = {"per_page": PER_PAGE}
        async with aclosing(self._pages(path, "contributors", params)) as pages:
            async for response in pages:
                too_large = response.status == HTTPStatus.FORBIDDEN and classify_error(response) is ErrorKind.TOO_LARGE
                if too_large or response.status == HTTPStatus.NO_CONTENT:
                    return None
                contributors = _decode(_CONTRIBUTORS, response, "the list of contributors")
                names += [payload.clean_text(one.login) for one in contributors if one.login]
                payload.check_length(names, what="the list of contributors", source=SOURCE)
        return tuple(dict.fromkeys(names)) or None

    def _client_for(self, path: str) -> OwnerClient:
        return OwnerClient(
            client=self._client,
            anonymous=self._anonymous,
            owner=owner_of(path),
            refusing=self.refusing,
            is_refusal=is_refusal,
        )

    async def _pages(self, path: str, name: str, params: Mapping[str, str | int]) -> AsyncGenerator[Response, None]:
        client, route = self._client_for(path), f"{_repository_route(path)}/{name}"
        response = await client.get(route, params=params, accept=ACCEPT)
        for _ in range(MAX_PAGES):
            yield response
            if response.next_url is None:
                return
            response = await client.get(response.next_url, accept=ACCEPT)
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
