"""Bitbucket Cloud's REST API 2.0: a repository, the sizes of its lists of watchers and forks, its commits.

The API has no list of contributors and no date filter for commits: both are computed from the commits, which have only
one date. It has no archived flag. Sources: Atlassian's REST reference and "API request limits" (60 requests an hour
without a token, 1,000 with one).
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
from djpkg.sources.http.api_check import KnownResource
from djpkg.sources.rest_forge.commits import Commit, find_head, read_commits
from djpkg.sources.rest_forge.forge import RestForge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from djpkg.sources.rest_forge.lookup import RepositoryLookup

PER_PAGE = 100


class _HookEvents(msgspec.Struct):
    """The kinds of webhooks, each with a link to its events: the shortest list that needs no token."""

    repository: dict[str, object]


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
    values: payload.Entries[_Commit]
    next: str | None = None


_REPOSITORY = msgspec.json.Decoder(_Repository)
_LIST = msgspec.json.Decoder(_List)
_COMMITS = msgspec.json.Decoder(_Commits)


class Bitbucket(RestForge):
    """Bitbucket Cloud at `base_url`. The token has the form EMAIL:TOKEN, which `credentials` has checked."""

    name = SourceName.BITBUCKET
    known = KnownResource("hook_events", _HookEvents)
    cost = 4  # the repository, its watchers, its forks and the first commits
    hourly_without_token = 60

    def _authorization(self, secret: str) -> str:
        return f"Basic {base64.b64encode(secret.encode()).decode('ascii')}"

    async def look_up(self, lookup: RepositoryLookup) -> None:
        """Request the repository, both counts and the newest commits; older commits only if the head moved.

        The first request for commits takes a whole page, which covers the window of most repositories: requesting the
        head alone would cost one request more whenever it moved. The repository is requested without a validator,
        because a 304 counts too and would lack the name of the branch.
        """
        response = await lookup.get_repository("repositories/{}")
        if not lookup.is_found(response):
            return
        repository = lookup.decode(_REPOSITORY, response)
        uuid = payload.clean_text(repository.uuid)
        path = lookup.check_identity(response, path=repository.full_name, node_id=uuid)
        stars = await self._fetch_list_size(lookup, path, "watchers")
        forks = await self._fetch_list_size(lookup, path, "forks")
        async with aclosing(self._commit_pages(lookup, path, repository.mainbranch)) as pages:
            first_page: list[Commit] = await anext(pages, [])
            if not first_page:
                lookup.check_empty(says_empty=repository.mainbranch is None)
            head = find_head(first_page)
            lookup.repository = RepositoryFacts(
                path=path,
                node_id=uuid,
                description=payload.clean_text(repository.description or ""),
                stars=stars,
                forks=forks,
                archived=None,
                license=None,
                head=head.oid,
                head_at=head.at,
            )
            await read_commits(lookup, head, first_page, pages)

    async def _fetch_list_size(self, lookup: RepositoryLookup, path: str, name: str) -> int | None:
        """Return the size of a list of the repository without reading it; None if the response has none."""
        response = await lookup.client.get(f"repositories/{path}/{name}", params={"pagelen": 1})
        return lookup.decode(_LIST, response).size

    async def _commit_pages(
        self, lookup: RepositoryLookup, path: str, branch: _Branch | None
    ) -> AsyncGenerator[list[Commit], None]:
        """Yield the commits of the main branch, page by page; each page has the URL of the next one."""
        if branch is None and lookup.target.head is None:
            return
        url = f"repositories/{path}/commits"
        # Without `fields`, commits include their rendered messages and are thirty times as long.
        fields = "next,values.hash,values.date,values.author.raw,values.author.user.nickname"
        query: dict[str, str | int] = {"pagelen": PER_PAGE, "fields": fields}
        if branch is not None and "/" in branch.name:
            query["include"] = branch.name
        elif branch is not None:
            url += f"/{quote(branch.name, safe='')}"
        params: dict[str, str | int] | None = query
        for number in lookup.page_numbers():
            response = await lookup.client.get(url, params=params)
            page = lookup.decode(_COMMITS, response)
            if not page.values and (number > 1 or page.next):
                raise lookup.unexpected("a page of the list of commits is empty")
            yield [self._parse_commit(lookup, commit) for commit in page.values]
            if not page.next:
                return
            if "://" not in page.next:
                raise lookup.unexpected("invalid next-page link")
            url, params = page.next, None

    def _parse_commit(self, lookup: RepositoryLookup, commit: _Commit) -> Commit:
        date = payload.parse_moment(commit.date, source=self.name)
        nickname = commit.author.user.nickname if commit.author.user is not None else ""
        author = payload.clean_text(nickname or _author_name(commit.author.raw))
        return Commit(oid=lookup.check_commit_id(commit.hash), committed=date, authored=date, author=author)


def _author_name(raw: str) -> str:
    """Return the name in ``Jane Doe <jane@example.org>``; empty if there is only an email address."""
    name = raw.partition("<")[0].strip().strip('"')
    return "" if "@" in name else name
