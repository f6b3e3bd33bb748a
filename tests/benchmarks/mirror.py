"""Mirrors of generated worlds, created without any request."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from djpkg.mirror import dependencies, fetch_history, project_tables
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import create, open_write, transaction
from djpkg.mirror.seed import store_seed
from djpkg.mirror.write import Writer
from djpkg.model import pypi_project, requires_dist, weekly_commits
from djpkg.model.facts import (
    CatalogFacts,
    ContributorsFacts,
    ForgeFacts,
    Grid,
    Outcome,
    ProjectDetails,
    PypiFacts,
    Release,
    RepositoryFacts,
    WeeksFacts,
)
from djpkg.model.fetch_state import Sweep
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from tests.mirrors import filled_mirror
from tests.world import World
from tests.world.times import utc_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import CatalogPackage, Project, Repo

_PAGE_SIZE = 500


def create_mirror(path: Path, packages: int) -> Path:
    """Create a mirror of a generated world, as if every source had just answered for every package."""
    world = World.generate(packages=packages, github=round(packages * 0.92))
    create(path, fill=store_seed)
    grids = [Grid(id=grid.id, slug=grid.slug, title=grid.title) for grid in world.grids.values()]
    filled_mirror(path, [_catalog_facts(package) for package in world.packages.values()], grids=grids, now=world.now)
    with open_write(path) as db:
        writer = Writer(db, forges=NO_FORGES)
        answers: dict[SourceName, list[SourceAnswer]] = {}
        for forge, key in db.execute(
            "SELECT DISTINCT forge, repository_key FROM packages WHERE repository_key NOTNULL"
        ):
            answers.setdefault(SourceName(forge), []).append(_forge_answer(world, key))
        names = db.execute("SELECT DISTINCT pypi_name FROM packages WHERE pypi_name NOTNULL")
        answers[SourceName.PYPI] = [_pypi_answer(world.projects.get(name), name) for (name,) in names]
        for source, all_answers in answers.items():
            for start in range(0, len(all_answers), _PAGE_SIZE):
                writer.store_answers(source, all_answers[start : start + _PAGE_SIZE], now=world.now)
        with transaction(db):
            project_tables.store_project(db, _pypi_answer(world.projects["django"], "django"), now=world.now)
            dependencies.update_dependencies(db)
        fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(world.now, packages, packages))
    return path


def _catalog_facts(package: CatalogPackage) -> CatalogFacts:
    values: dict[str, Any] = {
        field.name: getattr(package, field.name) for field in fields(CatalogFacts) if hasattr(package, field.name)
    }
    for name in ("grids", "commits_over_52", "participants"):
        values[name] = tuple(values[name])
    return CatalogFacts(**values)


def _forge_answer(world: World, key: str) -> SourceAnswer:
    host, _, path = key.partition("/")
    repo = world.find_repo(host, path)
    if repo is None or repo.state != "ok" or repo.head is None:
        return SourceAnswer(key, Outcome.GONE, ForgeFacts(state="gone"))
    return SourceAnswer(key, Outcome.UPDATED, _forge_facts(world, repo))


def _forge_facts(world: World, repo: Repo) -> ForgeFacts:
    head, authored = repo.commits[0], [commit.authored for commit in repo.commits]
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
        weeks=WeeksFacts(head=head.oid, days=weekly_commits.commits_by_day(authored, now=world.now)),
        contributors=ContributorsFacts(head=head.oid, names=tuple(repo.logins()), taken=utc_text(world.now)),
    )


def _pypi_answer(project: Project | None, name: str) -> SourceAnswer:
    if project is None or not project.served:
        return SourceAnswer(name, Outcome.GONE, PypiFacts(state="gone", name=name))
    latest = project.latest
    facts = PypiFacts(
        name=project.name,
        version=latest.version,
        released=utc_text(latest.uploaded),
        yanked=latest.yanked,
        requires_python=latest.requires_python,
        python_versions=pypi_project.declared_python_versions(latest.classifiers),
        django_versions=pypi_project.declared_django_versions(latest.classifiers),
        license=pypi_project.choose_license(latest.license_expression, latest.classifiers, latest.license),
        development_status=pypi_project.development_status(latest.classifiers),
    )
    details = ProjectDetails(
        version=latest.version,
        requirements=requires_dist.parse_requirements(latest.requires_dist),
        releases=tuple(
            Release(one.version, utc_text(one.uploaded), one.yanked, one.requires_python) for one in project.releases
        ),
    )
    facts = replace(
        facts,
        django_requires=requires_dist.django_specifier(details.requirements or ()),
        releases=len(project.releases),
    )
    return SourceAnswer(name, Outcome.UPDATED, facts, serial=project.serial, details=details)
