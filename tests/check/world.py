"""A generated directory with planted truth, and a project that requires 300 of its packages."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

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
from tests.mirrors import NOW, catalog_facts, filled_mirror

if TYPE_CHECKING:
    from pathlib import Path


PYTHON = "3.12"
REQUIRED = 300
LINUX = {
    "python_version": PYTHON, "python_full_version": f"{PYTHON}.0", "sys_platform": "linux", "platform_system": "Linux",
    "os_name": "posix", "extra": "",
}  # fmt: skip
# The first final release of each series of Django, in days before now.
SERIES = {"3.2": 2000, "4.0": 1790, "4.1": 1570, "4.2": 1330, "5.0": 1090, "5.1": 840, "5.2": 600, "6.0": 350}
ON_DJANGO = (
    "Django>=4.2", "django (>=3.2,<5.0)", "Django~=5.2.0", "django~=4.2", "DJANGO>=5.0,<6", "Django>=6.1",
    "Django>=5.2.8", "Django>=5.2.100", "Django==5.2.*", "Django!=5.2.*,>=4.2", "Django<6", "Django", "Django>5.2",
    "Django<=5.2", "Django<5.2", "Django>=5.2rc1", "Django>=6.0a1", "Django==4.2.11", "Django>=2.2,!=3.0.*,<4.0",
    'Django>=6.1; extra == "next"', 'Django<4; python_version < "3.8"', 'Django>=5.2; python_version >= "3.10"',
    'Django<5; sys_platform == "win32"', "Django>=4.2,<5.3,!=5.2.1", "django~=5.1", "Django>=1.11,<=5.1.99",
)  # fmt: skip
ON_PACKAGES = (
    "{}", "{}>=0.1", "{}<9", '{}>=0.1; python_version >= "3.10"', '{}; python_version < "3.8"', '{}; extra == "more"',
    '{}; sys_platform == "win32"',
)  # fmt: skip
# Two packages that only require one another, by their places.
CYCLE = (0, 1)
INPUT = "-r requirements.in"
ENDED = ("Deprecated: use {} instead.", "No longer maintained, in favour of {}", "Superseded by {}.")
ON_PYTHON = (None, ">=3.8", ">=3.9,<4", ">=3.13", ">=3.12.4", "<3.12", "!=3.12.*", "~=3.10", ">=2.7,!=3.0.*", ">3.11")


@dataclass
class Planted:
    """One package, as it is planted.

    `moves` is whether its repository moved although its project is gone, and `names` the package that its description
    names as its successor. `via` is what the comment in the project names, and INPUT there stands for the project.
    """

    name: str
    releases: list[model.Release]
    requires: tuple[str, ...]
    series: tuple[str, ...]
    state: str
    archived: bool
    removed: bool
    committed: datetime
    suggests: str | None = None
    moves: bool = False
    description: str = "Parts."
    names: str | None = None
    via: tuple[str, ...] = ()
    mentions: list[str] = field(default_factory=list)

    @property
    def newest(self) -> model.Release:
        def rank(one: model.Release) -> tuple[bool, bool, Version]:
            return not one.yanked, not Version(one.version).is_prerelease, Version(one.version)

        return max(self.releases, key=rank)


class Planting:
    """The directory and the project, the same for the same seed."""

    def __init__(self, seed: int = 12) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - not a secret
        self.packages = [self._package(number) for number in range(REQUIRED + 40)]
        self._plant_graph(random.Random(seed + 1))  # noqa: S311 - not a secret
        self.required = {canonicalize_name(one.name): one for one in self.packages[:REQUIRED]}
        self.lines: list[str] = []
        for number, package in enumerate(self.required.values()):
            text = self._requirement(package, number)
            if number < len(CYCLE):
                text = text.partition(";")[0].rstrip()
            package.mentions.append(text)
        self._plant_comments(random.Random(seed + 2))  # noqa: S311 - not a secret
        for package in self.required.values():
            comment = ["    # via", *(f"    #   {name}" for name in package.via)] if package.via else []
            self.lines.append("\n".join([*package.mentions, *comment]))
        self.unlisted = [f"library-{number}" for number in range(30)] + ["django-unlisted"]
        self.lines += [f"{name}==1.0" for name in self.unlisted]
        self.rng.shuffle(self.lines)

    def write_project(self, folder: Path) -> Path:
        file = folder / "requirements.txt"
        file.write_text("\n".join(["# generated", "-i https://index.example.org", *self.lines]) + "\n")
        return file

    def write_mirror(self, path: Path) -> Path:
        catalog = [
            catalog_facts(
                number,
                f"slug-{number}",
                repo_url=f"https://github.com/mara/repo-{number}",
                pypi_url=f"https://pypi.org/project/{one.name}/",
                last_updated=None,
                pypi_version=None,
                repo_description=one.description,
            )
            for number, one in enumerate(self.packages, start=1)
        ]
        filled_mirror(path, catalog)
        answers: dict[SourceName, list[SourceAnswer]] = {SourceName.GITHUB: [], SourceName.PYPI: []}
        for number, one in enumerate(self.packages, start=1):
            if one.state != "unknown":
                answers[SourceName.GITHUB].append(_repository(number, one))
                answers[SourceName.PYPI].append(_project(one))
        with open_write(path) as db:
            writer = Writer(db, forges=NO_FORGES)
            for source, found in answers.items():
                writer.store_answers(source, found, now=NOW)
            with transaction(db):
                project_tables.store_project(db, django_answer(), now=NOW)
                dependencies.update_dependencies(db)
                for number, one in enumerate(self.packages, start=1):
                    if one.removed:
                        db.execute("UPDATE packages SET catalog_state = 'removed' WHERE id = ?", (number,))
            fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW, len(catalog), len(catalog)))
        return path

    def _plant_graph(self, rng: random.Random) -> None:
        """Let some packages require others, two only one another, and some name a successor or move."""
        for index, one in enumerate(self.packages):
            others = [other for other in self.packages[len(CYCLE) :] if other is not one]
            if index not in CYCLE and rng.random() < 0.2:
                chosen = rng.sample(others, rng.randint(1, 3))
                one.requires += tuple(rng.choice(ON_PACKAGES).format(other.name) for other in chosen)
            if rng.random() < 0.9:
                one.names = rng.choice(others).name
                one.description = rng.choice(ENDED).format(canonicalize_name(one.names))
            if one.state == "project gone":
                one.moves, one.committed = rng.random() < 0.8, NOW - timedelta(days=rng.randint(1, 500))
        for index, other in zip(CYCLE, reversed(CYCLE), strict=True):
            self.packages[index].state = "ok"
            self.packages[index].requires += (self.packages[other].name,)

    def _plant_comments(self, rng: random.Random) -> None:
        """Let some lines state who requires them; without any comment the file would state that all are direct."""
        names = list(self.required)
        later = names[REQUIRED // 2 :]
        parents = [name for name in names[len(CYCLE) : REQUIRED // 2] if applies(self.required[name].mentions[0])]
        for name in rng.sample(later, 40):
            chosen = rng.sample(parents, rng.randint(0, 2))
            self.required[name].via = (*chosen, INPUT) if not chosen or rng.random() < 0.3 else tuple(chosen)
        lost = (self.required[name] for name in later)
        gone = [one for one in lost if one.state == "gone" and not one.suggests]
        next(one for one in gone if applies(one.mentions[0])).via = (parents[0],)

    def _package(self, number: int) -> Planted:
        rng = self.rng
        name = rng.choice(("django-{}", "Django_{}", "dj.{}", "{}-django")).format(f"part{number}")
        age = rng.randint(1, 3000)
        versions = sorted({Version(f"{rng.randint(0, 3)}.{rng.randint(0, 12)}") for _ in range(rng.randint(1, 14))})
        releases = [
            model.Release(
                str(version), format_time(NOW - timedelta(days=age + 40 * (len(versions) - place))),
                rng.random() < 0.08, rng.choice(ON_PYTHON),
            )
            for place, version in enumerate(versions)
        ]  # fmt: skip
        if rng.random() < 0.15:
            releases.append(
                model.Release("4.0rc1", format_time(NOW - timedelta(days=age)), yanked=False, requires_python=None)
            )
        if rng.random() < 0.05:
            releases.append(model.Release("9.0", None, yanked=False, requires_python=None))
        state = rng.choices(("ok", "gone", "blocked", "moved", "project gone", "unknown"), (80, 5, 2, 5, 4, 4))[0]
        suggests = "https://gitlab.com/elsewhere/repo" if state == "gone" and rng.random() < 0.4 else None
        requires = [rng.choice(ON_DJANGO)] if rng.random() < 0.8 else []
        requires += ["requests>=2", 'coverage; extra == "test"']
        series = tuple(one for one in SERIES if rng.random() < 0.25)
        return Planted(
            name, releases, tuple(requires), series, state, rng.random() < 0.1, rng.random() < 0.06,
            NOW - timedelta(days=rng.randint(1, 2500)), suggests,
        )  # fmt: skip

    def _requirement(self, package: Planted, number: int) -> str:
        rng = self.rng
        version = rng.choice(package.releases).version
        name = rng.choice((package.name, package.name.upper(), f"{package.name}[x,y]"))
        form = rng.choice(("=={}", "=={}", " == {}", ">={}", "<{}", "~={}", ">={},<9", "", "!={}", " <= {} , >=0.1"))
        marker = ("", "", "", "", ' ; python_version >= "3.9"', ' ; sys_platform == "win32"', ' ; python_version<"3.9"')
        comment = "  # a comment" if number % 5 == 0 else ""
        return f"{name}{form.format(version)}{rng.choice(marker)}{comment}"


def _repository(number: int, one: Planted) -> SourceAnswer:
    coordinate = f"github.com/mara/repo-{number}"
    if one.state in ("gone", "blocked"):
        return SourceAnswer(coordinate, Outcome.GONE, model.ForgeFacts(state=one.state))  # type: ignore[arg-type]
    repository = model.RepositoryFacts(
        path=f"mara/{'new' if one.state == 'moved' or one.moves else 'repo'}-{number}", node_id=None,
        description=one.description, stars=1, forks=1, archived=one.archived, license=None, head="a" * 40,
        head_at=format_time(one.committed),
    )  # fmt: skip
    return SourceAnswer(coordinate, Outcome.UPDATED, model.ForgeFacts(repository=repository))


def _project(one: Planted) -> SourceAnswer:
    name = canonicalize_name(one.name)
    if one.state == "project gone":
        return SourceAnswer(name, Outcome.GONE, model.PypiFacts(state="gone", name=one.name))
    newest, requirements = one.newest, requires_dist.parse_requirements(one.requires)
    facts = model.PypiFacts(
        name=one.name, version=newest.version, released=newest.uploaded, yanked=newest.yanked,
        requires_python=newest.requires_python, django_versions=one.series,
        repository_urls=(one.suggests,) if one.suggests else (),
        django_requires=requires_dist.django_specifier(requirements), releases=len(one.releases),
    )  # fmt: skip
    details = model.ProjectDetails(version=newest.version, requirements=requirements, releases=tuple(one.releases))
    return SourceAnswer(name, Outcome.UPDATED, facts, serial=1, details=details)


def django_answer() -> SourceAnswer:
    releases = [model.Release("1.0a1", format_time(NOW - timedelta(days=6000)), yanked=False, requires_python=None)]
    for series, age in SERIES.items():
        for micro in range(12):
            version = series if micro == 0 else f"{series}.{micro}"
            releases.append(
                model.Release(
                    version, format_time(NOW - timedelta(days=age - 20 * micro)), yanked=False, requires_python=None
                )
            )
        releases.append(
            model.Release(
                f"{series}rc1", format_time(NOW - timedelta(days=age + 30)), yanked=False, requires_python=None
            )
        )
    facts = model.PypiFacts(name="Django", version="6.0.11", python_versions=("3.12", "3.13", "3.14"))
    details = model.ProjectDetails(version="6.0.11", requirements=(), releases=tuple(releases))
    return SourceAnswer("django", Outcome.UPDATED, facts, serial=1, details=details)


def applies(text: str) -> bool:
    """Whether a requirement of the project counts for this Python and Linux."""
    marker = Requirement(text.partition("#")[0].strip()).marker
    return marker is None or marker.evaluate(LINUX)
