"""What is offered in place of a dead package, and what is not."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from djpkg.check.instead import successor_names
from tests.check.directory import Package, make_directory
from tests.cli.running import run
from tests.mirrors import NOW

DEAD = Package("django-dead", archived=True, days=900)


def instead(*packages: Package, dead: Package = DEAD) -> list[tuple[str, str]]:
    """Return what is offered for the dead package in a directory with these packages too."""
    make_directory(Path(os.environ["DJPKG_DB"]), [dead, *packages])
    return offered()


def offered() -> list[tuple[str, str]]:
    report = json.loads(run("check", "-", "--json", stdin="django-dead\n").out)
    (package,) = report["packages"]
    return [(one["slug"], one["reason"]) for one in package["instead"]]


@pytest.mark.parametrize(
    ("description", "names"),
    [
        ("DEPRECATED: use django-alive instead", ["django-alive"]),
        ("Unmaintained. Please use `django-alive`.", ["django-alive"]),
        ("Superseded by alive", ["alive"]),
        ("No longer maintained, in favour of Alive.", ["Alive"]),
        ("Moved to https://github.com/mara/django-alive.", ["https://github.com/mara/django-alive"]),
        ("[ARCHIVED] see mara/django-alive", ["mara/django-alive"]),
        ("Replaced by django-a; or try django-b", ["django-a", "django-b"]),
        ("Use django-alive to draw forms.", []),
        ("A modern way to use forms instead of tables", []),
        ("Deprecated. Use 2 instead", []),
        ("Deprecated, see the README", []),
        ("", []),
        ("Soft delete: archived rows are kept. See django-alive for the models.", []),
        ("Unmaintained. Please do not use django-alive with this.", []),
        ("Moved files in the admin; use django-alive to store them.", []),
        ("Successor to django-alive. No longer maintained.", []),
        ("Deprecated, never try django-alive", []),
        ("Deprecated: don't use django-alive", []),
        ("No longer maintained by or in favour of django-alive; no longer use django-alive", ["django-alive"]),
        ("A replacement for the abandoned django-foo. Compare and see django-alive.", []),
        ("This project is no longer maintained. Use django-alive.", ["django-alive"]),
        ("No longer maintained in favour of django-alive", ["django-alive"]),
        ("Deprecated; use django-alive", ["django-alive"]),
        ("The successor is django-alive; this one is dead", []),
        ("Dead: the successor is django-alive", ["django-alive"]),
    ],
)
def test_the_successors_that_a_description_names(description: str, names: list[str]) -> None:
    assert successor_names(description) == names


@pytest.mark.parametrize(
    "description",
    [
        "Deprecated: use django-alive",
        "Superseded by https://github.com/mara/django-alive",
        "Dead. See mara/django-alive",
    ],
)
def test_a_named_successor_is_offered(description: str) -> None:
    assert instead(Package("django-alive"), dead=replace(DEAD, description=description)) == [
        ("django-alive", "its description names it")
    ]


@pytest.mark.parametrize(
    "unfit",
    [
        Package("django-alive", archived=True), Package("django-alive", state="gone"),
        Package("django-alive", project_gone=True), Package("django-alive", days=400),
        Package("django-alive", requires=("Django<3",)), Package("django-alive", requires=("Django>=7",)),
        Package("django-alive", python="<3.9"), Package("django-alive", answered=False),
        Package("django-alive", yanked=("1.0", "1.1", "2.0")),
    ],
)  # fmt: skip
def test_nothing_that_is_not_alive_is_offered(unfit: Package) -> None:
    assert instead(unfit, dead=replace(DEAD, description="Deprecated: use django-alive")) == []


def test_a_package_never_replaces_itself_and_unknown_names_are_not_offered() -> None:
    dead = replace(DEAD, description="Deprecated: use django-dead or use django-nowhere")
    assert instead(Package("django-alive"), dead=dead) == []
    assert "none known" in run("check", "-", stdin="django-dead\n").out


def test_the_place_that_the_project_names_is_offered() -> None:
    dead = replace(DEAD, state="gone", homepage="https://gitlab.com/mara/alive")
    packages = [dead, Package("django-alive")]
    path = make_directory(Path(os.environ["DJPKG_DB"]), packages)

    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE packages SET repository_key = 'gitlab.com/mara/alive' WHERE slug = 'django-alive'")
    assert offered() == [("django-alive", "the repository moved there")]


def test_the_living_repository_that_a_project_names_is_offered_without_a_package_there() -> None:
    dead = replace(DEAD, state="gone", homepage="https://gitlab.com/mara/alive")
    assert instead(dead=dead) == [("https://gitlab.com/mara/alive", "the project names it")]
    assert "none known" not in run("check", "-", stdin="django-dead\n").out


def switching(number: int, *, day: int, new: str = "django-alive", old: str = "django-dead") -> Package:
    """Return a package that requires `old` before the day `day`, and `new` from then on."""
    requires = ("Django>=4.2", f"{new}>=1", "django-common") if day <= 0 else ("Django>=4.2", old, "django-common")
    return Package(f"django-user-{number}", requires=requires)


def test_where_former_dependents_went_is_offered() -> None:
    path = Path(os.environ["DJPKG_DB"])
    others = [Package("django-alive"), Package("django-common"), Package("django-rare")]
    for today in range(10):  # one of five switches on each of the first days; the last one to something else
        users = [
            switching(number, day=number + 1 - today, new="django-rare" if number == 4 else "django-alive")
            for number in range(5)
        ]
        staying = [Package("django-staying", requires=("django-dead",))]
        make_directory(path, [DEAD, *others, *users, *staying], now=NOW - timedelta(days=9 - today))
    assert offered() == [("django-alive", "4 of 5 packages that stopped requiring it now require this one")]


def test_what_a_single_former_dependent_added_among_others_is_not_offered() -> None:
    path = Path(os.environ["DJPKG_DB"])
    others = [DEAD, Package("django-alive"), Package("django-common")]
    user = Package("django-user", requires=("django-dead",))
    make_directory(path, [*others, user], now=NOW - timedelta(days=1))
    make_directory(path, [*others, replace(user, requires=("django-alive", "django-common"))])
    assert offered() == []


def test_at_most_three_are_offered() -> None:
    names = [f"django-alive-{number}" for number in range(5)]
    dead = replace(DEAD, description="Deprecated. " + ". ".join(f"Use {name}" for name in names))
    assert [slug for slug, _ in instead(*map(Package, names), dead=dead)] == names[:3]


@pytest.mark.parametrize(
    ("dead", "is_offered"),
    [
        (Package("django-dead", state="moved", project_gone=True), True),
        (Package("django-dead", state="moved", project_gone=True, archived=True), False),
        (Package("django-dead", state="moved", project_gone=True, days=400), False),
        (Package("django-dead", project_gone=True), False),
        (Package("django-dead", state="moved"), False),  # it is alive
    ],
)
def test_the_place_that_an_active_repository_moved_to_is_offered(dead: Package, *, is_offered: bool) -> None:
    found = instead(dead=dead)
    moved = ("https://github.com/mara/django-dead-new", "the repository moved there")
    assert found == ([moved] if is_offered else [])
    run("edit", "django-dead", "replaced_by=https://example.org/mine")
    assert offered() == [("https://example.org/mine", "your replaced_by"), *found]


def test_another_package_at_the_place_it_moved_to_is_offered_in_place_of_the_address() -> None:
    dead = Package("django-dead", state="moved", project_gone=True)
    path = make_directory(Path(os.environ["DJPKG_DB"]), [dead, Package("django-alive")])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE packages SET repository_key = 'github.com/mara/django-dead-new' WHERE slug = 'django-alive'")
    assert offered() == [("django-alive", "the repository moved there")]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE packages SET archived = 1 WHERE slug = 'django-alive'")
    assert offered() == []


def test_a_requirement_of_another_platform_does_not_make_a_successor_unfit() -> None:
    dead = replace(DEAD, description="Deprecated: use django-alive")
    alive = Package("django-alive", requires=('Django<3; sys_platform == "win32"',))
    assert instead(alive, dead=dead) == [("django-alive", "its description names it")]
