from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import MirrorBusy
from djpkg.mirror import connection, health, rebuild, schema
from djpkg.mirror.connection import open_write
from djpkg.mirror.seed import store_seed
from djpkg.model.forge_servers import forge_servers
from tests.fetching import Desk, add_starter
from tests.mirror.forks import run_in_child
from tests.mirrors import NOW, fetched_mirror, override
from tests.world import GITLAB, Release, World

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.world import WorldServer

NO_PROGRAMS = {"PATH": "/nonexistent"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    mirror = fetched_mirror(tmp_path / "mirror.db")
    with open_write(mirror) as db:
        override(db, 1, {"title": "Pots!", "note": "used", "tags": ["one"]})
    return mirror


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def examine(path: Path, env: Mapping[str, str] = NO_PROGRAMS) -> list[tuple[str, str, str, str]]:
    """Return name, status, message and remedy of the checks that are not ok."""
    results = health.examine(path, env, now=NOW)
    return [(one.name, *map(str, one.finding)) for one in results if one.finding.status != "ok"]  # type: ignore[misc]


def test_a_sound_mirror_passes_all_checks_and_is_unchanged(path: Path) -> None:
    before = path.read_bytes()
    results = health.examine(path, NO_PROGRAMS, now=NOW)
    assert [(result.name, result.finding.status) for result in results] == [
        (name, "ok") for name in (*health.CHECKS, "tokens")
    ]
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == ["mirror.db"]  # noqa: PTH208 - names


def test_the_seed_passes_all_checks(tmp_path: Path) -> None:
    path = tmp_path / "mirror.db"
    connection.create(path, fill=store_seed)
    assert examine(path) == []


@pytest.mark.parametrize(
    ("statements", "name", "words", "remedy"),
    [
        (["UPDATE packages SET repo_watchers = 7 WHERE id = 1"], "values", "django-pots (repo_watchers)", "--rebuild"),
        (["UPDATE packages SET used_by = 7 WHERE id = 1"], "values", "django-pots (used_by)", "--rebuild"),
        (["DELETE FROM package_grids WHERE package_id = 1"], "values", "django-pots (grids)", "--rebuild"),
        (["DELETE FROM overrides"], "values", "django-pots (title, edited)", "--rebuild"),
        (["DROP INDEX packages_slug"], "schema", "index packages_slug is missing", "--rebuild"),
        (["DROP TABLE projects"], "schema", "table projects is missing", "restore a backup"),
        (
            ["INSERT INTO packages_fts (packages_fts) VALUES ('delete-all')"],
            "words",
            "searches for words are wrong",
            "--rebuild",
        ),
        (["INSERT INTO history (package_id, day) VALUES (7, 'x')"], "foreign keys", "1 in history", "--rebuild"),
        (["INSERT INTO tags VALUES (7, 'x', 'y')"], "foreign keys", "1 in tags; they are kept", "djpkg fetch --all"),
        (["UPDATE facts SET facts = '{' || 'x' WHERE 0", "UPDATE tags SET tag = ' '"], "edits", "tags", "--unset tags"),
        (
            ["UPDATE overrides SET value = '5'"],
            "edits",
            "django-pots: your value of title is invalid and not used",
            "djpkg edit django-pots --unset title removes it",
        ),
        (["UPDATE facts SET facts = '{}' WHERE source = 'github'"], "rows", "django-pots", "then djpkg fetch"),
        (["UPDATE facts SET answered = '2027-01-01T00:00:00Z'"], "clock", "2027-01-01T00:00:00Z", "set the clock"),
        (["UPDATE tags SET tag = 'one,two'"], "edits", "django-pots: your value of tags", "--unset tags"),
        (["UPDATE tags SET tag = 'Two'"], "values", "django-pots (tags)", "djpkg doctor --rebuild"),
        (["INSERT INTO projects (name, facts) VALUES ('django', '[]')"], "rows", "1 in projects", "--rebuild deletes"),
    ],
)
def test_each_planted_fault_is_named_with_its_remedy(
    path: Path, statements: list[str], name: str, words: str, remedy: str
) -> None:
    change(path, *statements)
    found = [one for one in examine(path) if one[0] == name]
    assert any(words in message and remedy in how for _, _, message, how in found), examine(path)


def test_an_index_that_misses_a_row_is_found_and_rebuilt(path: Path) -> None:
    sql = "SELECT sql FROM sqlite_master WHERE name = 'packages_slug'"
    with closing(sqlite3.connect(path)) as db:
        (before,) = db.execute(sql).fetchone()
    change(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = sql || ' WHERE id < 3' WHERE name = 'packages_slug'",
    )
    change(path, "REINDEX packages_slug", "PRAGMA writable_schema = ON")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'packages_slug'", (before,))
    ((name, status, message, remedy),) = examine(path)
    assert (name, status, remedy) == ("integrity", "fault", "djpkg doctor --rebuild")
    assert "packages_slug" in message


def test_damaged_pages_are_recovered_with_sqlite(path: Path) -> None:
    sound = path.read_bytes()
    pages = range(1, len(sound) // 4096, 2)
    remedies = []
    for page in pages:
        path.write_bytes(sound[: page * 4096] + b"\xff" * 200 + sound[page * 4096 + 200 :])
        found = examine(path)
        assert all(status == "fault" for _, status, _, _ in found)
        remedies.append({remedy for _, _, _, remedy in found})
    recovered = [any(f"sqlite3 {path} .recover" in remedy for remedy in one) for one in remedies]
    assert sum(recovered) > len(pages) * 0.7
    assert sum(map(bool, remedies)) == len(pages)


def test_a_file_that_sqlite_cannot_read_is_a_fault(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)
    ((name, status, message, remedy),) = examine(path)
    assert (name, status) == ("mirror", "fault")
    assert "is damaged" in message
    assert f"sqlite3 {path} .recover" in remedy


def test_other_files_are_no_mirror_to_recover(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine" * 100)
    for place in (path, tmp_path):
        ((name, status, _, remedy),) = examine(place)
        assert (name, status, remedy) == ("mirror", "fault", "name another file with --db or DJPKG_DB")


def test_a_mirror_that_may_not_be_read_is_not_called_damaged(path: Path) -> None:
    path.chmod(0o000)
    found = run_in_child(lambda: examine(path), as_nobody=True)
    assert [(name, status) for name, status, _, _ in found] == [("mirror", "fault")]
    assert "permission" in found[0][2].lower()
    assert ".recover" not in found[0][3]


def test_a_missing_mirror_is_a_warning(tmp_path: Path) -> None:
    ((name, status, _, remedy),) = examine(tmp_path / "none.db")
    assert (name, status) == ("mirror", "warning")
    assert remedy.startswith("djpkg fetch")


def test_older_and_newer_mirrors(tmp_path: Path, path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        schema.migrate(db, steps=schema.STEPS[:1])
    ((name, status, message, remedy),) = examine(old)
    assert (name, status, remedy) == ("mirror", "warning", "djpkg fetch upgrades it")
    assert "format 1" in message
    change(path, "PRAGMA user_version = 99")
    ((name, status, message, remedy),) = examine(path)
    assert (name, status, remedy) == ("mirror", "fault", "upgrade djpkg; the file is unchanged")


def test_hard_links_a_wal_and_the_rights_of_others(path: Path) -> None:
    path.chmod(0o666)
    assert [one[:2] for one in examine(path)] == [("permissions", "warning")]
    os.link(path, path.with_name("hard.db"))
    assert [one[:2] for one in examine(path)] == [("permissions", "fault")]


def test_a_locked_mirror_is_not_judged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(MirrorBusy):
            health.examine(path, NO_PROGRAMS, now=NOW)


def test_values_that_follow_from_another_setting_of_forges_are_no_fault(path: Path) -> None:
    url = "https://git.acme.test/a/b"
    change(path, f"UPDATE facts SET facts = json_set(facts, '$.repo_url', '{url}') WHERE source = 'catalog'")
    configured = {**NO_PROGRAMS, "DJPKG_FORGES": "git.acme.test=gitlab"}
    for before, now in ((configured, NO_PROGRAMS), (NO_PROGRAMS, configured)):
        rebuild.rebuild(path, forges=forge_servers(before), now=NOW)
        assert examine(path, before) == []
        ((name, status, message, remedy),) = examine(path, now)
        assert (name, status) == ("values", "warning")
        assert "DJPKG_FORGES: git.acme.test" in message
        assert "DJPKG_FORGES" in remedy
        change(path, "UPDATE packages SET title = 'wrong' WHERE id = 2")
        assert [(name, status) for name, status, *_ in examine(path, now)] == [
            ("values", "fault"),
            ("values", "warning"),
        ]


def test_tokens_are_named_and_never_shown(path: Path) -> None:
    secret = "ghp_CANARYcanaryCANARYcanary00"
    env = {**NO_PROGRAMS, "GH_TOKEN": secret, "BITBUCKET_TOKEN": "nocolon-0123456789"}
    shown = str(health.examine(path, env, now=NOW))
    assert "GH_TOKEN" in str(health.examine(path, {**NO_PROGRAMS, "GH_TOKEN": secret}, now=NOW))
    assert secret not in shown
    assert "BITBUCKET_TOKEN does not have the form EMAIL:TOKEN" in shown


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    world.add_grid(7, "Forms")
    needed = Release("1.0", world.now - timedelta(days=30), requires_dist=("django>=4.2", "beta>1"))
    world.add_project("django", [("4.2", 900), ("5.2", 100)])
    world.add_package("alpha", id=1, license="MIT", stars=5, commits=[1, 9, 40], releases=[needed], grids=[7])
    world.add_package("beta", id=2, commits=[1, 360], releases=[needed], grids=[7])
    world.add_package("on-gitlab", id=3, host=GITLAB, path="group/x", commits=[3], stars=4)
    return world


def test_a_mirror_passes_all_checks_after_each_of_several_fetches(server: WorldServer, tmp_path: Path) -> None:
    desk = Desk(server, tmp_path / "mirror.db")
    for days in (0, 1, 20):
        desk.advance(days=days)
        if days == 20:
            del server.world.packages[2]
            repository = server.world.find_repo(GITLAB, "group/x")
            assert repository is not None
            server.world.delete(repository)
        desk.fetch()
        desk.edit("alpha", title=f"Mine {days}", tags=["one"])
        results = health.examine(desk.path, NO_PROGRAMS, now=server.world.now)
        assert [result for result in results if result.finding.status != "ok"] == []


# Columns with texts, times that sources state, and times until which a source is not asked.
_NO_STORED_TIMES = {
    "categories": "slug title title_plural description",
    "grids": "slug title description",
    "facts": "source coordinate outcome error etag retry_after facts",
    "projects": "name outcome error etag retry_after facts",
    "overrides": "field value",
    "notes": "note",
    "tags": "tag",
    "runs": "asked report",
    "events": "event old new",
    "sources": "source pool reset not_before",
    "sweeps": "source",
    "snapshots": "address etag modified sha256",
    "requirements": "project requires specifier marker version",
    "releases": "project version uploaded requires_python",
    "project_releases": "project version uploaded requires_python",
    "history": "coordinate",
}


def test_every_time_that_djpkg_stores_is_compared_with_the_clock(path: Path) -> None:
    tables = {one.name for one in rebuild.expected_schema().values() if one.type == "table"} - {"packages"}
    compared = {(table, column) for _, table, columns in health._STORED_TIMES for column in columns}
    with closing(sqlite3.connect(path)) as db:
        texts = {
            (table, name)
            for table in tables
            for _, name, declared, *_ in db.execute(f"PRAGMA table_info({table})")
            if declared == "TEXT" and name not in _NO_STORED_TIMES.get(table, "").split()
        }
    assert compared == texts


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "INSERT OR REPLACE INTO sweeps VALUES ('catalog', '2030-01-01T00:00:00.000000Z', 4, 4)",
            "the list of a source",
        ),
        ("INSERT INTO history (package_id, day) VALUES (1, '2030-01-01')", "the history"),
        ("UPDATE tags SET edited = '2030-01-01T00:00:00Z'", "a tag"),
    ],
)
def test_a_stored_time_in_the_future_is_found_also_beside_an_invalid_one(
    path: Path, statement: str, words: str
) -> None:
    change(path, statement, "INSERT INTO tags VALUES (2, 'two', 'yesterday')")
    ((status, message),) = [(status, message) for name, status, message, _ in examine(path) if name == "clock"]
    assert status == "warning"
    assert f"but {words} is dated 2030-01-01T00:00:00Z" in message


def test_rebuild_resets_facts_of_a_project_that_are_no_object(path: Path) -> None:
    change(path, "INSERT INTO projects (name, facts, etag, serial) VALUES ('django', '[]', 'x', 5)")
    rebuild.rebuild(path, forges={}, now=NOW)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT facts, etag, serial FROM projects").fetchall() == [(None, None, None)]
    assert examine(path) == []


def test_tags_in_another_spelling_are_valid_and_the_next_edit_writes_them_anew(path: Path) -> None:
    change(path, "INSERT INTO tags VALUES (1, 'One', '2026-01-01T00:00:00Z'), (1, 'My  Tag', '2026-01-01T00:00:00Z')")
    rebuild.rebuild(path, forges={}, now=NOW)
    assert examine(path) == []
    with open_write(path) as db:
        assert db.execute("SELECT tags FROM packages WHERE id = 1").fetchall() == [('["my tag","one"]',)]
        override(db, 1, {"tags": ["my tag"]})
        assert db.execute("SELECT tag FROM tags").fetchall() == [("my tag",)]
