"""Edits follow a package that the catalog removed and listed again with another id."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.fetch.report_text import summary_lines
from djpkg.mirror.connection import open_write
from djpkg.mirror.package import get_merged
from djpkg.mirror.removed_edits import find_removed_edits
from djpkg.mirror.write import Writer
from djpkg.model.overrides import merge_lists
from djpkg.model.repository_url import NO_FORGES
from tests.cli.running import run, run_on_terminal
from tests.fetching import Desk, add_starter
from tests.mirrors import NOW, PACKAGES, POTS, filled_mirror, override

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from djpkg.model.facts import CatalogFacts
    from tests.world import World, WorldServer

MINE: dict[str, Any] = {"title": "Mine", "documentation_url": "https://mine.example.org/", "grids": [12]}
PRIVATE: dict[str, Any] = {"note": "used by billing", "tags": ["one", "prod"], "replaced_by": "lids"}
ELSEWHERE = "https://github.com/otto/pots"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled_mirror(tmp_path / "mirror.db")


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    with open_write(path) as db:
        yield db


@pytest.fixture
def writer(db: sqlite3.Connection) -> Writer:
    return Writer(db, forges=NO_FORGES)


def relist(writer: Writer, record: CatalogFacts, *, removed_first: bool) -> None:
    """Replace package 1 by the record, in either order: a sweep reads the newest packages first."""
    if removed_first:
        writer.mark_gone(1, now=NOW)
    writer.store_catalog([record], now=NOW, report_added=True)
    if not removed_first:
        writer.mark_removed({one.id for one in (*PACKAGES[1:], record)}, now=NOW, report=True)


def edited(db: sqlite3.Connection, package: int) -> set[str]:
    sql = (
        "SELECT field FROM overrides WHERE package_id = :package"
        " UNION SELECT 'note' FROM notes WHERE package_id = :package"
        " UNION SELECT 'tags' FROM tags WHERE package_id = :package"
    )
    return {field for (field,) in db.execute(sql, {"package": package})}


@pytest.mark.parametrize("removed_first", [True, False])
@pytest.mark.parametrize("slug", ["django-pots", "Django_Pots"])
def test_edits_move_to_the_new_id_of_the_same_repository(
    db: sqlite3.Connection, writer: Writer, slug: str, *, removed_first: bool
) -> None:
    override(db, 1, MINE)
    relist(writer, replace(POTS, id=77, slug=slug, title="New"), removed_first=removed_first)
    assert (edited(db, 1), edited(db, 77)) == (set(), set(MINE))
    row = db.execute("SELECT title, documentation_url, grids FROM packages WHERE id = 77").fetchone()
    assert row == ("Mine", "https://mine.example.org/", "[12]")
    assert db.execute("SELECT title, edited FROM packages WHERE id = 1").fetchone() == ("Django Pots", "[]")
    assert writer.carried_over == [(1, 77)]
    assert find_removed_edits(db) == []


@pytest.mark.parametrize("removed_first", [True, False])
def test_an_edit_that_the_new_record_states_is_no_edit_any_more(
    db: sqlite3.Connection, writer: Writer, *, removed_first: bool
) -> None:
    override(db, 1, MINE | {"repo_description": "About pots"})
    same = {"title": "Mine", "documentation_url": MINE["documentation_url"]}
    relist(writer, replace(POTS, id=77, **same), removed_first=removed_first)
    assert (edited(db, 1), edited(db, 77)) == (set(), {"grids", "repo_description"})
    row = db.execute("SELECT title, documentation_url, edited FROM packages WHERE id = 77").fetchone()
    assert row == (*same.values(), '["grids","repo_description"]')


def test_an_edit_of_the_new_package_that_became_equal_stays(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, {"grids": [12]})
    writer.store_catalog([replace(POTS, id=77)], now=NOW, report_added=True)
    override(db, 77, {"title": "Mine"})
    writer.store_catalog([replace(POTS, id=77, title="Mine")], now=NOW, report_added=True)
    writer.mark_gone(1, now=NOW)
    assert edited(db, 77) == {"grids", "title"}


@pytest.mark.parametrize(("slug", "moves"), [("Django_Pots", False), ("django-pots", True)])
def test_a_long_listed_package_gets_edits_only_under_the_exact_slug(
    db: sqlite3.Connection, writer: Writer, slug: str, *, moves: bool
) -> None:
    override(db, 1, MINE)
    writer.store_catalog([replace(POTS, id=77, slug=slug)], now=NOW, report_added=True)
    later = Writer(db, forges=NO_FORGES)  # another fetch
    later.mark_gone(1, now=NOW)
    assert edited(db, 77) == (set(MINE) if moves else set())
    assert later.carried_over == ([(1, 77)] if moves else [])
    assert [left.removed_id for left in find_removed_edits(db)] == ([] if moves else [1])


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param(
            {"repo_url": ELSEWHERE, "title": "Mine"}, id="the new record has the address that the user had corrected"
        ),
        pytest.param({"repo_url": "https://gitlab.com/x/y", "title": "Mine"}, id="the address upstream is the same"),
    ],
)
def test_the_repository_is_compared_as_edited_and_as_listed(
    db: sqlite3.Connection, writer: Writer, edits: dict[str, Any]
) -> None:
    override(db, 1, edits)
    address = ELSEWHERE if edits["repo_url"] == ELSEWHERE else POTS.repo_url
    relist(writer, replace(POTS, id=77, repo_url=address), removed_first=True)
    assert edited(db, 77) == ({"title"} if address == ELSEWHERE else set(edits))


def test_a_moved_repository_is_the_same(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, MINE)
    db.execute("UPDATE packages SET moved_to = ? WHERE id = 1", (ELSEWHERE,))
    relist(writer, replace(POTS, id=77, repo_url=ELSEWHERE), removed_first=True)
    assert edited(db, 77) == set(MINE)


@pytest.mark.parametrize("address", [ELSEWHERE, ""])
def test_edits_stay_where_only_the_slug_is_the_same(db: sqlite3.Connection, writer: Writer, address: str) -> None:
    override(db, 1, MINE)
    relist(writer, replace(POTS, id=77, repo_url=address), removed_first=False)
    assert (edited(db, 1), edited(db, 77)) == (set(MINE), set())
    (left,) = find_removed_edits(db)
    assert (left.slug, left.id, left.removed_id, left.values) == ("django-pots", 77, 1, MINE)
    assert find_removed_edits(db, 77) == [left]
    assert find_removed_edits(db, 2) == []


@pytest.mark.parametrize("values", [PRIVATE, {"note": "mine"}, {"tags": ["prod"]}, MINE | PRIVATE])
def test_notes_tags_and_replacements_move_with_the_edits(
    db: sqlite3.Connection, writer: Writer, values: dict[str, Any]
) -> None:
    override(db, 1, values)
    relist(writer, replace(POTS, id=77), removed_first=True)
    assert (edited(db, 1), edited(db, 77)) == (set(), set(values))
    merged, _, _ = get_merged(db, 77, forges=NO_FORGES)
    assert {name: merged.values[name] for name in values} == values
    assert find_removed_edits(db) == []


def test_notes_and_tags_stay_where_only_the_slug_is_the_same_and_the_command_sets_them(
    path: Path, db: sqlite3.Connection, writer: Writer
) -> None:
    override(db, 1, PRIVATE)
    relist(writer, replace(POTS, id=77, repo_url=ELSEWHERE), removed_first=False)
    (left,) = find_removed_edits(db)
    assert left.values == PRIVATE
    assert run("edit", "77", *left.assignments, "--db", str(path)).code == 0
    assert edited(db, 77) == set(PRIVATE)
    assert find_removed_edits(db) == []


def test_own_tags_and_notes_of_the_new_package_are_kept(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, PRIVATE | MINE)
    writer.store_catalog([replace(POTS, id=77)], now=NOW, report_added=True)
    override(db, 77, {"tags": ["newer"], "note": "newer"})
    writer.mark_gone(1, now=NOW)
    assert db.execute("SELECT tag FROM tags WHERE package_id = 77").fetchall() == [("newer",)]
    assert db.execute("SELECT note FROM notes WHERE package_id = 77").fetchall() == [("newer",)]
    assert edited(db, 1) == {"note", "tags"}


def test_damaged_values_of_the_user_do_not_stop_a_sweep(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, MINE | PRIVATE)
    db.execute("PRAGMA ignore_check_constraints = ON")
    db.execute("UPDATE overrides SET value = '{' WHERE field = 'title'")
    db.execute("UPDATE tags SET tag = 'a,b' WHERE tag = 'one'")
    relist(writer, replace(POTS, id=77), removed_first=True)
    assert edited(db, 77) == (set(MINE) - {"title"}) | set(PRIVATE)
    assert db.execute("SELECT tags FROM packages WHERE id = 77").fetchone() == ('["prod"]',)


def test_two_packages_without_repository_are_not_the_same(db: sqlite3.Connection, writer: Writer) -> None:
    lids = PACKAGES[2]
    override(db, lids.id, {"title": "Mine"})
    writer.mark_gone(lids.id, now=NOW)
    writer.store_catalog([replace(lids, id=78)], now=NOW, report_added=True)
    assert edited(db, lids.id) == {"title"}


def test_an_edit_of_the_new_package_wins_and_the_old_one_is_not_lost(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, MINE)
    writer.store_catalog([replace(POTS, id=77)], now=NOW, report_added=True)
    override(db, 77, {"title": "Newer"})
    writer.mark_gone(1, now=NOW)
    assert db.execute("SELECT title FROM packages WHERE id = 77").fetchone() == ("Newer",)
    assert (edited(db, 1), edited(db, 77)) == ({"title"}, set(MINE))


def test_show_and_status_name_the_edits_and_the_command_that_carries_them_over(
    path: Path, writer: Writer, db: sqlite3.Connection
) -> None:
    override(db, 1, MINE)
    relist(writer, replace(POTS, id=77, repo_url=ELSEWHERE), removed_first=False)
    for shown in (run("show", "77", "--json"), run_on_terminal("show", "django-pots"), run("show", "django-pots")):
        assert shown.code == 0
        assert "3 edits (documentation_url, grids, title) belong to the removed package 1 of that name" in shown.err
    assert "removed package 1" in run_on_terminal("status", width=200).out
    (left,) = json.loads(run("status", "--json").out)["removed_edits"]
    assert (left["id"], left["removed_id"]) == (77, 1)
    command = shlex.split(shown.err.partition("to carry over: ")[2])
    assert command[:3] == ["djpkg", "edit", "django-pots"]
    assert run(*command[1:]).code == 0
    assert edited(db, 77) == set(MINE)
    row = db.execute("SELECT title, documentation_url, grids FROM packages WHERE id = 77").fetchone()
    assert row == ("Mine", "https://mine.example.org/", "[12]")
    assert run("show", "77").err == ""
    assert run("show", "1").err == ""
    assert "removed package" not in run_on_terminal("status", width=200).out


def test_an_edit_that_the_new_package_has_anyway_is_not_named(db: sqlite3.Connection, writer: Writer) -> None:
    override(db, 1, {"title": "Mine", "documentation_url": None, "grids": [10], "last_updated": "2026-01-03T06:16:36Z"})
    upstream: dict[str, Any] = {
        "title": "Mine",
        "documentation_url": "",
        "grids": (10,),
        "last_updated": "2026-01-03T02:16:36-04:00",
    }
    relist(writer, replace(POTS, id=77, repo_url=ELSEWHERE, **upstream), removed_first=True)
    assert find_removed_edits(db) == []


@pytest.mark.parametrize("named", [True, False])
def test_a_fetch_reports_edits_that_moved_and_edits_that_could_not(
    world: World, server: WorldServer, tmp_path: Path, *, named: bool
) -> None:
    add_starter(world)
    for number in range(1, 40):  # a list that loses more than a tenth removes nothing
        world.add_package(f"other-{number}", id=number, repo_url="", path=None)
    same = world.add_package("same", id=101, stars=1)
    other = world.add_package("other", id=102, stars=1)
    desk = Desk(server, tmp_path / "mirror.db")
    desk.fetch()
    for slug in ("same", "other"):
        desk.edit(slug, title="Mine")
    for package in (same, other):
        del world.packages[package.id]
    world.add_package("same", id=201, repo_url=same.repo_url)
    world.add_package("other", id=202, path="somebody/else", stars=2)
    desk.advance(hours=30)
    report = desk.fetch("same", "other") if named else desk.fetch()
    assert (report.exit_code, report.failures) == (0, [])
    assert [(one.slug, one.id, one.removed_id) for one in report.carried_over] == [("same", 201, 101)]
    assert [(one.slug, one.id, one.removed_id) for one in report.removed_edits] == [("other", 202, 102)]
    assert report.removed_edits[0].assignments == ["title=Mine"]
    assert "same: listed anew with id 201; your edits were kept" in summary_lines(report)
    assert desk.rows("SELECT title FROM packages WHERE id IN (201, 202) ORDER BY id") == [("Mine",), ("other",)]
    assert desk.fetch().removed_edits == []  # reported once


@pytest.mark.parametrize(
    ("before", "mine", "theirs", "merged"),
    [
        ("abc", "abcd", "abc", "abcd"),
        ("abc", "cab", "abc", "cab"),
        ("abc", "ab", "abcx", "abx"),
        ("abc", "abcd", "bc", "bcd"),
        ("abc", "dabc", "abxc", "dabcx"),
        ("abc", "abcx", "abcx", "abcx"),
        ("abc", "", "abcx", "x"),
        ("", "a", "b", "ab"),
    ],
)
def test_lists_are_merged_with_what_changed_meanwhile(before: str, mine: str, theirs: str, merged: str) -> None:
    assert "".join(map(str, merge_lists(before, mine, theirs))) == merged
