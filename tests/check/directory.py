"""Small mirrors for tests of check: a few packages with the facts that a test names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from djpkg.mirror import dependencies, fetch_history, project_tables
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_write, transaction
from djpkg.mirror.write import Writer
from djpkg.model import facts as model
from djpkg.model import requires_dist
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import Sweep
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from djpkg.times import format_time
from tests.check.world import django_answer
from tests.mirrors import NOW, ago, build_once, catalog_facts, filled_mirror

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class Package:
    """One package: alive, declared for Django 5.2 and 6.0, and released a month ago as 2.0, unless stated otherwise.

    `yanked` are versions, `requires` texts of ``Requires-Dist``, `state` that of the repository.
    """

    name: str
    versions: tuple[str, ...] = ("1.0", "1.1", "2.0")
    yanked: tuple[str, ...] = ()
    requires: tuple[str, ...] = ("Django>=4.2",)
    django: tuple[str, ...] = ("5.2", "6.0")
    days: int = 30
    archived: bool = False
    state: str = "ok"
    project_gone: bool = False
    description: str = "Parts."
    python: str | None = ">=3.8"
    answered: bool = True
    homepage: str | None = None


def make_directory(path: Path, packages: Sequence[Package], *, swept: bool = True, now: datetime = NOW) -> Path:
    """Write a mirror in which all sources have just answered about these packages; call it again for another day."""
    if path.exists():
        _store(path, tuple(packages), swept=swept, now=now)
    else:
        path.write_bytes(_content(tuple(packages), swept=swept, now=now))
    return path


@lru_cache(maxsize=32)
def _content(packages: tuple[Package, ...], *, swept: bool, now: datetime) -> bytes:
    return build_once(lambda path: _store(path, packages, swept=swept, now=now))


def _store(path: Path, packages: tuple[Package, ...], *, swept: bool, now: datetime) -> None:
    records = [
        catalog_facts(
            number, one.name, repo_url=f"https://github.com/mara/{one.name}", last_updated=None, pypi_version=None,
            repo_description="",
        )
        for number, one in enumerate(packages, start=1)
    ]  # fmt: skip
    filled_mirror(path, records, now=now)
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        answered = [one for one in packages if one.answered]
        writer.store_answers(SourceName.GITHUB, [_repository(one) for one in answered], now=now)
        writer.store_answers(SourceName.PYPI, [_project(one) for one in answered], now=now)
        with transaction(db):
            project_tables.store_project(db, django_answer(), now=now)
            dependencies.update_dependencies(db)
        if swept:
            fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(now, len(packages), len(packages)))


def _repository(one: Package) -> SourceAnswer:
    coordinate = f"github.com/mara/{one.name}"
    if one.state in ("gone", "blocked"):
        return SourceAnswer(coordinate, Outcome.GONE, model.ForgeFacts(state=one.state))  # type: ignore[arg-type]
    repository = model.RepositoryFacts(
        path=f"mara/{one.name}{'-new' if one.state == 'moved' else ''}", node_id=None, description=one.description,
        stars=1, forks=1, archived=one.archived, license=None, head="a" * 40, head_at=ago(days=one.days),
        archived_at=ago(days=100) if one.archived else None,
    )  # fmt: skip
    return SourceAnswer(coordinate, Outcome.UPDATED, model.ForgeFacts(repository=repository))


def _project(one: Package) -> SourceAnswer:
    if one.project_gone:
        return SourceAnswer(one.name, Outcome.GONE, model.PypiFacts(state="gone", name=one.name))
    releases = tuple(
        model.Release(
            version, format_time(NOW - timedelta(days=one.days + 30 * (len(one.versions) - place - 1))),
            version in one.yanked, one.python,
        )
        for place, version in enumerate(one.versions)
    )  # fmt: skip
    newest = next((release for release in reversed(releases) if not release.yanked), releases[-1])
    requirements = requires_dist.parse_requirements(one.requires)
    facts = model.PypiFacts(
        name=one.name, version=newest.version, released=newest.uploaded, yanked=newest.yanked,
        requires_python=one.python, django_versions=one.django, releases=len(releases),
        django_requires=requires_dist.django_specifier(requirements),
        repository_urls=(one.homepage,) if one.homepage else (),
    )  # fmt: skip
    details = model.ProjectDetails(version=newest.version, requirements=requirements, releases=releases)
    return SourceAnswer(one.name, Outcome.UPDATED, facts, serial=1, details=details)
