"""What requires what, in `list` and `show`."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from djpkg.cli import options
from tests.check.directory import Package, make_directory
from tests.cli.running import run, run_on_terminal
from tests.mirrors import NOW, build_once

BEFORE = NOW - timedelta(days=400)
FORMS = Package("django-forms", archived=True, days=900)
NEW_FORMS = Package("django-new-forms")


def users(*requires: str) -> list[Package]:
    """Four packages that require these; the last is archived, and the first two have been renewed."""
    names = ("django-a", "django-b", "django-c", "django-d")
    return [
        Package(name, requires=requires, archived=name == "django-d", versions=("1.0", "2.0", f"3.{place}"))
        for place, name in enumerate(names)
    ]


@pytest.fixture(scope="module")
def _content() -> bytes:
    return build_once(fill)


@pytest.fixture
def mirror(_content: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mirror in which two of four packages went from one package to another a year ago."""
    monkeypatch.setattr(options, "now", lambda: NOW)
    path = Path(os.environ["DJPKG_DB"])
    path.write_bytes(_content)
    return path


def fill(path: Path) -> None:
    old = users('django-forms>=1; python_version >= "3.8"', "Django>=4.2")
    make_directory(path, [FORMS, NEW_FORMS, *old], now=BEFORE)
    renewed = users("django-new-forms>=2", "Django>=4.2")
    make_directory(path, [FORMS, NEW_FORMS, *renewed[:2], *old[2:]])


def slugs(*arguments: str) -> list[str]:
    return [line.split("\t")[0] for line in run("list", *arguments).lines]


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (["requires:django-forms"], ["django-c", "django-d"]),
        (["requires:Django_Forms"], ["django-c", "django-d"]),
        (["requires:1"], ["django-c", "django-d"]),
        (["requires:mara/django-forms"], ["django-c", "django-d"]),
        (["requires:django-forms", "-is:archived"], ["django-c"]),
        (["requires:django-forms,django-new-forms"], ["django-a", "django-b", "django-c", "django-d"]),
        (["-requires:django-new-forms", "requires:any"], ["django-c", "django-d"]),
        (["requires:django-a"], []),
        (["used_by:1.."], ["django-forms", "django-new-forms"]),
    ],
)
def test_dependents_are_found(mirror: Path, terms: list[str], found: list[str]) -> None:
    assert sorted(slugs(*terms)) == found


def test_dependents_are_found_by_a_project_that_is_named_otherwise(mirror: Path) -> None:
    with closing(sqlite3.connect(mirror)) as db, db:
        db.execute("UPDATE packages SET slug = 'form-kit' WHERE slug = 'django-forms'")
    assert slugs("requires:form-kit") == slugs("requires:django-forms") == ["django-c", "django-d"]


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("django-form", "package 'django-form' not found in the mirror", "did you mean django-forms"),
        ("django", "'django' is no package of the catalog", "django_requires:any finds what requires Django"),
        ("zzz", "package 'zzz' not found in the mirror", "djpkg list WORD searches for packages"),
    ],
)
@pytest.mark.parametrize("command", ["list", "compare", "changes", "fetch"])
def test_an_unknown_required_package_is_a_usage_error(
    mirror: Path, command: str, value: str, message: str, hint: str
) -> None:
    result = run(command, f"-requires:{value}")
    assert (result.code, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert first == f"djpkg: {message}"
    assert second.startswith(f"       {hint}")


def test_what_is_dead_and_still_required_comes_first(mirror: Path) -> None:
    assert slugs("is:archived", "--sort", "used_by") == ["django-forms", "django-d"]
    rows = json.loads(run("list", "--sort", "used_by", "--json", "-f", "slug,used_by,requires", "-n", "3").out)
    assert rows == [
        {"slug": "django-forms", "used_by": 2, "requires": []},
        {"slug": "django-new-forms", "used_by": 2, "requires": []},
        {"slug": "django-a", "used_by": 0, "requires": ["django-new-forms"]},
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_number_is_a_column_where_the_list_is_about_it(mirror: Path, width: int) -> None:
    for about in (["--sort", "used_by"], ["used_by:1.."], ["used_by:any", "is:archived"]):
        header, *lines = run_on_terminal("list", *about, width=width).lines
        assert "USED BY" in header
        end = header.index("USED BY") + len("USED BY")
        (forms,) = [line for line in lines if line.startswith("django-forms ")]
        assert forms[:end].split()[-1] == "2"
        assert max(map(len, lines)) <= width
    assert "USED BY" not in run_on_terminal("list", width=width).out


def test_the_card_names_what_requires_the_package_and_what_left_it(mirror: Path) -> None:
    lines = run_on_terminal("show", "django-forms", width=100).lines
    place = next(number for number, line in enumerate(lines) if line.startswith("  used by"))
    assert lines[place : place + 2] == [
        "  used by   2 packages, 1 active: django-c and django-d",
        f"            left by 2 since {NOW.year}; all of them now require django-new-forms",
    ]
    assert "  requires  django-new-forms" in run_on_terminal("show", "django-a").lines
    assert "  requires  django-forms archived" in run_on_terminal("show", "django-c").lines
    unrelated = run_on_terminal("show", "django-a").out
    assert "used by" not in unrelated
    assert "left by" not in unrelated


def test_the_sources_state_the_release_and_the_day_of_each_requirement(mirror: Path) -> None:
    report = json.loads(run("show", "django-c", "--sources", "--json", "-f", "slug").out)
    marker = 'python_version >= "3.8"'
    assert report["requirements"] == [
        {
            "slug": "django-forms",
            "state": "archived",
            "specifier": ">=1",
            "marker": marker,
            "version": "3.2",
            "since": BEFORE.date().isoformat(),
        }
    ]
    words = f"django-forms >=1; {marker}, from release 3.2, seen since {BEFORE.date()}"
    row = run("show", "django-c", "--sources", "-f", "requires").lines[1].split("\t")
    assert (row[0], row[1], row[3]) == ("requires:django-forms", "pypi", words)
    assert words in " ".join(run_on_terminal("show", "django-c", "--sources", "-f", "requires", width=140).out.split())
    assert len(run("show", "django-c", "--sources", "-f", "slug").lines) == 1


def test_the_value_is_completed_from_the_mirror(mirror: Path) -> None:
    environment = {"_DJPKG_COMPLETE": "complete_bash", "COMP_WORDS": "djpkg list requires:django-n", "COMP_CWORD": "2"}
    assert run(env=environment).lines == ["requires:django-new-forms"]
