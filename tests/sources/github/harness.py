"""Fetches from GitHub as `djpkg fetch` does: targets come from the stored facts, answers are stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from djpkg.credentials import Token
from djpkg.model import weekly_commits
from djpkg.model.fact_changes import combine_facts
from djpkg.model.facts import ForgeFacts, Outcome
from djpkg.model.lookups import RepositoryTarget
from djpkg.sources.github.source import GitHub
from djpkg.sources.http.retry import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from djpkg.sources.source import Answer
    from tests.pauses import Pauses
    from tests.world import Repo, WorldServer
    from tests.world.http import Request

QUICK = Limits(connect=30, attempt=30, total=60, wait=0, backoff=0.001)


@dataclass(slots=True)
class GitHubHarness:
    """`facts`, `etags` and `answers` (the last of each repository) are by path. Only `pauses` moves the clock.

    `secret` replaces the right token.
    """

    server: WorldServer
    authorized: bool = True
    secret: str = ""
    other_tokens: Sequence[Token] = ()
    limits: Limits = QUICK
    url: str | None = None
    pauses: Pauses | None = None
    facts: dict[str, ForgeFacts] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Answer[ForgeFacts]] = field(default_factory=dict)
    source: GitHub | None = None
    _log_start: int = field(default=0, init=False)

    def targets(self, paths: Iterable[str], **fields: Any) -> list[RepositoryTarget]:
        return [self._target(path, fields) for path in paths]

    def _target(self, path: str, fields: dict[str, Any]) -> RepositoryTarget:
        facts = self.facts.get(path, ForgeFacts())
        repository, contributors = facts.repository, facts.contributors
        return RepositoryTarget(
            coordinate=path,
            host="github.com",
            path=path,
            known_path=repository.path if repository and repository.path != path else None,
            etag=self.etags.get(path),
            node_id=repository.node_id if repository else None,
            head=repository.head if repository else None,
            head_at=repository.head_at if repository else None,
            weeks_head=facts.weeks.head if facts.weeks else None,
            contributors_head=contributors.head if contributors else None,
            contributors_taken=contributors.taken if contributors else None,
            gone=facts.state == "gone",
            **fields,
        )

    def fetch(
        self,
        *paths: str,
        sweep: bool = False,
        targets: Sequence[RepositoryTarget] | None = None,
        stop: Callable[[Sequence[Answer[ForgeFacts]]], bool] | None = None,
    ) -> dict[str, Outcome | None]:
        """Fetch and store; return the outcome of each path. Abort after a page for which `stop` returns true."""
        requested = self.targets(paths) if targets is None else list(targets)
        self.answers = {}
        self._log_start = len(self.server.log)
        asyncio.run(self._fetch(requested, sweep=sweep, stop=stop))
        if stop is None:
            assert self.answers.keys() == {target.coordinate for target in requested}
        return {path: answer.outcome for path, answer in self.answers.items()}

    async def _fetch(
        self,
        targets: Sequence[RepositoryTarget],
        *,
        sweep: bool,
        stop: Callable[[Sequence[Answer[ForgeFacts]]], bool] | None,
    ) -> None:
        world = self.server.world
        token = Token("GH_TOKEN", self.secret or self.server.tokens["github"]) if self.authorized else None
        base_url = self.url or self.server.env["DJPKG_GITHUB_URL"]

        def clock() -> datetime:
            return world.now + (self.pauses.span if self.pauses else timedelta(0))

        others = iter(self.other_tokens)
        async with GitHub(
            base_url=base_url, token=token, other_tokens=others, limits=self.limits, clock=clock
        ) as source:
            self.source = source
            async with aclosing(source.fetch(targets, now=world.now, sweep=sweep)) as pages:
                async for page in pages:
                    self._store(page)
                    if stop is not None and stop(page):
                        return

    def _store(self, page: Sequence[Answer[ForgeFacts]]) -> None:
        assert page
        for answer in page:
            path = answer.coordinate
            assert path not in self.answers, f"{path} was answered twice"
            if answer.facts is not None:
                assert answer.outcome not in {Outcome.FAILED, Outcome.DEFERRED}
                stored = combine_facts(self.facts.get(path), answer.facts)
                assert isinstance(stored, ForgeFacts)
                self.facts[path] = stored
            if answer.etag is not None:
                self.etags[path] = answer.etag
            if answer.outcome is not None:
                self.answers[path] = answer

    def reason(self, path: str) -> str:
        return self.answers[path].reason

    def weekly_counts(self, path: str) -> list[int]:
        facts = self.facts[path].weeks
        assert facts is not None
        return weekly_commits.weekly_counts(facts.days, as_of=self.server.world.now)

    def contributors(self, path: str) -> tuple[str, ...]:
        facts = self.facts[path].contributors
        assert facts is not None
        return facts.names

    def request_counts(self) -> Counter[str]:
        """The number of requests of each kind that the server received during the last fetch."""
        return Counter(_request_kind(request) for request in self.server.log[self._log_start :])

    @property
    def requests_sent(self) -> int:
        """The number of requests that the client counted during the last fetch."""
        assert self.source is not None
        return self.source.spent.requests

    def assert_stored(self, repo: Repo, path: str | None = None) -> None:
        """Assert that the stored facts are those of the server."""
        from tests.world.times import utc_text, weekly_counts  # noqa: PLC0415 - only here

        path = path or repo.path
        repository = self.facts[path].repository
        assert repository is not None
        head = repo.head
        assert (repository.path, repository.node_id) == (repo.path, repo.node_id)
        assert (repository.stars, repository.forks, repository.archived) == (repo.stars, repo.forks, repo.archived)
        assert (repository.description, repository.license) == (repo.description or "", repo.license)
        assert repository.head == (head.oid if head else None)
        assert repository.head_at == (utc_text(head.committed) if head else None)
        assert self.weekly_counts(path) == weekly_counts(repo.commits, self.server.world.now)
        if head is not None:
            contributors = self.facts[path].contributors
            assert contributors is not None
            assert (contributors.head, contributors.names) == (head.oid, tuple(repo.logins()))


def _request_kind(request: Request) -> str:
    if request.api == "graphql":
        return "window" if "query Window" in request.subject else "probe"
    last = request.path.rpartition("/")[2]
    if last == "commits":
        return "head" if request.query.get("per_page") == "1" else "window"
    return "contributors" if last == "contributors" else "repository"
