"""Bitbucket Cloud's REST API 2.0: a repository, the sizes of its lists of watchers and forks, its commits.

There is neither a list of contributors nor a date to filter commits by: both come from reading commits, which have but
one date. No flag says that a repository is archived. Sources of the rules: Atlassian's REST reference and "API request
limits" (60 requests an hour for strangers, 1,000 with a token).
"""

from __future__ import annotations

import base64
from contextlib import aclosing
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
    from collections.abc import AsyncGenerator, Callable
    from datetime import datetime

    from djpkg.credentials import Token
    from djpkg.sources.rest_forge.lookup import RepositoryLookup

PER_PAGE = 100
HOURLY = 60
"""What a stranger may ask in an hour; the answers do not tell how much of it remains."""


class _Branch(msgspec.Struct):
    name: str


class _Repository(msgspec.Struct):
    full_name: str
    uuid: str
    mainbranch: _Branch | None
    description: str | None = None


class _List(msgspec.Struct):
    size: payload.Count | None = None


class _User(msgspec.Struct):
    nickname: str = ""


class _Author(msgspec.Struct):
    raw: str = ""
    user: _User | None = None


class _Commit(msgspec.Struct):
    hash: str
    date: str
    author: _Author


class _Commits(msgspec.Struct):
    values: list[_Commit]
    next: str | None = None


_REPOSITORY = msgspec.json.Decoder(_Repository)
_LIST = msgspec.json.Decoder(_List)
_COMMITS = msgspec.json.Decoder(_Commits)


class Bitbucket(RestForge):
    """Bitbucket Cloud at `base_url`. The token's text is EMAIL:TOKEN, as `config.token` has seen to."""

    name = SourceName.BITBUCKET
    host = "bitbucket.org"
    cost = 4  # the page, the watchers, the forks and the first commits

    def __init__(
        self,
        *,
        base_url: str,
        token: Token | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(
            base_url=base_url,
            auth=None if token is None else _authorization(token),
            servers={},
            limits=limits,
            clock=clock,
            hourly=HOURLY if token is None else None,
        )

    async def visit(self, visit: RepositoryLookup) -> None:
        """Asks for the page, both counts and the newest commits, whose first is the head; for more where that moved.

        The first request for commits already asks for as many as there are on a page: that is the whole window of
        most repositories, so that asking for the head alone would cost one request more whenever it moved and save
        none when it did not. The page is asked for without its validator: a 304 would count too, and would lack the
        name of the branch.
        """
        path = "/".join(quote(part, safe="") for part in visit.ask.path.split("/"))
        reply = await visit.client.get(f"repositories/{path}")
        if not visit.finds(reply):
            return
        said = payload.decode(_REPOSITORY, reply.body, source=self.name)
        path = visit.path(said.full_name)
        stars, forks = await self._ask_size(visit, path, "watchers"), await self._ask_size(visit, path, "forks")
        async with aclosing(self._ask_commits(visit, path, said.mainbranch)) as pages:
            first: list[Commit] = await anext(pages, [])
            head = head_of(first)
            visit.page = RepositoryFacts(
                path=path,
                node_id=payload.clean(said.uuid),
                description=payload.clean(said.description or ""),
                stars=stars,
                forks=forks,
                archived=None,
                license=None,
                head=head.oid,
                head_at=head.at,
            )
            await read_history(visit, head, first, pages)

    async def _ask_size(self, visit: RepositoryLookup, path: str, what: str) -> int | None:
        """How long a list of a repository is, without the list; None where it is not told."""
        reply = await visit.client.get(f"repositories/{path}/{what}", params={"pagelen": 1})
        visit.expect_ok(reply)
        return payload.decode(_LIST, reply.body, source=self.name).size

    async def _ask_commits(
        self, visit: RepositoryLookup, path: str, branch: _Branch | None
    ) -> AsyncGenerator[list[Commit], None]:
        """The commits of the main branch, page by page; each page names the address of the next one."""
        if branch is None:
            return
        target = f"repositories/{path}/commits"
        # Whole commits, with their messages rendered and linked, are thirty times as long.
        fields = "next,values.hash,values.date,values.author.raw,values.author.user.nickname"
        query: dict[str, str | int] = {"pagelen": PER_PAGE, "fields": fields}
        if "/" in branch.name:
            query["include"] = branch.name
        else:
            target += f"/{quote(branch.name, safe='')}"
        params: dict[str, str | int] | None = query
        for _ in visit.page_numbers():
            reply = await visit.client.get(target, params=params)
            visit.expect_ok(reply)
            said = payload.decode(_COMMITS, reply.body, source=self.name)
            yield [self._read(visit, commit) for commit in said.values]
            if not said.next:
                return
            if "://" not in said.next:
                raise visit.unexpected("the next page has no address")
            target, params = said.next, None

    def _read(self, visit: RepositoryLookup, said: _Commit) -> Commit:
        when = payload.moment(said.date, source=self.name)
        nickname = said.author.user.nickname if said.author.user is not None else ""
        author = payload.clean(nickname or _name(said.author.raw))
        return Commit(oid=visit.oid(said.hash), committed=when, authored=when, author=author)


def _name(raw: str) -> str:
    """The name in ``Jane Doe <jane@example.org>``; nothing where there is only an address."""
    name = raw.partition("<")[0].strip().strip('"')
    return "" if "@" in name else name


def _authorization(token: Token) -> Authorization:
    basic = base64.b64encode(token.secret.encode()).decode("ascii")
    return Authorization(header="Authorization", value=f"Basic {basic}", variable=token.origin)
