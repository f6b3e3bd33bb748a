"""What a fetch cannot be quicker than, and what it would have cost to ask for everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from djpkg.sources.github import source as github
from djpkg.sources.github.lookup import MAX_CONCURRENT
from djpkg.sources.pypi import source as pypi
from djpkg.sources.rest_forge import forge

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

REST_CALLS = 4
"""What a fetcher without GraphQL and without validators asks about a repository: page, head, commits, contributors."""
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """What one API was asked in one phase, as the world counted it."""

    requests: int = 0
    charged: int = 0
    points: int = 0
    bytes: int = 0
    missing: int = 0
    """How many were answered with 404."""


def parse_stats(stats: Mapping[str, Mapping[str, Any]]) -> dict[str, ApiUsage]:
    """From the world's own statistics."""
    names = ("requests", "charged", "points", "bytes")
    return {
        api: ApiUsage(**{name: told[name] for name in names}, missing=told["statuses"].get("404", 0))
        for api, told in stats.items()
    }


def minimum_seconds(asked: Mapping[str, ApiUsage], latency: Mapping[str, float]) -> float:
    """Seconds that latency, pace and manners set: the catalog one request at a time, then the longest of the lanes."""

    def requests(api: str) -> int:
        return asked.get(api, ApiUsage()).requests

    def seconds(api: str, at_once: int) -> float:
        return -(-requests(api) // at_once) * latency.get(api, 0.0)

    pace = max(0, requests("github") - 1) // github.REQUESTS_PER_MINUTE * _MINUTE
    projects = max(0, requests("pypi") - 1)
    lanes = [
        seconds("graphql", 1),
        max(seconds("github", MAX_CONCURRENT), pace),
        (min(1, requests("pypi")) - (-projects // pypi.MAX_CONCURRENT)) * latency.get("pypi", 0.0),
        *(seconds(api, forge.MAX_CONCURRENT) for api in ("gitlab", "bitbucket", "codeberg")),
    ]
    return seconds("catalog", 1) + max(lanes)


def naive_requests(db: sqlite3.Connection) -> dict[str, int]:
    """Requests by API of a fetcher that asks REST about each repository and PyPI about each project."""
    ((repositories, projects),) = db.execute(
        "SELECT count(DISTINCT CASE forge WHEN 'github' THEN repository_key END), count(DISTINCT pypi_name)"
        " FROM packages"
    )
    return {"github": repositories * REST_CALLS, "pypi": projects}
