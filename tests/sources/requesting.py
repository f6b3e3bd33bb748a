"""How tests ask a source: what the world holds as asks, all answers of one fetch, and what they ought to say."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from djpkg import times
from djpkg.model import weekly_commits
from djpkg.model.facts import ForgeFacts
from djpkg.model.lookups import RepositoryTarget
from djpkg.sources.http.retry import Limits
from tests.world import BITBUCKET, NOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from djpkg.sources.source import Answer
    from tests.world import Repo

IMPATIENT = Limits(connect=1, attempt=0.5, total=1, wait=0, attempts=2, backoff=0.01, stream=5)
"""Bounds with which a test of a server that misbehaves is soon over."""


def ask_for(repo: Repo, path: str | None = None, **stored: Any) -> RepositoryTarget:
    path = path or repo.path
    return RepositoryTarget(coordinate=f"{repo.host}/{path}".lower(), host=repo.host, path=path, **stored)


def ask_again(ask: RepositoryTarget, answer: Answer[ForgeFacts]) -> RepositoryTarget:
    """The same ask, once what was answered is stored."""
    facts = answer.facts or ForgeFacts()
    page, said_weeks, people = facts.repository, facts.weeks, facts.contributors
    if answer.etag is not None:
        ask = replace(ask, etag=answer.etag)
    if page is not None:
        ask = replace(ask, node_id=page.node_id, head=page.head, head_at=page.head_at)
    if said_weeks is not None:
        ask = replace(ask, weeks_head=said_weeks.head)
    if people is not None:
        ask = replace(ask, contributors_head=people.head, contributors_taken=people.taken)
    return ask


def fetch_pages(source: Any, asks: Sequence[Any], *, now: datetime = NOW) -> list[list[Answer[Any]]]:
    async def run() -> list[list[Answer[Any]]]:
        async with source, aclosing(source.fetch(asks, now=now, sweep=False)) as pages:
            return [list(page) async for page in pages]

    return asyncio.run(run())


def fetch(source: Any, asks: Sequence[Any], *, now: datetime = NOW) -> dict[str, Answer[Any]]:
    """The final answer of each coordinate, with the parts of the facts that went before it; one for each ask."""
    said: dict[str, ForgeFacts] = {}
    final: dict[str, Answer[Any]] = {}
    for page in fetch_pages(source, asks, now=now):
        for answer in page:
            assert answer.coordinate not in final
            facts = answer.facts
            if isinstance(facts, ForgeFacts) and (before := said.get(answer.coordinate)) is not None:
                facts = _joined(before, facts)
            elif facts is None:
                facts = said.get(answer.coordinate)
            if isinstance(facts, ForgeFacts):
                said[answer.coordinate] = facts
            if answer.outcome is not None:
                final[answer.coordinate] = replace(answer, facts=facts)
    assert sorted(final) == sorted(ask.coordinate for ask in asks)
    return final


def fetch_one(source: Any, ask: Any, *, now: datetime = NOW) -> Answer[Any]:
    return fetch(source, [ask], now=now)[ask.coordinate]


def days_of(repo: Repo, *, now: datetime = NOW) -> dict[str, int]:
    """The author days of the window as the world holds them; Bitbucket tells the committer's dates only."""
    start = weekly_commits.window_start(now)
    dates = [commit.committed if repo.host == BITBUCKET else commit.authored for commit in repo.commits]
    return dict(sorted(Counter(date.date().isoformat() for date in dates if date >= start).items()))


def head_of(repo: Repo) -> tuple[str | None, str | None]:
    head = repo.head
    return (None, None) if head is None else (head.oid, times.stamp(head.committed))


def outcomes(answers: Iterable[Answer[Any]]) -> Counter[str]:
    return Counter(str(answer.outcome) for answer in answers)


def _joined(before: ForgeFacts, after: ForgeFacts) -> ForgeFacts:
    return ForgeFacts(
        state=after.state,
        repository=after.repository or before.repository,
        weeks=after.weeks or before.weeks,
        contributors=after.contributors or before.contributors,
    )
