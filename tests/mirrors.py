"""Mirrors for tests: invented packages in a real file, written by the program's own writer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from djpkg.mirror import schema
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import create, open_write
from djpkg.mirror.write import Writer
from djpkg.model.facts import (
    CatalogFacts,
    ContributorsFacts,
    ForgeFacts,
    Grid,
    Outcome,
    PypiFacts,
    RepositoryFacts,
    WeeksFacts,
)
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from djpkg.times import format_time
from tests.seed import CATEGORIES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Mapping, Sequence

    from djpkg.model.merge import Merged, StoredValue

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GRIDS = (
    Grid(id=10, slug="gardening", title="Gardening"),
    Grid(id=11, slug="pottery", title="Pottery & Kilns"),
    Grid(id=12, slug="empty-grid", title="Nothing in it"),
)


def ago(**span: float) -> str:
    """Return the text of a time before `NOW`."""
    return format_time(NOW - timedelta(**span))


def catalog_facts(number: int, slug: str, **changes: Any) -> CatalogFacts:
    """Return a catalog record with these values."""
    values: dict[str, Any] = {
        "id": number,
        "title": slug.replace("-", " ").title(),
        "slug": slug,
        "category": 1,
        "grids": (),
        "repo_url": f"https://github.com/mara/{slug}",
        "pypi_url": f"https://pypi.org/project/{slug}/",
        "documentation_url": None,
        "created": "2020-09-28T06:40:18.899545-04:00",
        "modified": "2026-01-28T15:02:00.898914-05:00",
        "last_updated": "2026-01-03T02:16:36-04:00",
        "last_fetched": "2026-01-15T20:08:21.858607-05:00",
        "pypi_version": "1.0",
        "repo_forks": number,
        "repo_description": f"All about {slug}.",
        "repo_watchers": number * 10,
        "commits_over_52": (),
        "participants": ("mara", "otto"),
    }
    return CatalogFacts(**values | changes)


POTS = catalog_facts(
    1, "django-pots", grids=(10, 11), repo_watchers=512, documentation_url="https://pots.example.org/en/"
)
PANS = catalog_facts(2, "django-pans", grids=(11,), category=2)
LIDS = catalog_facts(3, "lids", repo_url="", pypi_url="", repo_watchers=0, pypi_version=None)
KILN = catalog_facts(4, "Django_Kiln", grids=(11,), repo_watchers=77)
PACKAGES = (POTS, PANS, LIDS, KILN)


def filled_mirror(
    path: Path,
    packages: Sequence[CatalogFacts] = PACKAGES,
    *,
    grids: Sequence[Grid] = GRIDS,
    now: datetime = NOW,
    report_added: bool = False,
) -> Path:
    """Make or extend a mirror with these catalog records, and return its path."""
    if path.exists():
        _store_catalog(path, packages, grids, now=now, report_added=report_added)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_filled(schema.STEPS, tuple(packages), tuple(grids), now, report_added=report_added))
    return path


def fetched_mirror(path: Path, *, now: datetime = NOW) -> Path:
    """Make the usual mirror after a fetch: GitHub and PyPI have answered, and each failed for one package."""
    if path.exists():
        _store_fetch(filled_mirror(path, now=now - timedelta(hours=2)), now)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_fetched(schema.STEPS, now))
    return path


def build_once(build: Callable[[Path], object]) -> bytes:
    """Return the content of the mirror that `build` writes to a path. The callers keep it, for copies."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mirror.db"
        build(path)
        return path.read_bytes()


# The steps are a parameter, since tests of migrations replace them.
@lru_cache(maxsize=32)
def _filled(
    _steps: tuple[str, ...],
    packages: tuple[CatalogFacts, ...],
    grids: tuple[Grid, ...],
    now: datetime,
    *,
    report_added: bool,
) -> bytes:
    def build(path: Path) -> None:
        create(path, fill=lambda _: None)
        _store_catalog(path, packages, grids, now=now, report_added=report_added)

    return build_once(build)


def _store_catalog(
    path: Path, packages: Sequence[CatalogFacts], grids: Sequence[Grid], *, now: datetime, report_added: bool
) -> None:
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        writer.store_categories(CATEGORIES)
        writer.store_grids(grids)
        for start in range(0, len(packages), 500):
            writer.store_catalog(packages[start : start + 500], now=now, report_added=report_added)


@lru_cache(maxsize=4)
def _fetched(_steps: tuple[str, ...], now: datetime) -> bytes:
    return build_once(lambda path: _store_fetch(filled_mirror(path, now=now - timedelta(hours=2)), now))


def _store_fetch(path: Path, now: datetime) -> None:
    days = {(now - timedelta(days=7 * week + 3)).date().isoformat(): week % 4 for week in range(52)}
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        repositories = (
            SourceAnswer("github.com/mara/django-pots", Outcome.UPDATED, forge_facts("mara/django-pots", days=days)),
            SourceAnswer(
                "github.com/mara/django_kiln", Outcome.UPDATED, forge_facts("mara/Django_Kiln", archived=True, stars=77)
            ),
            SourceAnswer("github.com/mara/django-pans", Outcome.FAILED, error="answered 502"),
        )
        writer.store_answers(SourceName.GITHUB, repositories, now=now - timedelta(hours=1))
        projects = (
            SourceAnswer("django-pots", Outcome.UPDATED, pypi_facts("django-pots"), serial=7),
            SourceAnswer("django-kiln", Outcome.GONE, PypiFacts(state="gone", name="django-kiln")),
            SourceAnswer("django-pans", Outcome.FAILED, error="no answer in 10 s"),
        )
        writer.store_answers(SourceName.PYPI, projects, now=now - timedelta(minutes=30))


def override(
    db: sqlite3.Connection, package: int, values: Mapping[str, StoredValue], *, unset: Collection[str] = ()
) -> Merged:
    """Set and remove overrides of a package as `edit` does, and return its merge."""
    writer = Writer(db, forges=NO_FORGES)
    merges = writer.update_overrides(package, lambda _: values, unset=unset, now=NOW)
    assert merges is not None
    return merges[1]


def forge_facts(
    path: str, *, archived: bool = False, stars: int = 5112, days: dict[str, int] | None = None
) -> ForgeFacts:
    """Return the facts of a repository with commits on these days."""
    return ForgeFacts(
        repository=RepositoryFacts(
            path=path,
            node_id=None,
            description="Flower pots for every model.",
            stars=stars,
            forks=285,
            archived=archived,
            license="BSD-3-Clause",
            head="a" * 40,
            head_at=ago(days=20),
        ),
        weeks=WeeksFacts(head="a" * 40, days=days or {}),
        contributors=ContributorsFacts(head="a" * 40, names=("mara", "otto", "ines"), taken=ago(hours=1)),
    )


def pypi_facts(name: str, version: str = "2.5.0") -> PypiFacts:
    """Return the facts of a PyPI project."""
    return PypiFacts(
        name=name,
        version=version,
        released=ago(days=40),
        yanked=False,
        requires_python=">=3.10",
        python_versions=("3.10", "3.13"),
        django_versions=("4.2", "5.2"),
        license="BSD-3-Clause",
    )
