"""Generated worlds as large as the catalog, reproducible by seed.

Commits are created on demand from the weekly counts of each repository.
"""

# ruff: noqa: S311 - the same world from the same seed

from __future__ import annotations

import gc
import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from tests.world.model import (
    BITBUCKET,
    CODEBERG,
    GITHUB,
    GITLAB,
    CatalogPackage,
    Commit,
    CommitHistory,
    Project,
    Release,
    Repo,
)
from tests.world.times import WEEKS, catalog_time
from tests.world.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.world.model import RepoState

WORDS = """
    admin ajax api asset auth avatar badge basket blog bootstrap cache calendar cart celery chart chat cms
    comment cron debug email export extra feed field filter forms forum gallery grid haystack image import
    invoice jobs json ldap log mail map markdown menu merge message model money news oauth page payment poll
    profile queue rating redis rest search seo session shop site slug social sort storage stripe subscription
    survey tag tasks template test thumb ticket todo tokens tree upload user vote webhook wiki wizard
""".split()  # noqa: SIM905 - more readable than a list
COMMON_PROJECTS = ("requests", "celery", "pillow", "redis", "pytest", "attrs", "six", "packaging", "pyyaml", "lxml")
GRIDS = 381
VERY_ACTIVE_COMMITS = (1100, 1500, 2600)
"""Commits in the last year of the three most active repositories."""
DJANGO_TODO_INDEX = 371
"""The index of django-todo, which gives it the id 409."""
CLASSIFIERS = (
    (
        "Development Status :: 5 - Production/Stable",
        "Framework :: Django",
        "Framework :: Django :: 4.2",
        "Framework :: Django :: 5.2",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.13",
    ),
    ("Development Status :: 4 - Beta", "Framework :: Django", "License :: OSI Approved :: BSD License"),
    ("Programming Language :: Python :: 2.7", "License :: OSI Approved :: MIT License"),
    (),
)
DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False, slots=True)
class SeededHistory(CommitHistory):
    """A repository's history: weekly counts by author date, oldest first, up to `midnight` (UTC)."""

    seed: int
    head_at: datetime
    midnight: datetime
    weeks: Sequence[int] | None
    logins: Sequence[str]

    def head(self) -> Commit:
        return _commit(self, 0, self.head_at, self.head_at, self.logins[0])

    def commits(self) -> Sequence[Commit]:
        return _commits(self)


@lru_cache(maxsize=64)
def _commits(past: SeededHistory) -> Sequence[Commit]:
    rng = random.Random(past.seed)
    moments: list[tuple[datetime, datetime]] = []
    latest = past.head_at - timedelta(minutes=2)
    for index, count in enumerate(past.weeks or ()):
        start = past.midnight - (WEEKS - index) * 7 * DAY
        span = min((latest - start).total_seconds(), 7 * 86_400 - 1)
        own = count - (1 if start <= past.head_at < start + 7 * DAY else 0)
        for _ in range(own):
            authored = start + timedelta(seconds=int(rng.random() * span))
            late = timedelta(hours=rng.randrange(1, 48)) if rng.random() < 0.1 else timedelta(0)
            moments.append((min(authored + late, latest), authored))
    oldest = min(past.head_at, past.midnight - WEEKS * 7 * DAY)
    for years in range(3):
        older = oldest - timedelta(days=10 + 400 * years)
        moments.append((older, older))
    moments.sort(reverse=True)
    logins = past.logins
    commits = [past.head()]
    for number, (committed, authored) in enumerate(moments, 1):
        login = logins[int(rng.random() ** 2 * len(logins))]
        commits.append(_commit(past, number, committed, authored, login))
    return tuple(commits)


def _commit(past: SeededHistory, number: int, committed: datetime, authored: datetime, login: str) -> Commit:
    digest = hashlib.sha1(b"%d %d" % (past.seed, number), usedforsecurity=False)
    return Commit(digest.hexdigest(), committed, authored, login, login.title(), f"{login}@example.org")


def generate(*, packages: int, github: int, seed: int, now: datetime) -> World:
    """Return a world with `packages` packages and `github` repositories on GitHub."""
    world = World(now=now)
    gc.disable()  # this creates no reference cycles, and collection is slow
    try:
        builder = _WorldBuilder(world, seed)
        builder.add_grids()
        twins = (packages - github) // 30
        for number in range(packages):
            builder.add(number, on_github=number < github, twin=github <= number < github + twins)
        builder.add_very_active()
        builder.add_django()
    finally:
        gc.enable()
    return world


class _WorldBuilder:
    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.rng = random.Random(seed)
        self.midnight = datetime(world.now.year, world.now.month, world.now.day, tzinfo=UTC)
        people = [f"{word}{number}" for number in range(400) for word in WORDS]
        self.rng.shuffle(people)
        self.people = people
        self.idle = (0,) * WEEKS
        self.requires = (None, ">=3.8", ">=3.10")
        self.github: list[Repo] = []
        self.projects: list[str] = []

    def add_grids(self) -> None:
        for number in range(1, GRIDS + 1):
            words = f"{WORDS[number % len(WORDS)]} {WORDS[number * 7 % len(WORDS)]} {number}"
            self.world.add_grid(number, words.title(), description=f"Packages for {words}.")

    def add(self, number: int, *, on_github: bool, twin: bool) -> None:
        slug = _slug(number)
        rng = self.rng
        if twin:
            repo: Repo | None = rng.choice(self.github)
            url = f"http://github.com/{repo.path.upper() if repo else ''}"
        elif on_github:
            repo = self._repository(
                GITHUB, f"shacker/{slug}" if number == DJANGO_TODO_INDEX else f"{rng.choice(self.people)}/{slug}"
            )
            self.github.append(repo)
            url = self._url(repo)
        else:
            repo, url = self._other_host(slug)
        project = self._project(slug) if rng.random() < 0.86 or number == DJANGO_TODO_INDEX else None
        self._record(number, slug, repo, url, project)

    def _repository(self, host: str, path: str) -> Repo:
        """Add a repository: about 30 % have commits in the last year, 12 % are archived, 3 % renamed, 2 % gone."""
        rng, world = self.rng, self.world
        total = min(int(rng.lognormvariate(2.3, 1.2)), 900) if rng.random() < 0.3 else 0
        if total:
            weeks: Sequence[int] | None = self._weeks(total)
        else:
            weeks = None
        head_at = self._head_at(weeks)
        count = min(int(rng.paretovariate(1.1)), 250)
        start = rng.randrange(len(self.people) - 250)
        logins = tuple(self.people[start : start + count])
        number = len(world.repositories_by_id) + 1001
        state: RepoState = "ok"
        chance = rng.random()
        if host == GITHUB and chance < 0.025:
            state = "gone" if chance < 0.02 else "empty" if chance < 0.023 else "blocked_dmca"
        elif host != GITHUB and chance < 0.1:
            state = "gone"
        archived = not weeks and rng.random() < 0.17
        stars = int(rng.paretovariate(0.6)) - 1
        repo = Repo(
            host=host,
            path=path,
            id=number,
            node_id=f"R_kgDO{number:08d}",
            description=f"{path.rpartition('/')[2].replace('-', ' ').title()} for Django{'' if number % 7 else ' ✓'}",
            stars=min(stars, 90_000),
            forks=min(stars // 5, 20_000),
            archived=archived,
            archived_at=head_at + 90 * DAY if archived else None,
            default_branch="main" if number % 3 else "master",
            past=None
            if state == "empty"
            else SeededHistory(rng.getrandbits(48), head_at, self.midnight, weeks, logins),
            contributors=logins,
            pushed=head_at,
            state=state,
            license=("MIT", "BSD-3-Clause", None)[number % 3],
        )
        world.register(repo)
        return repo

    def _weeks(self, total: int) -> Sequence[int]:
        weeks = [0] * WEEKS
        for _ in range(total):
            weeks[int(self.rng.random() * WEEKS)] += 1
        return tuple(weeks)

    def _head_at(self, weeks: Sequence[int] | None) -> datetime:
        """Return a time in the newest week with commits, or one to twelve years ago."""
        if weeks is None:
            return self.midnight - timedelta(seconds=int(86_400 * self.rng.uniform(370, 4400)))
        newest = max(index for index, count in enumerate(weeks) if count)
        start = self.midnight - (WEEKS - newest) * 7 * DAY
        return start + timedelta(seconds=self.rng.randrange(3600, 7 * 86_400))

    def _url(self, repo: Repo) -> str:
        """Return the URL in the catalog: sometimes in another form or from before a rename."""
        chance = self.rng.random()
        if chance < 0.03 and repo.state == "ok":
            old = f"former-{repo.path}"
            self.world.renames[repo.host, old.lower()] = repo
            return f"https://{repo.host}/{old}"
        if chance < 0.08:
            return f"http://{repo.host}/{repo.path}"
        return f"https://{repo.host}/{repo.path}{'/' if chance < 0.1 else '.git' if chance < 0.11 else ''}"

    def _other_host(self, slug: str) -> tuple[Repo | None, str]:
        chance = self.rng.random()
        owner = self.rng.choice(self.people)
        for limit, host, path in (
            (0.35, GITLAB, f"{owner}/{'tools/' if chance < 0.1 else ''}{slug}"),
            (0.55, BITBUCKET, f"{owner}/{slug}"),
            (0.63, CODEBERG, f"{owner}/{slug}"),
        ):
            if chance < limit:
                repo = self._repository(host, path)
                return repo, f"https://{host}/{path}"
        return None, "" if chance < 0.85 else f"https://code.example.org/{owner}/{slug}"

    def _project(self, slug: str) -> Project:
        rng, world = self.rng, self.world
        newest = world.now - timedelta(seconds=int(86_400 * rng.uniform(2, 1200) * rng.random()) + 3600)
        major, kind = rng.randrange(6), rng.randrange(len(CLASSIFIERS))
        project = Project(slug, serial=rng.randrange(1, world.serial))
        for back in range(rng.randrange(3), -1, -1):
            release = Release(
                version=f"{major}.{4 - back}.{rng.randrange(9)}",
                uploaded=newest - timedelta(days=70 * back),
                requires_python=self.requires[kind % 3],
                classifiers=CLASSIFIERS[kind],
                license_expression="MIT" if kind == 0 else None,
            )
            project.releases.append(release)
        if rng.random() < 0.01:
            project.state = "gone"
        self._add_lists(project)
        world.projects[project.normalized_name] = project
        return project

    def _add_lists(self, project: Project) -> None:
        """Add up to 60 older releases, and requirements: Django, earlier packages and projects of others."""
        rng = random.Random(f"lists {project.name}")
        oldest = project.releases[0]
        older = min(int(rng.lognormvariate(2.2, 1)), 60)
        project.releases[:0] = [
            Release(f"0.{number}", oldest.uploaded - timedelta(days=60 * (older - number)), requires_python=">=3.6")
            for number in range(older)
        ]
        required = [f"Django{rng.choice(('', '>=3.2', '>=4.2,<6'))}"] if rng.random() < 0.8 else []
        if names := self.projects:
            required += [f"{names[int(len(names) * rng.random() ** 4)]}>=1" for _ in range(rng.randrange(3))]
        required += [f"{name}>=2" for name in rng.sample(COMMON_PROJECTS, rng.randrange(4))]
        required += [f'{name}; extra == "dev"' for name in rng.sample(COMMON_PROJECTS, rng.randrange(3))]
        for release in project.releases[older:]:
            release.requires_dist = tuple(required)
        self.projects.append(project.name)

    def add_django(self) -> None:
        """Add Django itself, which is no package."""
        world = self.world
        series = [f"{major}.{minor}" for major in range(1, 7) for minor in range(3 if major > 1 else 12)]
        world.projects["django"] = Project(
            "Django",
            [
                Release(f"{name}.{patch}", world.now - timedelta(days=240 * (len(series) - place) - 20 * patch))
                for place, name in enumerate(series)
                for patch in range(10)
            ],
            serial=world.serial - 1,
        )

    def _record(self, number: int, slug: str, repo: Repo | None, url: str, project: Project | None) -> None:
        """Add the record: 95 % agree with their repository, the others are some weeks old."""
        rng, now = self.rng, self.world.now
        created = now - timedelta(days=6000 - number * 6000 / (len(self.world.packages) + 6000), seconds=rng.random())
        fetched = now - timedelta(seconds=rng.random() * 86_400 * 2)
        package = CatalogPackage(
            category=rng.choice((1, 1, 1, 1, 2, 3, 4, 5)),
            grids=rng.sample(range(1, GRIDS + 1), rng.choice((0, 0, 0, 1, 1, 2, 3))),
            id=number + number // 10 + 1,
            title=slug if number % 4 else slug.replace("-", " ").title(),
            slug=slug,
            last_updated=None,
            last_fetched=catalog_time(fetched),
            repo_url=url,
            pypi_version=None,
            created=catalog_time(created),
            modified=catalog_time(created + timedelta(days=30)),
            repo_forks=0,
            repo_description="",
            pypi_url="",
            documentation_url="" if number % 3 else f"https://{slug}.readthedocs.io/en/latest/",
            repo_watchers=0,
            commits_over_52=self.idle,
            participants=(),
        )
        if project is not None:
            shapes = (
                "http://pypi.python.org/pypi/{}",
                "http://pypi.python.org/pypi/{}",
                "{}",
                "http://pypi.python.org/pypi/{}/",
            )
            package.pypi_url = shapes[number % 4].format(project.name)
            package.pypi_version = project.latest.version
        if repo is not None and isinstance(repo.past, SeededHistory):
            past, stale = repo.past, rng.random() < 0.05
            package.repo_watchers, package.repo_forks = repo.stars, repo.forks
            package.repo_description = repo.description or ""
            package.last_updated = catalog_time(past.head_at - (40 * DAY if stale else 0 * DAY), fraction=False)
            package.commits_over_52 = self.idle if past.weeks is None or stale else past.weeks
            package.participants = past.logins[: max(1, len(past.logins) - stale)]
        self.world.packages[package.id] = package

    def add_very_active(self) -> None:
        """Give three repositories more than a thousand commits in the last year."""
        live = [repo for repo in self.github if repo.state == "ok" and not repo.archived][: len(VERY_ACTIVE_COMMITS)]
        for repo, total in zip(live, VERY_ACTIVE_COMMITS, strict=False):
            if isinstance(repo.past, SeededHistory):
                weeks = self._weeks(total)
                head_at = self._head_at(weeks)
                repo.past = SeededHistory(repo.past.seed, head_at, self.midnight, weeks, repo.past.logins)
                repo.pushed = head_at


def _slug(number: int) -> str:
    if number == DJANGO_TODO_INDEX:
        return "django-todo"
    size = len(WORDS)
    more, second, first = number // size // size, number // size % size, number % size
    return f"django-{WORDS[first]}-{WORDS[second]}" + (f"-{WORDS[more % size]}" if more else "")
