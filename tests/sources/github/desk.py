"""Asking GitHub as `refresh` does: what is stored becomes asks, what is answered becomes what is stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.credentials import Token
from djpkg.model import weekly_commits
from djpkg.model.fact_changes import combine
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
    from tests.world.wire import Request

QUICK = Limits(connect=2, attempt=5, total=10, wait=0, backoff=0.001)


@dataclass(slots=True)
class Desk:
    """`facts`, `etags` and `endings` are by path, as they are stored after all that was fetched.

    The clock stands still but for `pauses`.
    """

    server: WorldServer
    authorized: bool = True
    limits: Limits = QUICK
    url: str | None = None
    pauses: Pauses | None = None
    facts: dict[str, ForgeFacts] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    endings: dict[str, Answer[ForgeFacts]] = field(default_factory=dict)
    source: GitHub | None = None
    _heard: int = field(default=0, init=False)

    def asks(self, paths: Iterable[str], **more: str) -> list[RepositoryTarget]:
        return [self._ask(path, more) for path in paths]

    def _ask(self, path: str, more: dict[str, str]) -> RepositoryTarget:
        facts = self.facts.get(path, ForgeFacts())
        page, contributors = facts.repository, facts.contributors
        return RepositoryTarget(
            coordinate=path,
            host="github.com",
            path=path,
            etag=self.etags.get(path),
            node_id=page.node_id if page else None,
            head=page.head if page else None,
            head_at=page.head_at if page else None,
            weeks_head=facts.weeks.head if facts.weeks else None,
            contributors_head=contributors.head if contributors else None,
            contributors_taken=contributors.taken if contributors else None,
            gone=facts.state == "gone",
            **more,  # type: ignore[arg-type]  # what a test states
        )

    def fetch(
        self,
        *paths: str,
        sweep: bool = False,
        asks: Sequence[RepositoryTarget] | None = None,
        stop: Callable[[Sequence[Answer[ForgeFacts]]], bool] | None = None,
    ) -> dict[str, Outcome | None]:
        """Fetches and stores; `stop` is asked after each stored page whether the program is killed there."""
        asked = self.asks(paths) if asks is None else list(asks)
        self.endings = {}
        self._heard = len(self.server.log)
        asyncio.run(self._fetch(asked, sweep=sweep, stop=stop))
        if stop is None:
            assert self.endings.keys() == {ask.coordinate for ask in asked}
        return {path: answer.outcome for path, answer in self.endings.items()}

    async def _fetch(
        self,
        asks: Sequence[RepositoryTarget],
        *,
        sweep: bool,
        stop: Callable[[Sequence[Answer[ForgeFacts]]], bool] | None,
    ) -> None:
        world = self.server.world
        token = Token("GH_TOKEN", self.server.tokens["github"]) if self.authorized else None
        base_url = self.url or self.server.env["DJPKG_GITHUB_URL"]

        def clock() -> datetime:
            return world.now + (self.pauses.span if self.pauses else timedelta(0))

        async with GitHub(base_url=base_url, token=token, limits=self.limits, clock=clock) as source:
            self.source = source
            async with aclosing(source.fetch(asks, now=world.now, sweep=sweep)) as pages:
                async for page in pages:
                    self._store(page)
                    if stop is not None and stop(page):
                        return

    def _store(self, page: Sequence[Answer[ForgeFacts]]) -> None:
        assert page
        for answer in page:
            path = answer.coordinate
            assert path not in self.endings, f"{path} had ended"
            if answer.facts is not None:
                assert answer.outcome not in {Outcome.FAILED, Outcome.DEFERRED}
                kept = combine(self.facts.get(path), answer.facts)
                assert isinstance(kept, ForgeFacts)
                self.facts[path] = kept
            if answer.etag is not None:
                self.etags[path] = answer.etag
            if answer.outcome is not None:
                self.endings[path] = answer

    def reason(self, path: str) -> str:
        return self.endings[path].reason

    def counts(self, path: str) -> list[int]:
        facts = self.facts[path].weeks
        assert facts is not None
        return weekly_commits.counts(facts.days, as_of=self.server.world.now)

    def names(self, path: str) -> tuple[str, ...]:
        facts = self.facts[path].contributors
        assert facts is not None
        return facts.names

    def kinds(self) -> Counter[str]:
        """How many requests of each kind the server had from the last fetch."""
        return Counter(_kind(request) for request in self.server.log[self._heard :])

    @property
    def sent(self) -> int:
        """How many requests the last fetch counted."""
        assert self.source is not None
        return self.source.spent.requests

    def agrees(self, repo: Repo, path: str | None = None) -> None:
        """What is stored is what the world has."""
        from tests.world.times import utc, weekly  # noqa: PLC0415 - only here

        path = path or repo.path
        page = self.facts[path].repository
        assert page is not None
        head = repo.head
        assert (page.path, page.node_id) == (repo.path, repo.node_id)
        assert (page.stars, page.forks, page.archived) == (repo.stars, repo.forks, repo.archived)
        assert (page.description, page.license) == (repo.description or "", repo.license)
        assert page.head == (head.oid if head else None)
        assert page.head_at == (utc(head.committed) if head else None)
        assert self.counts(path) == weekly(repo.commits, self.server.world.now)
        if head is not None:
            contributors = self.facts[path].contributors
            assert contributors is not None
            assert (contributors.head, contributors.names) == (head.oid, tuple(repo.logins()))


def _kind(request: Request) -> str:
    if request.api == "graphql":
        return "window" if "query Window" in request.subject else "probe"
    last = request.path.rpartition("/")[2]
    if last == "commits":
        return "head" if request.query.get("per_page") == "1" else "window"
    return "contributors" if last == "contributors" else "repository"
