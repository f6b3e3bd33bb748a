"""Let time pass in a generated world."""

# ruff: noqa: S311 - the same world from the same seed

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.world.generate import SeededHistory

if TYPE_CHECKING:
    from tests.world.model import Repo
    from tests.world.world import World


def advance(
    world: World,
    *,
    days: float = 1,
    moved: float = 0.04,
    released: float = 0.01,
    starred: float = 0.1,
    added: int = 2,
    seed: int = 1,
) -> dict[str, list[str]]:
    """Let `days` pass and return what changed, by kind.

    The shares are: `moved` of all repositories get commits (mostly active ones), `released` of the projects get a
    release, `starred` of the live repositories get stars. The catalog lists `added` new packages; its other records
    are not refreshed.
    """
    rng = random.Random(f"{seed} {world.now}")
    before = world.now
    world.now += timedelta(days=days)
    live = [repo for repo in world.repositories.values() if repo.state == "ok" and not repo.archived]
    active = [repo for repo in live if _is_active(repo)]
    idle = [repo for repo in live if not _is_active(repo)]
    count = min(len(live), round(moved * len(world.repositories)))
    from_active = min(len(active), round(count * 0.85) if idle else count)
    changed: dict[str, list[str]] = {"moved": [], "released": [], "starred": [], "added": []}
    for repo in rng.sample(active, from_active) + rng.sample(idle, min(len(idle), count - from_active)):
        when = before + timedelta(seconds=int(rng.random() * max(1, days * 86_400 - 600)))
        logins = repo.logins()
        login = f"newcomer{rng.randrange(10_000)}" if rng.random() < 0.2 or not logins else rng.choice(logins)
        world.push(repo, when, login=login, count=rng.choice((1, 1, 1, 2, 4)))
        changed["moved"].append(f"{repo.host}/{repo.path}")
    projects = [project for project in world.projects.values() if project.served]
    for project in rng.sample(projects, round(released * len(projects))):
        world.release(project, f"{len(project.releases) + 9}.0", before + timedelta(days=days * rng.random()))
        changed["released"].append(project.name)
    for repo in rng.sample(live, round(starred * len(live))):
        count = rng.choice((-1, 1, 1, 2))
        world.star(repo, count if repo.stars else abs(count))
        changed["starred"].append(f"{repo.host}/{repo.path}")
    for _ in range(added):
        number = max(world.packages, default=0) + 1
        package = world.add_package(
            f"django-new-{number}", id=number, commits=[0.5, 1, 2], stars=1, releases=[("0.1", 1)], created=0.5
        )
        changed["added"].append(package.slug)
    return changed


def _is_active(repo: Repo) -> bool:
    return bool(repo.recent or (isinstance(repo.past, SeededHistory) and repo.past.weeks))
