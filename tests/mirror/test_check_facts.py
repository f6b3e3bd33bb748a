"""Which rows of the mirror a check reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.mirror.check_facts import read_facts
from djpkg.mirror.connection import open_read, open_write
from djpkg.requirements.requirement import Mention, Requirement
from tests.check.directory import Package, make_directory
from tests.damage import Damage, apply
from tests.mirrors import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from djpkg.check.facts import MirrorFacts

CATALOG = "https://djangopackages.org/api/v4"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    packages = [Package("django-a", requires=("Django>=4.2", "django-b>=1")), Package("django-b", yanked=("1.1",))]
    return make_directory(tmp_path / "mirror.db", packages)


def change(mirror: Path, *statements: str) -> None:
    with open_write(mirror) as db:
        for statement in statements:
            db.execute(statement)


def read(mirror: Path, *names: str, direct: bool | None = True) -> MirrorFacts:
    requirements = [Requirement(name, (Mention(name, "requirements.txt", 1, direct=direct),)) for name in names]
    with open_read(mirror) as db:
        return read_facts(db, requirements, catalog=CATALOG, forges={}, now=NOW)


@pytest.mark.parametrize(
    ("statement", "slug"),
    [
        ("UPDATE packages SET slug = 'other' WHERE id = 1", "django-b"),
        ("UPDATE packages SET slug = 'other' WHERE id = 2", "django-a"),
        ("UPDATE packages SET slug = 'Django_B', catalog_state = 'removed' WHERE id = 2", "django-a"),
    ],
)
def test_of_several_packages_of_a_project_a_listed_one_with_its_name_counts(
    mirror: Path, statement: str, slug: str
) -> None:
    change(mirror, "UPDATE packages SET pypi_name = 'django-b'", statement)
    if slug == "django-b":
        assert read(mirror, "django-b").packages["django-b"].slug == slug
    else:
        assert read(mirror, "django-b").packages["django-b"].id == 1


def test_lists_of_a_former_project_do_not_count(mirror: Path) -> None:
    assert read(mirror, "django-b").packages["django-b"].has_yanked
    change(mirror, "UPDATE packages SET pypi_name = 'django-c' WHERE id = 2")
    facts = read(mirror, "django-c").packages["django-c"]
    assert (facts.has_yanked, facts.releases(), facts.needs) == (False, [], ())


def test_who_requires_whom_is_read_only_where_the_files_do_not_state_it(mirror: Path) -> None:
    known = read(mirror, "django-a", "django-b").packages["django-a"]
    assert [need.requires for need in known.needs] == ["django"]
    unknown = read(mirror, "django-a", "django-b", direct=None).packages["django-a"]
    assert [need.requires for need in unknown.needs] == ["django", "django-b"]


def test_the_time_of_the_last_event_is_the_evidence(mirror: Path) -> None:
    change(
        mirror,
        "INSERT INTO events (at, package_id, event, old) VALUES"
        " ('2026-01-02T00:00:00Z', 1, 'gone', 'github.com/mara/django-a'),"
        " ('2026-01-01T00:00:00Z', 1, 'gone', 'github.com/mara/django-a'),"
        " ('2026-01-03T00:00:00Z', 1, 'gone', 'django-a')",
    )
    assert read(mirror, "django-a").packages["django-a"].events == {
        "gone": "2026-01-02T00:00:00Z", "project gone": "2026-01-03T00:00:00Z",
    }  # fmt: skip


def test_the_series_of_django_and_the_sweep_are_read(mirror: Path) -> None:
    facts = read(mirror, "django-a")
    assert list(facts.django) == ["3.2", "4.0", "4.1", "4.2", "5.0", "5.1", "5.2", "6.0"]
    assert (facts.python_versions, facts.swept) == (("3.12", "3.13", "3.14"), NOW)


@pytest.mark.parametrize("value", [2**63 - 1, 1.5, b"\xff"], ids=str)
@pytest.mark.parametrize("column", ["repo_description", "repo_state", "pypi_version", "suggestion", "archived_at"])
def test_a_value_that_is_not_a_text_counts_as_unknown(mirror: Path, column: str, value: object) -> None:
    change(mirror, "UPDATE packages SET archived = 1, repo_description = 'old; use django-b', repo_state = 'ok'")
    assert apply(mirror, Damage("packages", column, 0, value))
    (facts,) = (one for one in read(mirror, "django-a", "django-b").packages.values() if one.id == 1)
    assert facts.description == ("" if column == "repo_description" else "old; use django-b")
    assert all(isinstance(one, str | None) for one in (facts.repo_state, facts.newest, facts.suggestion))
