"""Estimate the requests of a fetch from what is due and what is stored. Sends no request."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from djpkg import config, credentials
from djpkg.fetch.report import QuotaState
from djpkg.fetch.selected import Selected, select, selects_from_list
from djpkg.mirror import fetch_history, queue
from djpkg.model import weekly_commits
from djpkg.model.batch_sizes import (
    CATALOG_PAGE_SIZE,
    COMMITS_BATCH_SIZE,
    ONE_BY_ONE_LIMIT,
    PROBE_BATCH_SIZE,
    SERIAL_LIST_MINIMUM,
)
from djpkg.model.fetch_state import ANONYMOUS
from djpkg.model.freshness import needs_sweep
from djpkg.source_name import FORGES, SourceName
from djpkg.text import pluralize
from djpkg.times import is_same_time, parse_time

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from djpkg.fetch.request import FetchRequest
    from djpkg.model.fetch_state import QuotaRow, Sweep
    from djpkg.model.lookups import ProjectTarget, RepositoryTarget

# The approximate size of Django Packages, before the first sweep.
CATALOG_PACKAGES = 5_800
# Repository, head, commits and contributors, on GitHub without a token and on the other forges.
REQUESTS_PER_REPOSITORY = 4
# The pools of a forge's own server for REST, with and without a token; other servers have pools with their names.
_REST_POOLS = frozenset(("core", "", ANONYMOUS))


class Estimate(NamedTuple):
    """The cost of one source: `least` to `most` requests, and the points of GitHub's GraphQL API.

    `quota` is the rate limit that the cost is charged to, as of the source's last response: that of points if there are
    some, and then `rest_quota` is that of the requests for contributors. `outdated` counts packages whose facts an
    older parser has read, and which are requested anew.
    """

    source: str
    packages: int
    least: int
    most: int
    points: int = 0
    quota: QuotaState | None = None
    rest_quota: QuotaState | None = None
    outdated: int = 0


def estimate_fetch(
    request: FetchRequest, db: sqlite3.Connection, environment: Mapping[str, str], *, now: datetime
) -> list[Estimate]:
    """Estimate a fetch of all packages, or of the selected ones that the mirror has.

    Before the first sweep only the catalog can be estimated, if its list is read. Raises UsageError for an unknown
    category or grid.
    """
    last, outdated = fetch_history.find_sweep(db, SourceName.CATALOG), queue.count_outdated_records(db)
    with_catalog = SourceName.CATALOG in request.sources
    chosen, with_list = Selected(request.packages, (), ()), with_catalog
    if not request.all_packages:
        with_list = last is None and reads_list(db, request, chosen, now=now)
        if not with_list:
            chosen = select(db, request, environment, now=now)
            with_list = reads_list(db, request, chosen, now=now)
    estimates: list[Estimate] = []
    single = len(chosen.names) + (0 if with_list else len(chosen.others))
    if with_list:
        whole = estimate_catalog(last, refetch=request.refetch and request.all_packages, outdated=outdated, now=now)
        estimates.append(whole._replace(least=whole.least + single, most=whole.most + single))
    elif single and with_catalog:
        estimates.append(Estimate(SourceName.CATALOG.value, single, single, single + 2))
    if with_list and last is None:
        return estimates
    only = None if request.all_packages else (*chosen.named, *chosen.others)
    named = chosen.named
    refetch = request.refetch
    repositories = queue.queue_repositories(db, only=only, named=named, now=now, refetch=refetch)
    due = {forge: repositories[forge] for forge in FORGES if forge in request.sources}
    projects = None
    if SourceName.PYPI in request.sources:
        projects = queue.queue_projects(db, only=only, named=named, now=now, refetch=refetch)
        queue.add_django(db, projects, only=only, now=now, refetch=refetch)
    with_token = {
        forge
        for forge, one in due.items()
        if one.targets and next(credentials.find_tokens(forge, environment), None) is not None
    }
    quotas = fetch_history.get_quotas(db)
    return estimates + estimate_sources(
        due, projects, quotas, all_packages=request.all_packages, with_token=with_token, now=now
    )


def reads_list(db: sqlite3.Connection, request: FetchRequest, selected: Selected, *, now: datetime) -> bool:
    """Return whether the catalog's list is read for files and terms: if it never was, or with fewer requests."""
    if SourceName.CATALOG not in request.sources or not selects_from_list(request):
        return False
    last = fetch_history.find_sweep(db, SourceName.CATALOG)
    if last is None:
        return True
    requests = estimate_catalog(last, refetch=False, outdated=queue.count_outdated_records(db), now=now).most
    return not request.refetch and len(selected.others) > requests


def estimate_sources(
    repositories: Mapping[SourceName, queue.RepositoryQueue],
    projects: queue.ProjectQueue | None,
    quotas: Sequence[QuotaRow],
    *,
    all_packages: bool,
    with_token: Collection[SourceName],
    now: datetime,
) -> list[Estimate]:
    """Estimate the forges and PyPI; `with_token` are the forges that get a token."""
    quotas = applicable_quotas(quotas, with_token=with_token, now=now)
    estimates: list[Estimate] = []
    for forge, due in repositories.items():
        targets, packages = due.targets, sum(map(len, due.slugs.values()))
        by_graphql = forge is SourceName.GITHUB and forge in with_token
        if targets and by_graphql and (all_packages or len(targets) > ONE_BY_ONE_LIMIT):
            one = estimate_bulk(targets, packages=packages, quotas=quotas, now=now)
        elif targets:
            hosts = {target.host for target in targets}
            one = estimate_one_by_one(forge, len(targets), packages=packages, quotas=quotas, hosts=hosts)
        else:
            continue
        estimates.append(one._replace(outdated=_count_outdated(due)))
    if projects is not None and projects.targets:
        one = estimate_pypi(projects.targets, packages=sum(map(len, projects.slugs.values())))
        estimates.append(one._replace(outdated=_count_outdated(projects)))
    return estimates


def estimate_catalog(last: Sweep | None, *, refetch: bool, now: datetime, outdated: int = 0) -> Estimate:
    """Estimate the pages of the list, and one request each for grids and categories.

    `outdated` counts the records that an older parser has read.
    """
    packages = last.packages if last else CATALOG_PACKAGES
    if not (refetch or outdated or needs_sweep(last, now=now)):
        packages = min(packages, CATALOG_PAGE_SIZE)
    requests = max(1, ceil(packages / CATALOG_PAGE_SIZE)) + 2
    return Estimate(SourceName.CATALOG.value, packages, requests, requests, outdated=outdated)


def estimate_bulk(
    targets: Sequence[RepositoryTarget], *, packages: int, quotas: Sequence[QuotaRow], now: datetime
) -> Estimate:
    """Estimate GitHub by GraphQL: one probe per 100 repositories, and one query for commits per 25 active ones."""
    number = len(targets)
    start = weekly_commits.window_start(now)
    active = sum(
        target.weeks_head is None
        and not ((updated := parse_time(target.head_at or target.catalog_updated)) and updated < start)
        for target in targets
    )
    # A known repository without the head of its contributors is one to fetch anew.
    contributors = sum(
        target.head is not None
        and target.contributors_head is None
        and not is_same_time(target.catalog_updated, target.head_at)
        for target in targets
    )
    probes = ceil(number / PROBE_BATCH_SIZE)
    return Estimate(
        SourceName.GITHUB.value,
        packages,
        probes + contributors,
        probes + ceil(number / COMMITS_BATCH_SIZE) + number,
        probes + ceil(active / COMMITS_BATCH_SIZE),
        quota=_find_quota(quotas, SourceName.GITHUB, {"graphql"}),
        rest_quota=_find_quota(quotas, SourceName.GITHUB, {"core"}),
    )


def estimate_one_by_one(
    forge: SourceName, repositories: int, *, packages: int, quotas: Sequence[QuotaRow], hosts: Collection[str] = ()
) -> Estimate:
    """Estimate the REST API of a forge; `hosts` are the servers of the repositories, by default its own."""
    most = repositories * REQUESTS_PER_REPOSITORY
    own = _REST_POOLS if not hosts or config.API_BY_SOURCE[forge].host in hosts else frozenset[str]()
    quota = _find_quota(quotas, forge, own.union(hosts))
    return Estimate(forge.value, packages, repositories, most, quota=quota)


def estimate_pypi(targets: Sequence[ProjectTarget], *, packages: int) -> Estimate:
    """Estimate PyPI: the list of serials and the changed projects; for few known projects, one request each."""
    new = sum(target.serial is None for target in targets)
    if len(targets) - new > SERIAL_LIST_MINIMUM:
        return Estimate(SourceName.PYPI.value, packages, 1 + new, 1 + len(targets))
    return Estimate(SourceName.PYPI.value, packages, len(targets), len(targets))


def applicable_quotas(
    quotas: Sequence[QuotaRow], *, with_token: Collection[SourceName], now: datetime
) -> list[QuotaRow]:
    """Return the quotas that the next requests count against: not yet reset, and with or without a token as used."""
    return [
        row
        for row in quotas
        if (row.reset is None or row.reset > now) and (row.pool == ANONYMOUS) != (row.source in with_token)
    ]


def estimate_lines(estimates: Sequence[Estimate]) -> list[str]:
    """Return one line per source."""
    lines = []
    for one in estimates:
        least = "" if one.least == one.most else f"{one.least:,} to "
        line = f"{one.source}: {pluralize(one.packages, 'package')}, {least}{pluralize(one.most, 'request')}"
        if one.points:
            line += f", about {pluralize(one.points, 'point')}"
        if one.outdated:
            line += f", {one.outdated:,} read by an older version"
        left = [_left_text(one.quota, "points" if one.points else "requests"), _left_text(one.rest_quota, "requests")]
        if any(left):
            line += f" ({' and '.join(filter(None, left))} left)"
        lines.append(line)
    return lines


def _count_outdated(due: queue.RepositoryQueue | queue.ProjectQueue) -> int:
    return sum(len(due.slugs.get(coordinate, ())) for coordinate in due.outdated)


def _left_text(quota: QuotaState | None, unit: str) -> str:
    """Return ``4,998 of 5,000 points``; empty for an unknown quota."""
    if quota is None or quota.remaining is None:
        return ""
    limit = f" of {quota.limit:,}" if quota.limit is not None else ""
    return f"{quota.remaining:,}{limit} {unit}"


def _find_quota(quotas: Sequence[QuotaRow], source: SourceName, pools: Collection[str]) -> QuotaState | None:
    """Return the known quota of these pools of a source that has the least left."""
    known = [row for row in quotas if row.source == source.value and row.pool in pools and row.remaining is not None]
    row = min(known, key=lambda row: row.remaining or 0, default=None)
    return None if row is None else QuotaState(row.limit, row.remaining, row.reset)
