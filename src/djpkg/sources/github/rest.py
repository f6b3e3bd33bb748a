"""GitHub's REST API: the page of a repository, its head, the commits of its window, its contributors.

Sources of the rules: GitHub REST "Get a repository", "List commits", "List repository contributors" and "Using
pagination in the REST API".
"""

from __future__ import annotations

from contextlib import aclosing
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import quote

import msgspec

from djpkg.errors import UnexpectedPayload
from djpkg.model import weekly_commits
from djpkg.model.facts import ForgeFacts, RepositoryFacts
from djpkg.model.lookups import EMPTY, Head
from djpkg.sources.github.errors import SOURCE, ErrorKind, classify_error, rejected_error
from djpkg.sources.http import payload
from djpkg.times import instant, stamp

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from datetime import datetime

    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.http.client import Client
    from djpkg.sources.http.response import Response

HEADERS = {"X-GitHub-Api-Version": "2022-11-28"}
ACCEPT = "application/vnd.github+json"
HOST = "github.com"
PER_PAGE = 100
MAX_PAGES = 1000
"""A list that goes on and on after so many pages is not read to its end."""

Oid = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z]{1,64}$")]
"""The name of a commit."""
NodeId = Annotated[str, msgspec.Meta(pattern="^[!-~]{1,256}$")]
"""GitHub's name of an object, for good."""


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


class _Detail(msgspec.Struct, gc=False):
    """GitHub's description lets both be null; then one stands for the other."""

    author: _Person | None = None
    committer: _Person | None = None

    @property
    def authored(self) -> str | None:
        person = self.author or self.committer
        return person.date if person is not None else None

    @property
    def committed(self) -> str | None:
        person = self.committer or self.author
        return person.date if person is not None else None


class _Commit(msgspec.Struct, gc=False):
    sha: Oid
    commit: _Detail


class _Contributor(msgspec.Struct, gc=False):
    login: str | None = None


_REPOSITORY = msgspec.json.Decoder(_Repository)
_COMMITS = msgspec.json.Decoder(list[_Commit])
_CONTRIBUTORS = msgspec.json.Decoder(list[_Contributor])


class NoPage(Enum):
    """What was said in place of a repository's page. FORBIDDEN: its organization does not let the token in."""

    UNCHANGED = auto()
    GONE = auto()
    BLOCKED = auto()
    FORBIDDEN = auto()


ENDED_FACTS: Mapping[NoPage, ForgeFacts] = {
    NoPage.GONE: ForgeFacts(state="gone"),
    NoPage.BLOCKED: ForgeFacts(state="blocked"),
}
"""The facts of the endings that are facts."""


class Page(NamedTuple):
    """A repository's page: what it states but the head, the branch that the head is of, and the page's validator."""

    facts: RepositoryFacts
    branch: str
    etag: str | None


class Rest:
    """GitHub's REST API through one client. What cannot be made sense of raises SourceError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find_page(self, ask: RepositoryTarget) -> Page | NoPage:
        """The page of a repository, wherever it is by now."""
        reply = await self._client.get(_address(ask.path), etag=ask.etag, accept=ACCEPT)
        match reply.status:
            case HTTPStatus.OK:
                found = payload.decode(_REPOSITORY, reply.body, source=SOURCE)
                return Page(_read_page(found), found.default_branch, reply.etag)
            case HTTPStatus.NOT_MODIFIED:
                return NoPage.UNCHANGED
            case HTTPStatus.NOT_FOUND if "json" in reply.headers.get("content-type", ""):
                return NoPage.GONE  # at a wrong address a web server says 404 to everything, but not in JSON
            case HTTPStatus.FORBIDDEN | HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
                match classify_error(reply):
                    case ErrorKind.BLOCKED:
                        return NoPage.BLOCKED
                    case ErrorKind.ORGANIZATION:
                        return NoPage.FORBIDDEN
        raise rejected_error(reply, "the repository")

    async def find_head(self, path: str, branch: str) -> Head:
        """The head of a branch, with its committer date."""
        params: dict[str, str | int] = {"sha": branch, "per_page": 1}
        reply = await self._client.get(f"{_address(path)}/commits", params=params, accept=ACCEPT)
        if reply.status == HTTPStatus.CONFLICT:
            return EMPTY
        _check(reply, "the newest commit")
        commits = payload.decode(_COMMITS, reply.body, source=SOURCE)
        if not commits:
            return EMPTY
        at = commits[0].commit.committed
        if at is None:
            raise UnexpectedPayload(f"{SOURCE}: the newest commit has no date")
        return Head(commits[0].sha, payload.time(at, source=SOURCE))

    async def fetch_window(self, path: str, *, head: str, head_at: str | None, now: datetime) -> dict[str, int]:
        """How many commits below `head` each author day of the window has.

        Asked for by committer date, which is what the API looks at, and counted by author date.
        """
        start = weekly_commits.window_start(now)
        params: dict[str, str | int] = {"sha": head, "since": stamp(start), "per_page": PER_PAGE}
        days: dict[str, int] = {}
        first = True
        async with aclosing(self._pages(f"{_address(path)}/commits", params)) as pages:
            async for reply in pages:
                _check(reply, "the list of commits")
                commits = payload.decode(_COMMITS, reply.body, source=SOURCE)
                moment = instant(head_at)
                if first and moment is not None and moment >= start and (not commits or commits[0].sha != head):
                    raise UnexpectedPayload(f"{SOURCE}: the list of commits does not begin with the newest one")
                first = False
                authored = (commit.commit.authored for commit in commits)
                dates = (payload.moment(date, source=SOURCE) for date in authored if date is not None)
                days = weekly_commits.add_days(days, weekly_commits.author_days(dates, now=now))
        return days

    async def fetch_contributors(self, path: str) -> tuple[str, ...] | None:
        """The names of those who contributed, most commits first; None where GitHub has no list.

        It has none of those who are too many; and "no content" is said of a repository that is empty, which one with
        a head is not.
        """
        names: list[str] = []
        params = {"per_page": PER_PAGE}
        async with aclosing(self._pages(f"{_address(path)}/contributors", params)) as pages:
            async for reply in pages:
                too_large = reply.status == HTTPStatus.FORBIDDEN and classify_error(reply) is ErrorKind.TOO_LARGE
                if reply.status == HTTPStatus.NO_CONTENT or too_large:
                    return None
                _check(reply, "the list of contributors")
                found = payload.decode(_CONTRIBUTORS, reply.body, source=SOURCE)
                names += [payload.clean(one.login) for one in found if one.login]
        return tuple(dict.fromkeys(names))

    async def _pages(self, target: str, params: Mapping[str, str | int]) -> AsyncGenerator[Response, None]:
        reply = await self._client.get(target, params=params, accept=ACCEPT)
        yield reply
        for _ in range(MAX_PAGES):
            following = reply.link("next")
            if following is None:
                return
            reply = await self._client.get(following, accept=ACCEPT)
            yield reply
        raise UnexpectedPayload(f"{SOURCE}: the list at {target} has no end")


def read_path(text: str) -> str:
    """The ``owner/name`` that GitHub states; raises what `payload.path` does."""
    return payload.path(text, host=HOST, source=SOURCE)


def read_license(spdx: str | None) -> str | None:
    """The SPDX expression, None where GitHub found a licence that it does not know."""
    return payload.clean(spdx) if spdx and spdx != "NOASSERTION" else None


def _read_page(found: _Repository) -> RepositoryFacts:
    return RepositoryFacts(
        path=read_path(found.full_name),
        node_id=found.node_id,
        description=payload.clean(found.description or ""),
        stars=found.stargazers_count,
        forks=found.forks_count,
        archived=found.archived,
        license=read_license(found.license.spdx_id if found.license is not None else None),
        head=None,
        head_at=None,
    )


def _address(path: str) -> str:
    return f"repos/{quote(path)}"


def _check(reply: Response, what: str) -> None:
    if reply.status != HTTPStatus.OK:
        raise rejected_error(reply, what)
