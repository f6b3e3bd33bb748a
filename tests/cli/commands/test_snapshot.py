"""``djpkg snapshot``, and ``djpkg fetch --from`` on the command line."""

from __future__ import annotations

import errno
import gzip
import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.mirror.connection import open_write, transaction
from djpkg.mirror.schema import VERSION
from tests.cli.running import run, run_on_terminal
from tests.mirrors import override
from tests.snapshots import read_lines

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "CANARY"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "s.jsonl.gz"


def test_an_empty_mirror_lists_the_packages_of_a_snapshot(fetched_mirror: Path, file: Path) -> None:
    before = run("list", "--json", "-f", "slug,stars,version,commits").out
    assert run("snapshot", str(file)) == (0, "", "")
    fetched_mirror.unlink()
    assert run("fetch", "--from", str(file)) == (0, "", "")
    listed = json.loads(run("list", "--json", "-f", "slug,stars,version,commits").out)
    assert [one for one in listed if one["slug"] != "django-todo"] == json.loads(before)
    assert run("list", "slug:django-pots", "-f", "slug").out == "django-pots\n"


def test_sources_say_which_answers_came_in_a_snapshot(fetched_mirror: Path, file: Path) -> None:
    assert "snapshot" not in run("show", "1", "--sources").out
    run("snapshot", str(file))
    fetched_mirror.unlink()
    run("fetch", "--from", str(file))
    line = run("show", "1", "--sources", "-f", "stars").out
    assert line.startswith("stars\tgithub\t2026-11-23T11:00:00Z\t5112\t")
    assert line.endswith("\tvia snapshot of 2026-11-23\n")
    assert "github, via snapshot of 2026-11-23" in run_on_terminal("show", "1", "--sources", "-f", "stars").out
    report = json.loads(run("show", "1", "--sources", "--json", "-f", "stars").out)
    assert report["fields"]["stars"]["via"] == "via snapshot of 2026-11-23"
    assert {source["via"] for source in report["sources"]} == {"via snapshot of 2026-11-23"}


def test_the_first_line_describes_the_snapshot_and_the_last_counts_the_lines(fetched_mirror: Path, file: Path) -> None:
    run("snapshot", str(file), "--history", "--no-participants")
    lines = read_lines(file)
    assert lines[0] == {
        "djpkg_snapshot": 1, "made": "2026-11-23T12:00:00Z", "packages": 4, "history": True, "participants": False,
    }  # fmt: skip
    assert lines[-1] == {"kind": "end", "lines": len(lines)}


def plant_canaries(db: sqlite3.Connection) -> None:
    """Write a text that must not be in a snapshot wherever a mirror has something private."""
    override(db, 1, {"title": f"{CANARY} title", "replaced_by": "https://example.org/CANARY", "note": f"{CANARY} note"})
    override(db, 1, {"tags": [f"{CANARY.lower()}-tag"], "documentation_url": "https://example.org/CANARY"})
    override(db, 4, {"repo_url": f"https://github.com/{CANARY}/x", "pypi_url": f"{CANARY}-project"})
    facts = json.dumps({"repository": {"path": f"{CANARY}/x", "description": CANARY}})
    now = "2026-11-23T11:00:00Z"
    statements: list[tuple[str, tuple[Any, ...]]] = [
        (
            "INSERT INTO runs (started, asked, exit, report) VALUES (?, ?, 1, ?)",
            (now, CANARY, json.dumps({"a": CANARY})),
        ),
        ("INSERT INTO sources (source, pool) VALUES (?, ?)", (CANARY, CANARY)),
        ("INSERT INTO snapshots (address, etag, made, taken) VALUES (?, ?, ?, ?)", (CANARY, CANARY, now, now)),
        ("UPDATE facts SET error = ? WHERE source = 'pypi'", (CANARY,)),
        (
            (
                "INSERT INTO facts (package_id, source, coordinate, asked, answered, outcome, etag, facts)"
                " VALUES (4, 'github', ?, ?, ?, 'updated', ?, ?)"
            ),
            (f"github.com/{CANARY.lower()}/x", now, now, CANARY, facts.replace('"path"', '"node_id": null, "path"')),
        ),
        (
            "INSERT INTO releases (package_id, project, version, yanked) VALUES (4, ?, '1.0', 0)",
            (f"{CANARY.lower()}-project",),
        ),
        (
            (
                "INSERT INTO requirements (package_id, project, requires, specifier, version, since)"
                " VALUES (4, ?, ?, '', '1', '2026-01-01')"
            ),
            (f"{CANARY.lower()}-project", CANARY),
        ),
        (
            "INSERT INTO history (package_id, day, stars, coordinate) VALUES (4, '2026-01-01', 1, ?)",
            (f"github.com/{CANARY.lower()}/x",),
        ),
        ("INSERT INTO events (at, package_id, event, old, new) VALUES (?, 4, 'released', '1', ?)", (now, CANARY)),
        ("INSERT INTO events (at, package_id, event, old, new) VALUES (?, 4, 'gone', ?, NULL)", (now, CANARY)),
        ("UPDATE packages SET suggestion = ? WHERE id = 1", (CANARY,)),
    ]
    with transaction(db):
        for sql, values in statements:
            db.execute(sql, values)


def test_nothing_private_is_in_a_snapshot(fetched_mirror: Path, file: Path) -> None:
    with open_write(fetched_mirror) as db:
        plant_canaries(db)
    with closing(sqlite3.connect(fetched_mirror)) as db:
        assert "\n".join(db.iterdump()).upper().count(CANARY) >= 20
    assert run("snapshot", str(file), "--history").code == 0
    text = gzip.decompress(file.read_bytes()).decode()
    assert CANARY not in text.upper()
    assert "django-pots" in text


@pytest.mark.parametrize("name", ["s.json", "s.jsonl", "s.gz", "s.db", ".jsonl.gz"])
def test_another_ending_is_refused(name: str, fetched_mirror: Path, tmp_path: Path) -> None:
    result = run("snapshot", str(tmp_path / name))
    assert result.code == 2
    assert ".jsonl.gz" in result.err
    assert not (tmp_path / name).is_file()


def test_the_mirror_itself_is_not_replaced(fetched_mirror: Path, tmp_path: Path) -> None:
    mirror = fetched_mirror.rename(tmp_path / "m.jsonl.gz")
    link = tmp_path / "link.jsonl.gz"
    link.symlink_to(mirror)
    before = mirror.read_bytes()
    for name in (mirror, link):
        assert run("snapshot", str(name), "--db", str(mirror)).code == 2
    assert mirror.read_bytes() == before


def test_without_a_mirror_there_is_nothing_to_write(file: Path) -> None:
    result = run("snapshot", str(file))
    assert result.code == 74
    assert "fetch --all" in result.err
    assert not file.exists()


def test_a_mirror_without_any_answer_does_not_replace_a_snapshot(file: Path) -> None:
    assert run("edit", "django-todo", "note=hi").code == 0
    file.write_bytes(b"an older snapshot")
    result = run("snapshot", str(file))
    assert result.code == 74
    assert "nothing fetched yet" in result.err
    assert "django-todo" not in result.err
    assert file.read_bytes() == b"an older snapshot"


def test_a_package_that_was_never_fetched_is_left_out_silently(fetched_mirror: Path, file: Path) -> None:
    with closing(sqlite3.connect(fetched_mirror)) as db, db:
        db.execute("UPDATE facts SET answered = NULL WHERE package_id = 2 AND source = 'catalog'")
    assert run("snapshot", str(file)) == (0, "", "")
    assert [line["facts"]["id"] for line in read_lines(file)[1:] if line["kind"] == "catalog"] == [1, 3, 4]


def test_a_folder_that_does_not_exist_is_reported(fetched_mirror: Path, tmp_path: Path) -> None:
    result = run("snapshot", str(tmp_path / "missing" / "s.jsonl.gz"))
    assert result.code == 74
    assert f"there is no folder {tmp_path / 'missing'}" in result.err


def test_a_full_disk_leaves_the_old_snapshot(fetched_mirror: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("snapshot", str(file))
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = run("snapshot", str(file), "--history")
    assert result.code == 74
    assert "No space left on device" in result.err
    assert file.read_bytes() == before
    assert sorted(path.name for path in file.parent.glob("s.*")) == ["s.jsonl.gz"]


def test_a_file_that_a_killed_process_left_is_replaced(fetched_mirror: Path, file: Path) -> None:
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(b"x" * 1_000_000)
    assert run("snapshot", str(file)).code == 0
    assert read_lines(file)[-1]["kind"] == "end"
    assert not part.exists()


def test_the_file_can_be_read_by_others(fetched_mirror: Path, file: Path) -> None:
    mask = os.umask(0o022)
    try:
        run("snapshot", str(file))
    finally:
        os.umask(mask)
    assert file.stat().st_mode & 0o777 == 0o644


def test_two_snapshots_of_one_mirror_are_equal(fetched_mirror: Path, tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        run("snapshot", str(tmp_path / name))
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_a_damaged_package_is_left_out_and_named(fetched_mirror: Path, file: Path) -> None:
    with closing(sqlite3.connect(fetched_mirror)) as db, db:
        db.execute("UPDATE facts SET facts = '{\"id\": 2}' WHERE package_id = 2 AND source = 'catalog'")
    result = run("snapshot", str(file))
    assert result.code == 0
    assert "1 package left out because of damaged rows or dates in the future (django-pans)" in result.err
    assert read_lines(file)[0]["packages"] == 3
    fetched_mirror.unlink()
    assert run("fetch", "--from", str(file)).code == 0


def test_an_answer_that_a_reader_would_refuse_is_left_out_without_the_rest_of_its_package(
    fetched_mirror: Path, file: Path
) -> None:
    with closing(sqlite3.connect(fetched_mirror)) as db, db:
        db.execute("UPDATE facts SET etag = 'not an ETag' WHERE package_id = 1 AND source = 'github'")
    result = run("snapshot", str(file), "--history")
    assert result.code == 0
    assert "1 package written without some facts" in result.err
    kinds = [line["kind"] for line in read_lines(file)[1:] if line.get("package") == 1 and line["kind"] != "event"]
    assert "pypi" in kinds
    assert not {"forge", "history"} & set(kinds)
    assert read_lines(file)[0]["packages"] == 4
    fetched_mirror.unlink()
    assert run("fetch", "--from", str(file)).code == 0


def test_dates_of_sources_that_are_far_ahead_are_left_out_alone(fetched_mirror: Path, file: Path) -> None:
    near, far = "2026-11-24T11:00:00Z", "2026-11-24T13:00:00Z"
    ahead = {
        "github": f"'$.repository.head_at', '{far}', '$.repository.archived_at', '{near}'",
        "pypi": f"'$.released', '{far}'",
        "catalog": f"'$.last_updated', '{far}'",
    }
    with closing(sqlite3.connect(fetched_mirror)) as db, db:
        for source, values in ahead.items():
            sql = f"UPDATE facts SET facts = json_set(facts, {values}) WHERE package_id = 1 AND source = '{source}'"
            assert db.execute(sql).rowcount == 1
        db.execute(
            "INSERT INTO releases (package_id, project, version, uploaded, yanked)"
            " SELECT 1, coordinate, '0.9', ?, 0 FROM facts WHERE package_id = 1 AND source = 'pypi'",
            (far,),
        )
    assert run("snapshot", str(file)) == (0, "", "")
    found = {line["kind"]: line for line in read_lines(file)[1:] if line.get("package") == 1}
    repository = found["forge"]["facts"]["repository"]
    assert (repository["head_at"], repository["archived_at"]) == (None, near)
    assert found["pypi"]["facts"]["released"] is None
    assert found["releases"]["releases"] == [["0.9", None, False, None]]
    assert read_lines(file)[0]["packages"] == 4
    fetched_mirror.unlink()
    assert run("fetch", "--from", str(file)).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--all"],
        ["django-pots"],
        ["--refetch"],
        ["--dry-run"],
        ["--source", "pypi"],
        ["-r", "requirements.txt"],
        ["--quiet", "--verbose"],
    ],
)
def test_what_a_snapshot_cannot_be_combined_with_is_a_usage_error(
    arguments: list[str], fetched_mirror: Path, file: Path
) -> None:
    run("snapshot", str(file))
    result = run("fetch", "--from", str(file), *arguments)
    assert result.code == 2
    assert result.err


def test_json_reports_success_and_failure(fetched_mirror: Path, file: Path) -> None:
    run("snapshot", str(file))
    report = json.loads(run("fetch", "--from", str(file), "--json").out)
    assert (report["exit"], report["snapshot"]["packages"]) == (0, 4)
    file.write_bytes(b"no snapshot")
    result = run("fetch", "--from", str(file), "--json")
    report = json.loads(result.out)
    assert (result.code, report["exit"]) == (2, 2)
    assert report["error"]["message"] == "'s.jsonl.gz' is not a snapshot of djpkg; nothing was changed"
    result = run("fetch", "--from", str(file.with_name("missing.jsonl.gz")), "--json")
    assert (result.code, json.loads(result.out)["exit"]) == (2, 2)


def test_verbose_prints_what_was_taken(fetched_mirror: Path, file: Path) -> None:
    run("snapshot", str(file))
    fetched_mirror.unlink()
    lines = run("fetch", "--from", str(file), "-v").err.splitlines()
    assert lines[0] == "snapshot: made 2026-11-23T12:00:00Z, 4 packages (0 requests)"
    assert "catalog: 4 updated (from the snapshot)" in lines


def test_the_mirror_of_an_older_version_can_be_handed_on(fetched_mirror: Path, file: Path) -> None:
    with closing(sqlite3.connect(fetched_mirror)) as db, db:
        db.execute("DROP TABLE snapshots")
        db.execute("ALTER TABLE facts DROP COLUMN via")
        db.execute(f"PRAGMA user_version = {VERSION - 1}")
    assert run("snapshot", str(file)).code == 0
    assert read_lines(file)[0]["packages"] == 4


@pytest.mark.parametrize("has_mirror", [False, True])
def test_a_refused_snapshot_leaves_no_lock_and_no_folder(
    fetched_mirror: Path, tmp_path: Path, *, has_mirror: bool
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    mirror = fetched_mirror if has_mirror else tmp_path / "none" / "mirror.db"
    before = sorted(tmp_path.iterdir())
    for place in ("none.jsonl.gz", str(tmp_path), str(tmp_path / "notes.txt"), "http://127.0.0.1:9/s.jsonl.gz"):
        assert run("fetch", "--from", place, "--db", str(mirror)).code in (1, 2)
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "command",
    [("doctor", "--rebuild"), ("backup", "copy.db"), ("snapshot", "s.jsonl.gz"), ("fetch", "--all", "--dry-run")],
)
def test_a_command_that_needs_a_mirror_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(*command, "--db", "none/mirror.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "notes.txt").write_text("mine")
    run(*command, "--db", "notes.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
