"""Fetch from the test world into a mirror, and read the results."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from djpkg.fetch import run
from djpkg.fetch.progress import NoProgress
from djpkg.fetch.request import FetchRequest
from djpkg.mirror import busy, fetch_history, read
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.write import Writer
from djpkg.model import fields
from djpkg.render import json as render_json
from djpkg.source_name import SourceName
from djpkg.sources.http.retry import Limits
from djpkg.times import format_time
from tests.world import GITHUB
from tests.world.times import utc_text, weekly_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from djpkg.fetch.progress import Progress
    from djpkg.fetch.report import Report
    from djpkg.mirror.busy import BusyLimits
    from djpkg.model.fetch_state import QuotaRow
    from tests.pauses import Pauses
    from tests.world import CatalogPackage, World, WorldServer

QUICK = Limits(connect=30, attempt=30, total=60, wait=2, attempts=2, backoff=0.001)
"""Few attempts, so that a failing source is given up soon."""
STARTER = "django-todo"


def add_starter(world: World) -> CatalogPackage:
    """Add the seed package of every new mirror to the world: without it, a sweep would mark it as removed."""
    return world.add_package(STARTER, id=409, path="shacker/django-todo", stars=845, releases=[("2.5.0", 1500)])


@contextmanager
def quick_folder(otherwise: Path) -> Iterator[Path]:
    """A folder in memory, if possible: each page is a transaction, which is slow on a disk."""
    memory = Path("/dev/shm")  # noqa: S108
    if not os.access(memory, os.W_OK):
        yield otherwise
        return
    with TemporaryDirectory(dir=memory, prefix="djpkg-test-") as folder:
        yield Path(folder)


_first_mirrors: dict[tuple[object, ...], bytes] = {}


@dataclass
class Desk:
    """Fetches into one mirror, with the world's clock."""

    server: WorldServer
    path: Path
    tokens: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    limits: Limits = QUICK
    busy_limits: BusyLimits = busy.FETCH
    progress: Progress = field(default_factory=NoProgress)
    pauses: Pauses | None = None
    """Pauses that advance the clock; without them it stands still at the world's time."""

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": "/nonexistent", **self.server.env, **self.tokens, **self.env}

    def fetch(self, *packages: str, sources: Iterable[str] = (), refetch: bool = False) -> Report:
        """Empty the request log, then fetch the named packages, or all."""
        self.server.clear_log()
        wanted = frozenset(map(SourceName, sources)) or frozenset(SourceName)
        request = FetchRequest(packages=packages, all_packages=not packages, sources=wanted, refetch=refetch)
        return run.fetch(
            request,
            self.path,
            self.environment,
            progress=self.progress,
            clock=lambda: self.world.now + (self.pauses.span if self.pauses else timedelta(0)),
            limits=self.limits,
            busy_limits=self.busy_limits,
        )

    def begin_with(self, *key: object) -> None:
        """Fetch all into a new mirror, or copy the one of an earlier test with this key, whose world was the same."""
        key = (*key, frozenset(self.tokens))
        if key in _first_mirrors:
            self.path.write_bytes(_first_mirrors[key])
        else:
            assert self.fetch().exit_code == 0
            _first_mirrors[key] = self.path.read_bytes()

    def advance(self, **span: float) -> None:
        self.world.now += timedelta(**span)

    def show(self, slug: str) -> dict[str, Any]:
        """Return the record that `show --json` prints."""
        shown: dict[str, Any] = json.loads(render_json.render_record(self._values(slug, None), fields.RECORD_COLUMNS))
        return shown

    def field(self, slug: str, name: str) -> Any:
        return self._values(slug, name)[fields.parse_columns(name)[0].field.name]

    def fields(self, slug: str, *names: str) -> dict[str, Any]:
        values = self._values(slug, ",".join(names))
        return {name: values[fields.parse_columns(name)[0].field.name] for name in names}

    def edit(self, slug: str, *, unset: Iterable[str] = (), **values: Any) -> None:
        with open_write(self.path) as db:
            ((number,),) = db.execute("SELECT id FROM packages WHERE slug = ?", (slug,))
            writer = Writer(db, forges={})
            writer.update_overrides(number, lambda _: values, unset=list(unset), now=self.world.now)

    def slugs(self) -> set[str]:
        return {slug for (slug,) in self.rows("SELECT slug FROM packages")}

    def events(self) -> list[tuple[str, str, str | None, str | None]]:
        """Return slug, event, old and new value of every event, oldest first."""
        return self.rows(
            "SELECT slug, event, old, new FROM events JOIN packages ON packages.id = package_id ORDER BY events.id"
        )

    def quota(self, source: str, pool: str) -> QuotaRow:
        with open_read(self.path) as db:
            return next(row for row in fetch_history.get_quotas(db) if (row.source, row.pool) == (source, pool))

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with open_read(self.path) as db:
            return db.execute(sql, values).fetchall()

    def _values(self, slug: str, names: str | None) -> dict[str, Any]:
        columns = fields.parse_columns(names) if names else fields.RECORD_COLUMNS
        with open_read(self.path) as db:
            ((number,),) = db.execute("SELECT id FROM packages WHERE slug = ?", (slug,))
            return read.get_values(db, number, columns)


def expected(world: World, package: CatalogPackage) -> dict[str, Any]:
    """Return the record of a package just after a successful fetch."""
    base = "https://djangopackages.org/api/v4"
    record: dict[str, Any] = {
        "category": f"{base}/categories/{package.category}/",
        "grids": [f"{base}/grids/{grid}/" for grid in package.grids],
        **{
            name: getattr(package, name)
            for name in (
                "id", "title", "slug", "last_updated", "last_fetched", "repo_url", "pypi_version", "created",
                "modified", "repo_forks", "repo_description", "pypi_url", "documentation_url", "repo_watchers",
                "commits_over_52", "participants",
            )
        },
    }  # fmt: skip
    repo = _repo_of(world, package)
    if repo is not None:
        record["last_updated"] = utc_text(repo.head.committed) if repo.head else package.last_updated
        record["repo_forks"], record["repo_watchers"] = repo.forks, repo.stars
        record["repo_description"] = repo.description or ""
        record["commits_over_52"] = weekly_counts(repo.commits, world.now)
        if repo.host == GITHUB:
            record["participants"] = repo.logins()
    project = world.projects.get(package.pypi_url.rstrip("/").rpartition("/")[2].lower().replace("_", "-"))
    if project is not None and project.served:
        record["pypi_version"] = project.latest.version
    if repo is not None or project is not None:
        record["last_fetched"] = format_time(world.now)
    return record


def _repo_of(world: World, package: CatalogPackage) -> Any:
    scheme, _, rest = package.repo_url.partition("://")
    host, _, path = rest.partition("/")
    return world.find_repo(host, path) if scheme else None


def check_integrity(path: Path) -> None:
    """Check that the database and its foreign keys are intact."""
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("PRAGMA integrity_check").fetchall()
        assert found == [("ok",)], found
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
