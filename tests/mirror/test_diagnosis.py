from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from djpkg.mirror import diagnosis
from djpkg.mirror.damage import DamagedRow
from djpkg.mirror.diagnosis import REBUILD, Access, Finding
from djpkg.mirror.rebuild import SchemaObject
from djpkg.times import format_time
from tests.mirrors import NOW

PATH = Path("/data/my mirror.db")
RECOVER = "sqlite3 '/data/my mirror.db' .recover | sqlite3 '/data/my mirror.db.recovered'"


@pytest.mark.parametrize(
    ("version", "mode", "status"),
    [
        ((3, 51, 2), "wal", "warning"),
        ((3, 51, 3), "wal", "ok"),
        ((3, 37, 0), "delete", "ok"),
    ],
)
def test_sqlite_has_a_fault_in_wal_mode_alone(version: tuple[int, int, int], mode: str, status: str) -> None:
    assert diagnosis.judge_sqlite(version, mode).status == status


@pytest.mark.parametrize(
    ("access", "status", "words"),
    [
        (Access(0o100600, can_write=True, can_write_folder=True, names=1), "ok", "mode 600"),
        (Access(0o100664, can_write=True, can_write_folder=True, names=1), "ok", "mode 664"),
        (Access(0o100666, can_write=True, can_write_folder=True, names=1), "warning", "every user can write"),
        (
            Access(0o100444, can_write=False, can_write_folder=True, names=1),
            "warning",
            "to write the file",
        ),
        (
            Access(0o100644, can_write=True, can_write_folder=False, names=1),
            "warning",
            "to write its folder",
        ),
        (Access(0o100644, can_write=True, can_write_folder=True, names=2), "fault", "2 names"),
    ],
)
def test_permissions(access: Access, status: str, words: str) -> None:
    finding = diagnosis.judge_access(access, PATH)
    assert (finding.status, finding.remedy is None) == (status, status == "ok")
    assert words in finding.message


@pytest.mark.parametrize(
    ("before", "after", "mode", "status"),
    [
        ([], [], "delete", "ok"),
        (["-journal"], [], "delete", "ok"),
        (["-journal"], ["-journal"], "delete", "warning"),
        (["-wal"], ["-wal"], "delete", "warning"),
        (["-wal", "-shm"], ["-wal", "-shm"], "wal", "ok"),
    ],
)
def test_journals(before: list[str], after: list[str], mode: str, status: str) -> None:
    assert diagnosis.judge_journals(before, after, journal_mode=mode).status == status


@pytest.mark.parametrize(
    ("lines", "status", "remedy"),
    [
        (["ok"], "ok", None),
        (["non-TEXT value in packages.slug", "NULL value in facts.source"], "ok", None),
        (["CHECK constraint failed in overrides"], "ok", None),
        (["row 3 missing from index packages_slug", "non-TEXT value in packages.slug"], "fault", REBUILD),
        (["wrong # of entries in index packages_slug"], "fault", REBUILD),
        (["row 3 missing from index packages_slug", "Page 9: never used"], "fault", RECOVER),
        (["*** in database main ***\nTree 4 page 4: btreeInitPage() returns error code 11"], "fault", RECOVER),
    ],
)
def test_damage_of_pages_needs_more_than_damage_of_indexes(lines: list[str], status: str, remedy: str | None) -> None:
    finding = diagnosis.judge_integrity(lines, PATH)
    assert finding.status == status
    assert (remedy or "") in (finding.remedy or "")
    assert (finding.remedy is None) == (remedy is None)


def test_rows_of_the_user_without_a_package_are_no_fault() -> None:
    found = diagnosis.judge_foreign_keys({"facts": 2, "tags": 1}, ("overrides", "tags"))
    assert [(finding.status, finding.message) for finding in found] == [
        ("fault", "rows without their package or run: 2 in facts"),
        ("warning", "your values of packages that are not in the mirror: 1 in tags; they are kept"),
    ]
    assert diagnosis.judge_foreign_keys({}, ())[0].status == "ok"


def test_tables_are_restored_from_a_backup_and_indexes_rebuilt() -> None:
    table, index = SchemaObject("table", "facts", "CREATE …"), SchemaObject("index", "by_slug", "CREATE …")
    expected = {one.name: one for one in (table, index)}
    mine = SchemaObject("table", "mine", "CREATE …")
    assert diagnosis.judge_schema(expected, expected | {"mine": mine}) == [
        Finding("ok", "all tables and indexes as expected, and 1 of your own")
    ]
    found = diagnosis.judge_schema(expected, {"facts": table._replace(sql="other")})
    assert [(finding.status, finding.message) for finding in found] == [
        ("fault", "table facts was changed"),
        ("fault", "index by_slug is missing"),
    ]
    assert "restore a backup" in str(found[0].remedy)
    assert found[1].remedy == REBUILD


def test_many_names_are_shortened() -> None:
    rows = [DamagedRow(n, f"p{n}", "") for n in range(12)]
    (finding,) = diagnosis.judge_rows(rows, {})
    assert finding.message.endswith("p8, p9 and 2 more")
    assert finding.remedy == f"{REBUILD}, then djpkg fetch --all"
    (finding,) = diagnosis.judge_rows(rows[:2], {})
    assert finding.remedy == f"{REBUILD}, then djpkg fetch p0 p1"


@pytest.mark.parametrize(("minutes", "status"), [(-60, "ok"), (9, "ok"), (11, "warning")])
def test_a_clock_behind_stored_times_is_a_warning(minutes: int, status: str) -> None:
    stored = {"an answer of a source": format_time(NOW + timedelta(minutes=minutes)), "a fetch": None, "an edit": "x"}
    assert diagnosis.judge_clock(stored, now=NOW).status == status


def test_tokens_are_named_by_their_origin() -> None:
    assert diagnosis.judge_tokens({"github": "GH_TOKEN"}, []).message == "github from GH_TOKEN"
    assert diagnosis.judge_tokens({}, []).status == "ok"
    assert diagnosis.judge_tokens({"github": "GH_TOKEN"}, ["BITBUCKET_TOKEN is invalid"]).status == "warning"
