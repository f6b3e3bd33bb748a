"""Compare a fetched mirror with the world: a fast fetch must also be correct."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from djpkg.mirror.connection import open_read
from djpkg.mirror.read import get_values
from djpkg.model import fields
from djpkg.times import is_same_time
from tests.fetching import expected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import CatalogPackage, World

SAMPLE_SIZE = 200


def compare(world: World, mirror: Path) -> tuple[int, int, list[str]]:
    """Return the number of correct packages, the number compared, and the differences."""
    chosen = [package for package in world.packages.values() if _is_plain(world, package)]
    chosen = random.Random(1).sample(chosen, min(SAMPLE_SIZE, len(chosen)))  # noqa: S311 - any sample
    differences = []
    correct = 0
    with open_read(mirror) as db:
        for package in chosen:
            shown = get_values(db, package.id, fields.RECORD_COLUMNS)
            stated = expected(world, package)
            wrong = [name for name, value in stated.items() if not _same(name, value, shown[name])]
            correct += not wrong
            differences += [f"{package.slug} {name}: {shown[name]!r}, not {stated[name]!r}" for name in wrong]
    return correct, len(chosen), differences


def _is_plain(world: World, package: CatalogPackage) -> bool:
    """Return whether `expected` covers the package: it has no repository, or an accessible one on GitHub."""
    if not package.repo_url:
        return True
    path = package.repo_url.partition("github.com/")[2]
    repo = world.find_repo("github.com", path)
    return repo is not None and repo.state == "ok"


def _same(name: str, stated: Any, shown: Any) -> bool:
    """Compare two values; `last_fetched` is ignored, and times may differ in format."""
    if name == "last_fetched":
        return True
    if name == "last_updated":
        return bool(stated == shown or is_same_time(stated, shown))
    return list(stated) == list(shown) if isinstance(stated, (list, tuple)) else bool(stated == shown)
