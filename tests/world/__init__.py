"""Test doubles of all remote services: a `World` of packages, and a loopback server for their APIs.

world = World()
world.add_package("django-todo", stars=845, commits=[(3, "alice"), 40], releases=[("2.5.0", "2022-11-03")])
with WorldServer(world) as server:
    ...                                # server.env points djpkg at the server
    server.fault("pypi", status=503, times=1)
    world.push("acme/django-todo")
    assert server.charged("github") == 1
"""

from tests.world.http import Request
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
)
from tests.world.server import WorldServer
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
]
