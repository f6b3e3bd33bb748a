"""The minimum time of a fetch, and the number of requests of a naive one."""

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
"""REST requests per repository without GraphQL and validators: repository, head, commits, contributors."""
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class ApiUsage:
    """The use of one API during one fetch, as counted by the world."""

    requests: int = 0
    charged: int = 0
    points: int = 0
    bytes: int = 0
    missing: int = 0
    """Number of responses with status 404."""


def parse_stats(stats: Mapping[str, Mapping[str, Any]]) -> dict[str, ApiUsage]:
    """Return the usage by API from the world's statistics."""
    names = ("requests", "charged", "points", "bytes")
    return {
        api: ApiUsage(**{name: counts[name] for name in names}, missing=counts["statuses"].get("404", 0))
        for api, counts in stats.items()
    }


def minimum_seconds(usage: Mapping[str, ApiUsage], latency: Mapping[str, float]) -> float:
    """Return the seconds that latency and rate limits require: the catalog, then the slowest of the other sources."""

    def requests(api: str) -> int:
        return usage.get(api, ApiUsage()).requests

    def seconds(api: str, concurrency: int) -> float:
        return -(-requests(api) // concurrency) * latency.get(api, 0.0)

    pace = max(0, requests("github") - 1) // github.REQUESTS_PER_MINUTE * _MINUTE
    projects = max(0, requests("pypi") - 1)
    sources = [
        seconds("graphql", 1),
        max(seconds("github", MAX_CONCURRENT), pace),
        (min(1, requests("pypi")) - (-projects // pypi.MAX_CONCURRENT)) * latency.get("pypi", 0.0),
        *(seconds(api, forge.MAX_CONCURRENT) for api in ("gitlab", "bitbucket", "codeberg")),
    ]
    return seconds("catalog", 1) + max(sources)


def naive_requests(db: sqlite3.Connection) -> dict[str, int]:
    """Return the requests by API of a fetch with REST for each repository and one PyPI request per project."""
    ((repositories, projects),) = db.execute(
        "SELECT count(DISTINCT CASE forge WHEN 'github' THEN repository_key END), count(DISTINCT pypi_name)"
        " FROM packages"
    )
    return {"github": repositories * REST_CALLS, "pypi": projects}
