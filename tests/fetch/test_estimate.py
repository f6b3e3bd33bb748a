from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from djpkg.fetch.estimate import (
    binding_quotas,
    estimate_catalog,
    estimate_forges,
    estimate_github,
    estimate_lines,
    estimate_pypi,
)
from djpkg.model.fetch_state import QuotaRow, Sweep
from djpkg.model.lookups import ProjectTarget, RepositoryTarget
from djpkg.source_name import SourceName

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
FRESH = RepositoryTarget(coordinate="github.com/a/b", host="github.com", path="a/b")
KNOWN = replace(FRESH, head="h", weeks_head="h", contributors_head="h")


def quota(remaining: int | None, pool: str = "", source: str = "github") -> QuotaRow:
    return QuotaRow(source, pool, 5000, remaining, None, None)


@pytest.mark.parametrize(
    ("last", "full", "requests"),
    [
        (None, False, 26),
        (Sweep(NOW - timedelta(hours=1), 5800, 9), False, 3),
        (Sweep(NOW - timedelta(hours=1), 5800, 9), True, 26),
        (Sweep(NOW - timedelta(days=1), 5750, 9), False, 25),
        (Sweep(NOW - timedelta(days=1), 5751, 9), False, 26),
    ],
)
def test_the_catalog_is_pages_and_one_request_each_for_grids_and_categories(
    last: Sweep | None,
    full: bool,  # noqa: FBT001 - a column
    requests: int,
) -> None:
    price = estimate_catalog(last, full=full, now=NOW)
    assert (price.least, price.most) == (requests, requests)


def test_a_cold_directory_at_github_costs_a_probe_a_hundred_and_a_window_for_25() -> None:
    price = estimate_github([FRESH] * 5336, packages=5400, in_bulk=True, quotas=[], now=NOW)
    assert price.points == 54 + 214
    assert (price.least, price.most, price.packages) == (54, 54 + 214 + 5336, 5400)


def test_a_directory_that_is_known_costs_its_probes_and_what_may_have_moved() -> None:
    price = estimate_github([KNOWN] * 5336, packages=5400, in_bulk=True, quotas=[], now=NOW)
    assert (price.points, price.least, price.most) == (54, 54, 54 + 214 + 5336)


def test_what_the_catalog_says_had_no_commit_for_a_year_needs_no_window() -> None:
    dormant = replace(FRESH, catalog_updated="2025-01-01T00:00:00Z")
    recent = replace(FRESH, catalog_updated="2026-01-01T00:00:00Z")
    price = estimate_github([dormant] * 100 + [recent] * 26, packages=126, in_bulk=True, quotas=[], now=NOW)
    assert (price.points, price.least) == (2 + 2, 2)


def test_without_a_token_each_repository_is_asked_for_by_itself() -> None:
    price = estimate_github([KNOWN] * 3, packages=3, in_bulk=False, quotas=[quota(42, "anonymous")], now=NOW)
    assert (price.least, price.most, price.points, price.quota) == (3, 12, 0, 42)


def test_the_tightest_pool_of_those_that_will_be_asked_is_told() -> None:
    pools = [quota(42, "core"), quota(7, "graphql"), quota(0, "anonymous"), quota(1, "", "gitlab")]
    over = quota(3, "core")._replace(reset=NOW - timedelta(seconds=1))
    open_still = quota(30, "core")._replace(reset=NOW + timedelta(seconds=1))
    assert binding_quotas(pools, trusted=set(), now=NOW) == [pools[2]]
    assert binding_quotas(pools, trusted={"github", "gitlab"}, now=NOW) == [pools[0], pools[1], pools[3]]
    assert binding_quotas([over, open_still], trusted={SourceName.GITHUB}, now=NOW) == [open_still]
    assert estimate_github([KNOWN], packages=1, in_bulk=True, quotas=[*pools[:2], pools[3]], now=NOW).quota == 7
    assert estimate_github([KNOWN], packages=1, in_bulk=True, quotas=[], now=NOW).quota is None


def test_the_other_forges_are_told_where_there_is_something_to_ask() -> None:
    due = {SourceName.GITLAB: [FRESH] * 2, SourceName.BITBUCKET: [], SourceName.GITHUB: [FRESH]}
    told = estimate_forges(due, packages=dict.fromkeys(SourceName, 9), quotas=[quota(5, "", "gitlab")])
    assert [(one.source, one.packages, one.least, one.most, one.quota) for one in told] == [("gitlab", 9, 2, 8, 5)]


@pytest.mark.parametrize(
    ("known", "new", "least", "most"),
    [(3, 0, 3, 3), (300, 0, 300, 300), (301, 0, 1, 302), (5000, 7, 8, 5008), (0, 5000, 5000, 5000)],
)
def test_many_projects_cost_one_list_and_what_changed(known: int, new: int, least: int, most: int) -> None:
    asks = [ProjectTarget(coordinate="a", serial=1)] * known + [ProjectTarget(coordinate="b")] * new
    price = estimate_pypi(asks, packages=1)
    assert (price.least, price.most) == (least, most)


def test_nothing_due_costs_nothing() -> None:
    assert estimate_pypi([], packages=0).most == 0
    assert estimate_github([], packages=0, in_bulk=True, quotas=[], now=NOW).most == 0
    assert estimate_forges({}, packages={}, quotas=[]) == []


def test_a_price_is_a_line() -> None:
    told = [
        estimate_github([KNOWN] * 5336, packages=5400, in_bulk=True, quotas=[quota(4999, "graphql")], now=NOW),
        estimate_pypi([ProjectTarget(coordinate="a")], packages=1),
    ]
    assert estimate_lines(told) == [
        "github: 5,400 packages, 54 to 5,604 requests, about 54 points (4,999 left when last told)",
        "pypi: 1 package, 1 request",
    ]
