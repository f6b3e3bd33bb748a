from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from djpkg.fetch.estimate import (
    applicable_quotas,
    estimate_bulk,
    estimate_catalog,
    estimate_lines,
    estimate_one_by_one,
    estimate_pypi,
    estimate_sources,
)
from djpkg.fetch.report import QuotaState
from djpkg.mirror.queue import RepositoryQueue
from djpkg.model.fetch_state import QuotaRow, Sweep
from djpkg.model.lookups import ProjectTarget, RepositoryTarget
from djpkg.source_name import SourceName

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
FRESH = RepositoryTarget(coordinate="github.com/a/b", host="github.com", path="a/b")
KNOWN = replace(FRESH, head="h", weeks_head="h", contributors_head="h")


def quota(remaining: int | None, pool: str = "", source: str = "github") -> QuotaRow:
    return QuotaRow(source, pool, 5000, remaining, None, None)


def left(remaining: int) -> QuotaState:
    return QuotaState(5000, remaining, None)


@pytest.mark.parametrize(
    ("last", "refetch", "requests"),
    [
        (None, False, 26),
        (Sweep(NOW - timedelta(hours=1), 5800, 9), False, 3),
        (Sweep(NOW - timedelta(hours=1), 5800, 9), True, 26),
        (Sweep(NOW - timedelta(days=1), 5750, 9), False, 25),
        (Sweep(NOW - timedelta(days=1), 5751, 9), False, 26),
    ],
)
def test_the_catalog_costs_its_pages_and_one_request_each_for_grids_and_categories(
    last: Sweep | None,
    refetch: bool,  # noqa: FBT001 - a column
    requests: int,
) -> None:
    estimate = estimate_catalog(last, refetch=refetch, now=NOW)
    assert (estimate.least, estimate.most) == (requests, requests)


def test_a_first_bulk_fetch_costs_one_probe_per_100_and_one_query_for_commits_per_25() -> None:
    estimate = estimate_bulk([FRESH] * 5336, packages=5400, quotas=[], now=NOW)
    assert estimate.points == 54 + 214
    assert (estimate.least, estimate.most, estimate.packages) == (54, 54 + 214 + 5336, 5400)


def test_a_later_bulk_fetch_costs_at_least_its_probes() -> None:
    estimate = estimate_bulk([KNOWN] * 5336, packages=5400, quotas=[], now=NOW)
    assert (estimate.points, estimate.least, estimate.most) == (54, 54, 54 + 214 + 5336)


def test_repositories_without_a_commit_for_a_year_need_no_query_for_commits() -> None:
    dormant = replace(FRESH, catalog_updated="2025-01-01T00:00:00Z")
    recent = replace(FRESH, catalog_updated="2026-01-01T00:00:00Z")
    estimate = estimate_bulk([dormant] * 100 + [recent] * 26, packages=126, quotas=[], now=NOW)
    assert (estimate.points, estimate.least) == (2 + 2, 2)


def test_without_a_token_each_repository_costs_its_own_requests() -> None:
    estimate = estimate_one_by_one(SourceName.GITHUB, 3, packages=3, quotas=[quota(42, "anonymous")])
    assert (estimate.least, estimate.most, estimate.points) == (3, 12, 0)
    assert (estimate.quota, estimate.rest_quota) == (left(42), None)


def test_the_quota_is_that_of_the_pool_to_which_the_cost_is_charged() -> None:
    pools = [quota(42, "core"), quota(7, "graphql"), quota(0, "anonymous"), quota(1, "", "gitlab")]
    reset = quota(3, "core")._replace(reset=NOW - timedelta(seconds=1))
    not_reset = quota(30, "core")._replace(reset=NOW + timedelta(seconds=1))
    assert applicable_quotas(pools, with_token=set(), now=NOW) == [pools[2]]
    assert applicable_quotas(pools, with_token={SourceName.GITHUB, SourceName.GITLAB}, now=NOW) == [
        pools[0],
        pools[1],
        pools[3],
    ]
    assert applicable_quotas([reset, not_reset], with_token={SourceName.GITHUB}, now=NOW) == [not_reset]
    bulk = estimate_bulk([KNOWN], packages=1, quotas=[*pools[:2], pools[3]], now=NOW)
    assert (bulk.quota, bulk.rest_quota) == (left(7), left(42))
    few = estimate_one_by_one(SourceName.GITHUB, 1, packages=1, quotas=[*pools[:2], pools[3]])
    assert (few.quota, few.rest_quota) == (left(42), None)
    unknown = estimate_bulk([KNOWN], packages=1, quotas=[], now=NOW)
    assert (unknown.quota, unknown.rest_quota) == (None, None)


def test_repositories_on_another_server_are_charged_to_the_quota_of_that_server() -> None:
    pools = [quota(9, "", "gitlab"), quota(4, "gitlab.example.org", "gitlab")]
    for hosts, remaining in (
        ({"gitlab.com"}, 9),
        ({"gitlab.example.org"}, 4),
        ({"gitlab.example.org", "gitlab.com"}, 4),
    ):
        one = estimate_one_by_one(SourceName.GITLAB, 1, packages=1, quotas=pools, hosts=hosts)
        assert one.quota == left(remaining)


def test_forges_are_estimated_only_if_they_have_targets() -> None:
    due = {
        SourceName.GITLAB: RepositoryQueue([replace(FRESH, host="gitlab.com")] * 2, {"a": ("x", "y"), "b": ("z",)}),
        SourceName.BITBUCKET: RepositoryQueue([], {}),
    }
    quotas = [quota(5, "", "gitlab")]
    estimates = estimate_sources(
        due, None, quotas, all_packages=True, with_token={SourceName.GITLAB, SourceName.BITBUCKET}, now=NOW
    )
    assert [(one.source, one.packages, one.least, one.most) for one in estimates] == [("gitlab", 3, 2, 8)]
    assert estimates[0].quota == left(5)


@pytest.mark.parametrize(
    ("known", "new", "least", "most"),
    [(3, 0, 3, 3), (300, 0, 300, 300), (301, 0, 1, 302), (5000, 7, 8, 5008), (0, 5000, 5000, 5000)],
)
def test_many_known_projects_cost_one_list_and_changed_projects(known: int, new: int, least: int, most: int) -> None:
    targets = [ProjectTarget(coordinate="a", serial=1)] * known + [ProjectTarget(coordinate="b")] * new
    estimate = estimate_pypi(targets, packages=1)
    assert (estimate.least, estimate.most) == (least, most)


def test_no_targets_cost_no_requests() -> None:
    assert estimate_pypi([], packages=0).most == 0
    assert estimate_bulk([], packages=0, quotas=[], now=NOW).most == 0


def test_each_estimate_is_one_line() -> None:
    estimates = [
        estimate_bulk([KNOWN] * 5336, packages=5400, quotas=[quota(4999, "graphql"), quota(4990, "core")], now=NOW),
        estimate_bulk([KNOWN], packages=1, quotas=[quota(4990, "core")], now=NOW),
        estimate_one_by_one(SourceName.GITLAB, 1, packages=1, quotas=[quota(7, "", "gitlab")._replace(limit=None)]),
        estimate_pypi([ProjectTarget(coordinate="a")], packages=1),
    ]
    left_in_both = " (4,999 of 5,000 points and 4,990 of 5,000 requests left)"
    assert estimate_lines(estimates) == [
        "github: 5,400 packages, 54 to 5,604 requests, about 54 points" + left_in_both,
        "github: 1 package, 1 to 3 requests, about 1 point (4,990 of 5,000 requests left)",
        "gitlab: 1 package, 1 to 4 requests (7 requests left)",
        "pypi: 1 package, 1 request",
    ]
