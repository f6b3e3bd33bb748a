"""A mirror as a fetch leaves it, made from a generated world without asking anybody."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import create, open_write
from djpkg.mirror.seed import store_seed
from djpkg.mirror.write import Writer
from djpkg.model import pypi_project, weekly_commits
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
from tests.world import World
from tests.world.times import utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.world import CatalogPackage, Project, Repo

T = TypeVar("T")

_PAGE = 500


def create_mirror(path: Path, packages: int) -> Path:
    """All sources have answered just now, about every one."""
    world = World.generate(packages=packages, github=round(packages * 0.92))
    create(path, fill=store_seed)
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        writer.store_grids([Grid(id=g.id, slug=g.slug, title=g.title) for g in world.grids.values()])
        records = [_record(package) for package in world.packages.values()]
        for page in _pages(records):
            writer.store_catalog(page, now=world.now, report_added=False)
        places = db.execute("SELECT DISTINCT forge, repository_key FROM packages WHERE repository_key IS NOT NULL")
        told: dict[SourceName, list[SourceAnswer]] = {}
        for forge, key in places.fetchall():
            told.setdefault(SourceName(forge), []).append(_repository(world, key))
        names = db.execute("SELECT DISTINCT pypi_name FROM packages WHERE pypi_name IS NOT NULL").fetchall()
        told[SourceName.PYPI] = [_project(world.projects.get(name), name) for (name,) in names]
        for source, statements in told.items():
            for some in _pages(statements):
                writer.store_answers(source, some, now=world.now)
    return path


def _pages(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _PAGE):
        yield rows[start : start + _PAGE]


def _record(package: CatalogPackage) -> CatalogFacts:
    said: dict[str, Any] = {one.name: getattr(package, one.name) for one in fields(CatalogFacts)}
    for name in ("grids", "commits_over_52", "participants"):
        said[name] = tuple(said[name])
    return CatalogFacts(**said)


def _repository(world: World, key: str) -> SourceAnswer:
    host, _, path = key.partition("/")
    repo = world.find_repo(host, path)
    if repo is None or repo.state != "ok" or repo.head is None:
        return SourceAnswer(key, Outcome.GONE, ForgeFacts(state="gone"))
    return SourceAnswer(key, Outcome.UPDATED, _forge_facts(world, repo))


def _forge_facts(world: World, repo: Repo) -> ForgeFacts:
    head = repo.commits[0]
    return ForgeFacts(
        repository=RepositoryFacts(
            path=repo.path,
            node_id=repo.node_id,
            description=repo.description or "",
            stars=repo.stars,
            forks=repo.forks,
            archived=repo.archived,
            license=repo.license,
            head=head.oid,
            head_at=utc_text(head.committed),
        ),
        weeks=WeeksFacts(
            head=head.oid, days=weekly_commits.commits_by_day([one.authored for one in repo.commits], now=world.now)
        ),
        contributors=ContributorsFacts(head=head.oid, names=tuple(repo.logins()), taken=utc_text(world.now)),
    )


def _project(found: Project | None, name: str) -> SourceAnswer:
    if found is None or not found.served:
        return SourceAnswer(name, Outcome.GONE, PypiFacts(state="gone", name=name))
    latest = found.latest
    facts = PypiFacts(
        name=found.name,
        version=latest.version,
        released=utc_text(latest.uploaded),
        yanked=latest.yanked,
        requires_python=latest.requires_python,
        python_versions=pypi_project.declared_python_versions(latest.classifiers),
        django_versions=pypi_project.declared_django_versions(latest.classifiers),
        license=pypi_project.choose_license(latest.license_expression, latest.classifiers, latest.license),
        development_status=pypi_project.development_status(latest.classifiers),
    )
    return SourceAnswer(name, Outcome.UPDATED, facts, serial=found.serial)
