"""Estimate the requests of a fetch from what is due and what is stored. Sends no request."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from djpkg import config, credentials
from djpkg.mirror import fetch_history, queue, resolve
from djpkg.model import forge_servers, weekly_commits
from djpkg.model.batch_sizes import FEW_REPOSITORIES, MANY_PROJECTS, PAGE, PROBED, WINDOWED
from djpkg.model.fetch_state import ANONYMOUS
from djpkg.model.freshness import needs_sweep
from djpkg.source_name import FORGES, SourceName
from djpkg.text import pluralize
from djpkg.times import instant

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from djpkg.fetch.request import FetchRequest
    from djpkg.model.fetch_state import QuotaRow, Sweep
    from djpkg.model.lookups import ProjectTarget, RepositoryTarget

# About so many packages the directory lists.
CATALOG_PACKAGES = 5_800
# A repository of the other forges, or of GitHub without a token: its page, its head, its weeks, its contributors.
REQUESTS_PER_REPOSITORY = 4


class Estimate(NamedTuple):
    """What one source would be asked: between `least` and `most` requests; GitHub with a token counts points beside.

    `quota` is what the source said last of what it still allows.
    """

    source: str
    packages: int
    least: int
    most: int
    points: int
    quota: int | None


def estimate_fetch(
    request: FetchRequest, db: sqlite3.Connection, environment: Mapping[str, str], *, now: datetime
) -> list[Estimate]:
    """What a fetch of all, or of the named that the mirror knows, would cost. Reads the mirror and asks nobody."""
    catalog, forges = config.catalog_address(environment), forge_servers.forge_servers(environment)
    named = [
        number for name in request.packages for number in resolve.find_ids(db, name, catalog=catalog, forges=forges)
    ]
    only = None if request.every else named
    prices: list[Estimate] = []
    if SourceName.CATALOG in request.sources:
        if request.every:
            last = fetch_history.find_sweep(db, SourceName.CATALOG)
            prices.append(estimate_catalog(last, full=request.full, now=now))
            if last is None:
                return prices  # what the others would be asked is known once the list is in
        else:
            number = len(request.packages)
            prices.append(Estimate(SourceName.CATALOG.value, number, number, number + 2, 0, None))
    repositories = queue.queue_repositories(db, only=only, now=now)
    wanted = {forge: repositories[forge] for forge in FORGES if forge in request.sources}
    projects = queue.queue_projects(db, only=only, now=now) if SourceName.PYPI in request.sources else None
    trusted = {
        forge for forge, one in wanted.items() if one.asks and credentials.find_token(forge, environment) is not None
    }
    quotas = fetch_history.get_quotas(db)
    return prices + estimate_sources(wanted, projects, quotas, every=request.every, trusted=trusted, now=now)


def estimate_sources(
    repositories: Mapping[SourceName, queue.RepositoryQueue],
    projects: queue.ProjectQueue | None,
    quotas: Sequence[QuotaRow],
    *,
    every: bool,
    trusted: Collection[SourceName],
    now: datetime,
) -> list[Estimate]:
    """What forges and PyPI would cost; `every`: all are asked; `trusted` are the forges that get a token."""
    packages = {forge: sum(map(len, one.slugs.values())) for forge, one in repositories.items()}
    asks = {forge: one.asks for forge, one in repositories.items()}
    quotas = binding_quotas(quotas, trusted=trusted, now=now)
    prices: list[Estimate] = []
    if github := asks.get(SourceName.GITHUB):
        prices.append(
            estimate_github(
                github,
                packages=packages[SourceName.GITHUB],
                in_bulk=SourceName.GITHUB in trusted and (every or len(github) > FEW_REPOSITORIES),
                quotas=quotas,
                now=now,
            )
        )
    prices += estimate_forges(asks, packages=packages, quotas=quotas)
    if projects is not None and projects.asks:
        prices.append(estimate_pypi(projects.asks, packages=sum(map(len, projects.slugs.values()))))
    return prices


def estimate_catalog(last: Sweep | None, *, full: bool, now: datetime) -> Estimate:
    """Pages of the list and one request each for grids and categories; before the first sweep the size is a guess."""
    known = last.packages if last else CATALOG_PACKAGES
    if not (full or needs_sweep(last, now=now)):
        known = min(known, PAGE)
    requests = max(1, ceil(known / PAGE)) + 2
    return Estimate(SourceName.CATALOG.value, known, requests, requests, 0, None)


def estimate_github(
    asks: Sequence[RepositoryTarget], *, packages: int, in_bulk: bool, quotas: Sequence[QuotaRow], now: datetime
) -> Estimate:
    """In bulk: a probe for each hundred, and about a window for each 25 that are not known to be dormant."""
    number = len(asks)
    left = _left(quotas, SourceName.GITHUB)
    if not in_bulk:
        return Estimate(SourceName.GITHUB.value, packages, number, number * REQUESTS_PER_REPOSITORY, 0, left)
    start = weekly_commits.window_start(now)
    unknown = sum(
        ask.weeks_head is None and not ((updated := instant(ask.catalog_updated)) and updated < start) for ask in asks
    )
    probes = ceil(number / PROBED)
    return Estimate(
        SourceName.GITHUB.value,
        packages,
        probes,
        probes + ceil(number / WINDOWED) + number,
        probes + ceil(unknown / WINDOWED),
        left,
    )


def estimate_forges(
    due: Mapping[SourceName, Sequence[RepositoryTarget]],
    *,
    packages: Mapping[SourceName, int],
    quotas: Sequence[QuotaRow],
) -> list[Estimate]:
    """The forges that take one repository at a time."""
    return [
        Estimate(
            forge.value,
            packages[forge],
            len(due[forge]),
            len(due[forge]) * REQUESTS_PER_REPOSITORY,
            0,
            _left(quotas, forge),
        )
        for forge in FORGES
        if forge is not SourceName.GITHUB and due.get(forge)
    ]


def estimate_pypi(asks: Sequence[ProjectTarget], *, packages: int) -> Estimate:
    """One list of serials and what changed since; one request each where few are known."""
    new = sum(ask.serial is None for ask in asks)
    if len(asks) - new > MANY_PROJECTS:
        return Estimate(SourceName.PYPI.value, packages, 1 + new, 1 + len(asks), 0, None)
    return Estimate(SourceName.PYPI.value, packages, len(asks), len(asks), 0, None)


def binding_quotas(quotas: Sequence[QuotaRow], *, trusted: Collection[str], now: datetime) -> list[QuotaRow]:
    """The pools that the next requests are counted in: not those of a window that is over, and of each source either
    those of its token or, where it is not among the `trusted` that get one, that of strangers.
    """
    return [
        row
        for row in quotas
        if (row.reset is None or row.reset > now) and (row.pool == ANONYMOUS) != (row.source in trusted)
    ]


def estimate_lines(prices: Sequence[Estimate]) -> list[str]:
    """One line a source."""
    said = []
    for price in prices:
        least = "" if price.least == price.most else f"{price.least:,} to "
        line = f"{price.source}: {pluralize(price.packages, 'package')}, {least}{pluralize(price.most, 'request')}"
        if price.points:
            line += f", about {pluralize(price.points, 'point')}"
        if price.quota is not None:
            line += f" ({price.quota:,} left when last told)"
        said.append(line)
    return said


def _left(quotas: Sequence[QuotaRow], source: SourceName) -> int | None:
    return min(
        (row.remaining for row in quotas if row.source == source.value and row.remaining is not None), default=None
    )
