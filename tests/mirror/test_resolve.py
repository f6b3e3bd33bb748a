"""The ways to name a package."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from djpkg.errors import PackageNotFound
from djpkg.mirror import resolve
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.write import Writer
from djpkg.model.facts import Outcome
from djpkg.source_name import SourceName
from tests.mirrors import NOW, PACKAGES, catalog_facts, filled_mirror, forge_facts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

PUBLIC = "https://djangopackages.org/api/v4"
LARGE = 2**63 - 1
MORE = (
    catalog_facts(5, "lid", repo_url="https://gitlab.com/group/sub/lid", pypi_url="Lid.Maker"),
    catalog_facts(6, "django-kiln", repo_url="https://github.com/mara/other", pypi_url=""),
    catalog_facts(7, "2048", repo_url="", pypi_url=""),
    catalog_facts(8, "twin-a", repo_url="https://github.com/ines/twins", pypi_url="twins"),
    catalog_facts(
        9, "twin-b", repo_url="https://github.com/Ines/Twins.git", pypi_url="https://pypi.org/project/twins/"
    ),
    catalog_facts(10, "own", repo_url="https://git.example.org/mara/own", pypi_url=""),
    catalog_facts(11, "Über-Pots", repo_url="", pypi_url=""),
    catalog_facts(LARGE, "large", repo_url="", pypi_url="", repo_watchers=1, repo_forks=1),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = filled_mirror(tmp_path_factory.mktemp("mirror") / "mirror.db", (*PACKAGES, *MORE))
    with open_write(path) as db:
        writer = Writer(db, forges={"git.example.org": SourceName.FORGEJO})
        writer.store_catalog([MORE[5]], now=NOW, report_added=False)
        writer.store_catalog([catalog_facts(90, "reused"), catalog_facts(91, "vanished")], now=NOW, report_added=False)
        writer.mark_gone(90, now=NOW)
        writer.mark_gone(91, now=NOW)
        writer.store_catalog([catalog_facts(92, "reused")], now=NOW, report_added=False)
    return path


@pytest.mark.parametrize(
    "text",
    ["umbrella/kiln", "Umbrella/Kiln.git", "https://github.com/umbrella/kiln", "git@github.com:umbrella/Kiln.git"],
)
def test_a_moved_repository_is_found_by_its_new_address(tmp_path: Path, text: str) -> None:
    with open_write(filled_mirror(tmp_path / "mirror.db", PACKAGES)) as db:
        writer = Writer(db, forges={})
        moved = SourceAnswer("github.com/mara/django-pots", Outcome.UPDATED, forge_facts("umbrella/kiln"))
        writer.store_answers(SourceName.GITHUB, [moved], now=NOW)
        assert (
            resolve.find_ids(db, text, catalog=PUBLIC)
            == resolve.find_ids(db, "mara/django-pots", catalog=PUBLIC)
            == [1]
        )


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with open_read(path) as db:
        yield db


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("1", [1]),
        ("0001", [1]),
        (" 1 ", [1]),
        (str(LARGE), [LARGE]),
        (str(LARGE + 1), []),
        ("999", []),
        ("2048", [7]),  # digits are an id first, then a slug
        ("https://djangopackages.org/packages/p/2048/", [7]),
        ("https://djangopackages.org/packages/p/2/", [2]),
        ("django-pots", [1]),
        ("Django_Pots", [1]),
        ("Django_Kiln", [4]),  # an exact match comes first
        ("django-kiln", [6]),
        ("DJANGO-KILN", [4, 6]),
        ("Über-Pots", [11]),
        ("reused", [92]),  # a listed package comes before a removed one
        ("vanished", [91]),
        ("https://djangopackages.org/packages/p/django-pots/", [1]),
        ("https://www.djangopackages.org/packages/p/django-pots", [1]),
        ("djangopackages.org/packages/p/lids/?x=1", [3]),
        ("https://djangopackages.org/api/v4/packages/2/", [2]),
        ("http://djangopackages.com/packages/p/django-pots/", [1]),
        ("https://www.djangopackages.com/packages/p/Django_Kiln/", [4]),
        ("www.djangopackages.com/packages/p/2048", [7]),
        ("djangopackages.com/packages/p/lids/", [3]),
        ("https://djangopackages.com.example.org/packages/p/lids/", []),
        ("http://127.0.0.1:8000/api/v4/packages/django-pans/", [2]),
        ("https://example.org/packages/p/django-pots/", []),
        ("mara/django-pots", [1]),
        ("Mara/Django-Pots.git", [1]),
        ("github.com/mara/django-pots", [1]),
        ("git@github.com:mara/django-pots.git", [1]),
        ("https://github.com/mara/django-pots/tree/main/docs", [1]),
        ("https://gitlab.com/mara/django-pots", []),
        ("group/sub/lid", [5]),
        ("ines/twins", [8, 9]),
        ("https://git.example.org/mara/own", [10]),
        ("lid-maker", [5]),
        ("https://pypi.org/project/LID.maker/", [5]),
        ("twins", [8, 9]),
        ("", []),
        ("/", []),
        ("a b", []),
        ("\udcff", []),
        ("\udcff/pots", []),
        ("https://[", []),
        ("x" * 100_000, []),
        ("%", []),
        ("' OR 1=1 --", []),
    ],
)
def test_a_text_finds_matching_packages(db: sqlite3.Connection, text: str, ids: list[int]) -> None:
    forges = {"git.example.org": SourceName.FORGEJO}
    assert sorted(resolve.find_ids(db, text, catalog="http://127.0.0.1:8000/api/v4", forges=forges)) == ids


def test_a_single_match_is_returned(db: sqlite3.Connection) -> None:
    assert resolve.get_id(db, "django-pots", catalog=PUBLIC) == 1


def test_several_matches_are_an_error_that_names_them(db: sqlite3.Connection) -> None:
    with pytest.raises(PackageNotFound, match="matches 2 packages: twin-a, twin-b") as raised:
        resolve.get_id(db, "twins", catalog=PUBLIC)
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("django-pot", "did you mean django-pots"),
        ("django-pot", "look it up in the catalog: djpkg fetch django-pot"),
        ("DJANGO_POT", "django-pots"),
        ("https://djangopackages.org/packages/p/django-pot/", "djpkg fetch django-pot"),
        ("777", "djpkg fetch 777"),
        ("zzz/yyy", "to fetch the whole catalog: djpkg fetch --all"),
        ("\udcff", "djpkg fetch --all"),
    ],
)
def test_an_unknown_name_suggests_the_nearest_and_the_fetch_command(
    db: sqlite3.Connection, text: str, hint: str
) -> None:
    with pytest.raises(PackageNotFound) as raised:
        resolve.get_id(db, text, catalog=PUBLIC)
    assert hint in (raised.value.hint or "")


@settings(
    derandomize=True, deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
@example(text="https://djangopackages.org/packages/p/%ff%00/")
@example(text="https://djangopackages.org/packages/p/%ed%b0%80/")
def test_any_text_is_accepted(db: sqlite3.Connection, text: str) -> None:
    found = resolve.find_ids(db, text, catalog=PUBLIC)
    if len(found) != 1:
        with pytest.raises(PackageNotFound):
            resolve.get_id(db, text, catalog=PUBLIC)


@pytest.mark.parametrize("text", ["x" * 99_999, "https://robot:canary@example.org/" + "x" * 99_999])
def test_an_unknown_name_is_shortened_and_shown_without_credentials(db: sqlite3.Connection, text: str) -> None:
    with pytest.raises(PackageNotFound) as raised:
        resolve.get_id(db, text, catalog=PUBLIC)
    assert len(str(raised.value)) < 200
    assert "canary" not in f"{raised.value} {raised.value.hint}"


@pytest.mark.parametrize(
    ("name", "asked"), [("pots", True), ("1", True), ("Pots_2.x", True), ("a/b", False), ("", False), ("a b", False)]
)
def test_names_that_the_catalog_can_look_up(name: str, *, asked: bool) -> None:
    assert resolve.is_id_or_slug(name) is asked


@pytest.mark.parametrize("slug", ["😀emoji", "a b", "x+y", "über/pots", "sl@sh"])
def test_every_slug_of_the_mirror_is_found(tmp_path: Path, slug: str) -> None:
    path = filled_mirror(tmp_path / "mirror.db", [catalog_facts(5, slug, repo_url="", pypi_url="")])
    with open_read(path) as db:
        assert resolve.get_id(db, slug, catalog=PUBLIC) == 5


def test_a_requirement_is_the_slug_of_a_package_without_a_project(tmp_path: Path) -> None:
    packages = [
        catalog_facts(5, "Django_Ajax", repo_url="", pypi_url=""),
        catalog_facts(6, "django-forms", repo_url="", pypi_url="other-project"),
    ]
    with open_read(filled_mirror(tmp_path / "mirror.db", packages)) as db:
        find = partial(resolve.find_by_project, db, catalog=PUBLIC)
        assert find("django-ajax", None) == [5]
        assert find("django-ajax", "https://github.com/fork/django-ajax") == []
        assert find("django-forms", None) == []  # another project has that name
        assert find("other-project", None) == [6]


def test_the_suggested_command_accepts_a_name_that_begins_with_a_dash(path: Path) -> None:
    with open_read(path) as db, pytest.raises(PackageNotFound) as caught:
        resolve.get_id(db, "-1", catalog=PUBLIC)
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("to look it up in the catalog: djpkg fetch -- -1")
