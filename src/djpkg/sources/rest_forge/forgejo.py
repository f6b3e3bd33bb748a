"""Forgejo's API v1, also spoken by Gitea: a repository and the commits of its default branch.

The API has no list of contributors and no date filter for commits: both are computed from the commits. Source: the
API description that each server serves.
"""

from __future__ import annotations

from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from djpkg import times
from djpkg.model.facts import RepositoryFacts
from djpkg.source_name import SourceName
from djpkg.sources.http import payload
from djpkg.sources.http.api_check import KnownResource
from djpkg.sources.rest_forge.commits import Commit, find_head, read_commits
from djpkg.sources.rest_forge.forge import RestForge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from djpkg.sources.http.response import Response
    from djpkg.sources.rest_forge.lookup import RepositoryLookup

PER_PAGE = 50
"""The maximum of a server in its default configuration."""


class _Version(msgspec.Struct):
    version: str


class _Repository(msgspec.Struct):
    id: payload.Count
    full_name: str
    stars_count: payload.Count
    forks_count: payload.Count
    default_branch: str
    description: str | None = None
    archived: bool | None = None
    archived_at: str | None = None
    empty: bool | None = None


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
_COMMITS: msgspec.json.Decoder[list[_Commit]] = msgspec.json.Decoder(payload.Entries[_Commit])


class Forgejo(RestForge):
    """Codeberg at `base_url`, and the user's own servers with the same API (see `RestForge`)."""

    name = SourceName.FORGEJO
    known = KnownResource("version", _Version)
    cost = 2  # the repository and the first commits

    def _authorization(self, secret: str) -> str:
        return f"token {secret}"

    async def look_up(self, lookup: RepositoryLookup) -> None:
        """Request the repository and the newest commits; older commits only if the head moved.

        The API has no validators. The first request for commits takes a whole page, which covers the window of most
        repositories: requesting the head alone would cost one request more.
        """
        response = await lookup.get_repository("repos/{}")
        if not lookup.is_found(response):
            return
        repository = lookup.decode(_REPOSITORY, response)
        path = lookup.check_identity(response, path=repository.full_name, node_id=str(repository.id))
        async with aclosing(self._commit_pages(lookup, repository, path)) as pages:
            first_page: list[Commit] = await anext(pages, [])
            head = find_head(first_page)
            lookup.repository = RepositoryFacts(
                path=path,
                node_id=str(repository.id),
                description=payload.clean_text(repository.description or ""),
                stars=repository.stars_count,
                forks=repository.forks_count,
                archived=repository.archived,
                archived_at=self._parse_archived_at(repository),
                license=None,
                head=head.oid,
                head_at=head.at,
            )
            await read_commits(lookup, head, first_page, pages)

    async def _commit_pages(
        self, lookup: RepositoryLookup, repository: _Repository, path: str
    ) -> AsyncGenerator[list[Commit], None]:
        """Yield the commits of the default branch, page by page; later pages start from the head of the first."""
        if repository.empty and lookup.target.head is None:
            return
        start, more_announced = repository.default_branch, False
        for number in lookup.page_numbers():
            # These three would be computed for each commit (Forgejo: "disable for speedup").
            params: dict[str, str | int] = {"sha": start, "limit": PER_PAGE, "page": number}
            params |= {"stat": "false", "verification": "false", "files": "false"}
            response = await lookup.client.get(f"repos/{path}/commits", params=params)
            if number == 1 and response.status == HTTPStatus.CONFLICT:  # "Git Repository is empty."
                lookup.check_empty(says_empty=repository.empty or None)
                return
            commits = lookup.decode(_COMMITS, response)
            if number == 1 and not commits:
                lookup.check_empty(says_empty=repository.empty)
            if not commits and more_announced:
                raise lookup.unexpected("a page of the list of commits is empty")
            more_announced = "x-hasmore" in response.headers
            yield [self._parse_commit(lookup, commit) for commit in commits]
            if not commits or not _has_more(response, len(commits)):
                return
            if number == 1:
                start = lookup.check_commit_id(commits[0].sha)

    def _parse_archived_at(self, repository: _Repository) -> str | None:
        """Return when the repository was archived; Forgejo writes the epoch for "never"."""
        if not repository.archived or repository.archived_at is None:
            return None
        moment = payload.parse_moment(repository.archived_at, source=self.name)
        return times.format_time(moment) if moment.timestamp() > 0 else None

    def _parse_commit(self, lookup: RepositoryLookup, commit: _Commit) -> Commit:
        login = commit.author.login if commit.author is not None else ""
        return Commit(
            oid=lookup.check_commit_id(commit.sha),
            committed=payload.parse_moment(commit.commit.committer.date, source=self.name),
            authored=payload.parse_moment(commit.commit.author.date, source=self.name),
            author=payload.clean_text(login or commit.commit.author.name),
        )


def _has_more(response: Response, rows: int) -> bool:
    """Return whether another page follows. A short page is not always the last: servers may have smaller pages."""
    has_more = response.headers.get("x-hasmore")
    if has_more is not None:
        return has_more.strip().lower() == "true"
    return rows == PER_PAGE or response.next_url is not None
