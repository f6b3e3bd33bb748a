"""A generated directory with planted truth, a project that requires 300 of its packages, and an independent oracle.

The oracle knows what was planted, not what the mirror stores. It is slow: it tries each release X.Y.0 to X.Y.99 with
`packaging`, and sorts all releases for each question.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from djpkg.mirror import fetch_history, project_tables
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

    from packaging.markers import Marker

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
ON_PYTHON = (None, ">=3.8", ">=3.9,<4", ">=3.13", ">=3.12.4", "<3.12", "!=3.12.*", "~=3.10", ">=2.7,!=3.0.*", ">3.11")


@dataclass
class Planted:
    """One package, as it is planted."""

    name: str
    releases: list[model.Release]
    requires: tuple[str, ...]
    series: tuple[str, ...]
    state: str
    archived: bool
    removed: bool
    committed: datetime
    suggests: str | None = None
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
        self.required = {canonicalize_name(one.name): one for one in self.packages[:REQUIRED]}
        self.lines: list[str] = []
        for number, package in enumerate(self.required.values()):
            text = self._requirement(package, number)
            package.mentions.append(text)
            self.lines.append(text)
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
                repo_description="",
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
                for number, one in enumerate(self.packages, start=1):
                    if one.removed:
                        db.execute("UPDATE packages SET catalog_state = 'removed' WHERE id = ?", (number,))
            fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW, len(catalog), len(catalog)))
        return path

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
        path=f"mara/{'new' if one.state == 'moved' else 'repo'}-{number}", node_id=None, description="Parts.", stars=1,
        forks=1, archived=one.archived, license=None, head="a" * 40, head_at=format_time(one.committed),
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


# The oracle.


def applies(text: str) -> bool:
    """Whether a requirement of the project counts for this Python and Linux."""
    marker = Requirement(text.partition("#")[0].strip()).marker
    return marker is None or marker.evaluate(LINUX)


def true_verdict(one: Planted, series: str) -> str | None:
    if one.state in ("unknown", "project gone"):
        return None
    parsed = [Requirement(text) for text in one.requires]
    on_django = [
        requirement.specifier
        for requirement in parsed
        if canonicalize_name(requirement.name) == "django"
        and (requirement.marker is None or ("extra" not in str(requirement.marker) and _holds(requirement.marker)))
    ]
    if on_django:
        specifier = on_django[0]
        micros = [f"{series}.{micro}" for micro in range(100)]
        if not any(specifier.contains(version, prereleases=True) for version in micros):
            later = [
                f"{major}.{minor}.{micro}" for major in range(3, 9) for minor in range(3) for micro in (0, 50, 150)
            ]
            above = [one for one in later if Version(one) > Version(micros[-1])]
            below = [one for one in later if Version(one) < Version(micros[0])] + ["1.11.5", "2.2.1", "4.2.11"]
            fits_above = any(specifier.contains(version, prereleases=True) for version in above)
            fits_below = any(
                specifier.contains(version, prereleases=True) for version in below if Version(version) < Version(series)
            )
            return "ahead" if fits_above and not fits_below else "excluded"
    if series in one.series:
        return "declared"
    first = NOW - timedelta(days=SERIES[series])
    released = one.newest.uploaded
    if on_django and released is not None and released > format_time(first):
        return "allowed"
    return "unproven"


def true_python(one: Planted) -> bool | None:
    if one.state in ("unknown", "project gone"):
        return None
    return _fits_python(one.newest)


def true_rules(one: Planted, text: str, series: str) -> set[str]:
    rules: set[str] = set()
    verdict = true_verdict(one, series)
    rules |= {verdict} & {"excluded", "ahead", "unproven"} if verdict else set()
    if one.state == "unknown":
        rules.add("unknown")
    known = [] if one.state in ("unknown", "gone", "blocked") else [one.committed]
    if true_python(one) is not None:
        known += [_moment(one.newest)] if one.newest.uploaded else []
        rules |= {"python"} if true_python(one) is False else set()
        rules |= _release_rules(one, text)
    if known and all(moment < NOW.replace(year=NOW.year - 2) for moment in known):
        rules.add("quiet")
    if one.archived and one.state not in ("unknown", "gone", "blocked"):
        rules.add("archived")
    if one.removed:
        rules.add("removed")
    if one.state == "moved" or (one.state == "gone" and one.suggests):
        rules.add("moved")
    elif one.state in ("gone", "blocked", "project gone"):
        rules.add("gone")
    return rules


def _release_rules(one: Planted, text: str) -> set[str]:
    specifier = Requirement(text.partition("#")[0].strip()).specifier
    pins = [clause.version for clause in specifier if clause.operator == "=="]
    downloadable = [release for release in one.releases if release.uploaded is not None]
    left: list[model.Release] = []
    if pins:
        used = next((release for release in one.releases if Version(release.version) == Version(pins[0])), None)
    else:
        allowed = [release for release in downloadable if specifier.contains(release.version, prereleases=True)]
        final = [release for release in allowed if not Version(release.version).is_prerelease]
        used = max(final or allowed, key=lambda release: Version(release.version), default=None)
        left = [one for one in final or allowed if not one.yanked and _fits_python(one)]
    if used is None:
        return set()
    usable = [
        Version(release.version)
        for release in downloadable
        if not release.yanked and not Version(release.version).is_prerelease and _fits_python(release)
    ]
    installed = max((Version(one.version) for one in left if used.yanked), default=Version(used.version))
    is_outdated = bool(usable) and max(usable) > installed
    return ({"yanked"} if used.yanked else set()) | ({"outdated"} if is_outdated else set())


def _fits_python(release: model.Release) -> bool:
    return _has_micro(release.requires_python or "")


@cache
def _has_micro(requires_python: str) -> bool:
    specifier = SpecifierSet(requires_python)
    return any(specifier.contains(f"{PYTHON}.{micro}", prereleases=True) for micro in range(100))


def _holds(marker: Marker) -> bool:
    environment: Any = LINUX
    return marker.evaluate(environment)


def _moment(release: model.Release) -> datetime:
    assert release.uploaded is not None
    return datetime.fromisoformat(release.uploaded)
