"""Forgejo's API v1, which Gitea speaks too: a repository and the commits of its default branch.

There is neither a list of contributors nor a date to filter commits by: both come from reading commits. Sources of the
rules: the API descriptions that the servers themselves serve.
"""

from __future__ import annotations

from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from djpkg.model.facts import RepositoryFacts
from djpkg.source_name import SourceName
from djpkg.sources.http import payload
from djpkg.sources.http.response import Authorization
from djpkg.sources.http.retry import Limits
from djpkg.sources.rest_forge.commits import Commit, head_of, read_history
from djpkg.sources.rest_forge.forge import RestForge
from djpkg.times import utc_now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from datetime import datetime

    from djpkg.credentials import Token
    from djpkg.sources.http.response import Response
    from djpkg.sources.rest_forge.lookup import RepositoryLookup

PER_PAGE = 50
"""The most that a server gives unless its owner allows more."""


class _Repository(msgspec.Struct):
    id: payload.Count
    full_name: str
    stars_count: payload.Count
    forks_count: payload.Count
    default_branch: str
    description: str | None = None
    archived: bool | None = None
    empty: bool = False


class _Signature(msgspec.Struct):
    name: str
    date: str


class _Content(msgspec.Struct):
    author: _Signature
    committer: _Signature


class _Account(msgspec.Struct):
    login: str = ""


class _Commit(msgspec.Struct):
    sha: str
    commit: _Content
    author: _Account | None = None


_REPOSITORY = msgspec.json.Decoder(_Repository)
_COMMITS = msgspec.json.Decoder(list[_Commit])


class Forgejo(RestForge):
    """Codeberg at `base_url`, and further servers of the same API that the user named (see `VisitingForge`)."""

    name = SourceName.FORGEJO
    host = "codeberg.org"
    cost = 2  # the page and the first commits

    def __init__(
        self,
        *,
        base_url: str,
        token: Token | None = None,
        servers: Mapping[str, str] | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        auth = None
        if token is not None:
            auth = Authorization(header="Authorization", value=f"token {token.secret}", variable=token.origin)
        super().__init__(base_url=base_url, auth=auth, servers=servers or {}, limits=limits, clock=clock)

    async def visit(self, visit: RepositoryLookup) -> None:
        """Asks for the page and the newest commits, whose first is the head; for more of them where that moved.

        The API has no validators. The first request for commits already asks for as many as it gives: that is the
        whole window of most repositories, so that asking for the head alone would cost one request more.
        """
        owner_and_name = "/".join(quote(part, safe="") for part in visit.ask.path.split("/"))
        reply = await visit.client.get(f"repos/{owner_and_name}")
        if not visit.finds(reply):
            return
        said = payload.decode(_REPOSITORY, reply.body, source=self.name)
        path = visit.path(said.full_name)
        async with aclosing(self._ask_commits(visit, said, path)) as pages:
            first: list[Commit] = await anext(pages, [])
            head = head_of(first)
            visit.page = RepositoryFacts(
                path=path,
                node_id=str(said.id),
                description=payload.clean(said.description or ""),
                stars=said.stars_count,
                forks=said.forks_count,
                archived=said.archived,
                license=None,
                head=head.oid,
                head_at=head.at,
            )
            await read_history(visit, head, first, pages)

    async def _ask_commits(
        self, visit: RepositoryLookup, said: _Repository, path: str
    ) -> AsyncGenerator[list[Commit], None]:
        """The commits of the default branch, page by page; the later pages below the head that the first one told."""
        if said.empty:
            return
        start = said.default_branch
        for number in visit.page_numbers():
            # What is switched off would be worked out for each commit (Forgejo: "disable for speedup").
            params: dict[str, str | int] = {"sha": start, "limit": PER_PAGE, "page": number}
            params |= {"stat": "false", "verification": "false", "files": "false"}
            reply = await visit.client.get(f"repos/{path}/commits", params=params)
            if number == 1 and reply.status == HTTPStatus.CONFLICT:  # "Git Repository is empty."
                return
            visit.expect_ok(reply)
            commits = payload.decode(_COMMITS, reply.body, source=self.name)
            yield [self._read(visit, commit) for commit in commits]
            if not commits or not _has_more(reply, len(commits)):
                return
            if number == 1:
                start = visit.oid(commits[0].sha)

    def _read(self, visit: RepositoryLookup, said: _Commit) -> Commit:
        login = said.author.login if said.author is not None else ""
        return Commit(
            oid=visit.oid(said.sha),
            committed=payload.moment(said.commit.committer.date, source=self.name),
            authored=payload.moment(said.commit.author.date, source=self.name),
            author=payload.clean(login or said.commit.author.name),
        )


def _has_more(reply: Response, rows: int) -> bool:
    """Whether another page follows. A short page alone does not end it: servers may give less than was asked for."""
    more = reply.headers.get("x-hasmore")
    if more is not None:
        return more.strip().lower() == "true"
    return rows == PER_PAGE or reply.link("next") is not None
