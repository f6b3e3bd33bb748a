"""A world of remote services on loopback, for tests and benchmarks.

world = World()
world.add_package("django-todo", stars=845, commits=[(3, "alice"), 40], releases=[("2.5.0", "2022-11-03")])
with WorldServer(world) as server:
    ...                                # point djpkg at it with server.env
    server.fault("pypi", status=503, times=1)
    world.push("acme/django-todo")
    assert server.charged("github") == 1
"""

from tests.world.model import (
    BITBUCKET,
    CODEBERG,
    GITHUB,
    GITLAB,
    NOW,
    CatalogPackage,
    Commit,
    Project,
    Release,
    Repo,
    normalised,
)
from tests.world.server import WorldServer
from tests.world.times import eastern, utc, weekly
from tests.world.wire import Request
from tests.world.world import World

__all__ = [
    "BITBUCKET",
    "CODEBERG",
    "GITHUB",
    "GITLAB",
    "NOW",
    "CatalogPackage",
    "Commit",
    "Project",
    "Release",
    "Repo",
    "Request",
    "World",
    "WorldServer",
    "eastern",
    "normalised",
    "utc",
    "weekly",
]
