"""Fetching from one source: targets for the world's repositories, all answers of a fetch, expected values."""

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

    from djpkg.sources.source import Answer, FactsT
    from tests.world import Repo

FEW_ATTEMPTS = Limits(connect=30, attempt=30, total=60, wait=0, attempts=2, backoff=0.01, stream=60, body=1 << 20)
"""Limits that end tests of failing servers soon."""


def target_for(repo: Repo, path: str | None = None, **stored: Any) -> RepositoryTarget:
    path = path or repo.path
    return RepositoryTarget(coordinate=f"{repo.host}/{path}".lower(), host=repo.host, path=path, **stored)


def with_answer(target: RepositoryTarget, answer: Answer[ForgeFacts]) -> RepositoryTarget:
    """Return the target of the next fetch, after the answer was stored."""
    facts = answer.facts or ForgeFacts()
    repository, weeks, contributors = facts.repository, facts.weeks, facts.contributors
    if answer.etag is not None:
        target = replace(target, etag=answer.etag)
    if repository is not None:
        target = replace(target, node_id=repository.node_id, head=repository.head, head_at=repository.head_at)
    if weeks is not None:
        target = replace(target, weeks_head=weeks.head)
    if contributors is not None:
        target = replace(target, contributors_head=contributors.head, contributors_taken=contributors.taken)
    return target


def fetch_pages(source: Any, targets: Sequence[Any], *, now: datetime = NOW) -> list[list[Answer[Any]]]:
    async def run() -> list[list[Answer[Any]]]:
        async with source, aclosing(source.fetch(targets, now=now, sweep=False)) as pages:
            return [list(page) async for page in pages]

    return asyncio.run(run())


def fetch(source: Any, targets: Sequence[Any], *, now: datetime = NOW) -> dict[str, Answer[Any]]:
    """Return the final answer of each coordinate, merged with the partial answers before it."""
    partial: dict[str, ForgeFacts] = {}
    final: dict[str, Answer[Any]] = {}
    for page in fetch_pages(source, targets, now=now):
        for answer in page:
            assert answer.coordinate not in final
            facts = answer.facts
            if isinstance(facts, ForgeFacts) and (before := partial.get(answer.coordinate)) is not None:
                facts = _merge(before, facts)
            elif facts is None:
                facts = partial.get(answer.coordinate)
            if isinstance(facts, ForgeFacts):
                partial[answer.coordinate] = facts
            if answer.outcome is not None:
                final[answer.coordinate] = replace(answer, facts=facts)
    assert sorted(final) == sorted(target.coordinate for target in targets)
    return final


def fetch_one(source: Any, target: Any, *, now: datetime = NOW) -> Answer[Any]:
    return fetch(source, [target], now=now)[target.coordinate]


def facts_of(answer: Answer[FactsT]) -> FactsT:
    """Return the facts of an answer that has some."""
    assert answer.facts is not None
    return answer.facts


def days_of(repo: Repo, *, now: datetime = NOW) -> dict[str, int]:
    """Return the commits per author day in the window; Bitbucket has only committer dates."""
    start = weekly_commits.window_start(now)
    dates = [commit.committed if repo.host == BITBUCKET else commit.authored for commit in repo.commits]
    return dict(sorted(Counter(date.date().isoformat() for date in dates if date >= start).items()))


def head_of(repo: Repo) -> tuple[str | None, str | None]:
    head = repo.head
    return (None, None) if head is None else (head.oid, times.format_time(head.committed))


def outcomes(answers: Iterable[Answer[Any]]) -> Counter[str]:
    return Counter(str(answer.outcome) for answer in answers)


def _merge(before: ForgeFacts, after: ForgeFacts) -> ForgeFacts:
    return ForgeFacts(
        state=after.state,
        repository=after.repository or before.repository,
        weeks=after.weeks or before.weeks,
        contributors=after.contributors or before.contributors,
    )
