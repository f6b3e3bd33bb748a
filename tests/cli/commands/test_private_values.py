"""Notes, tags and replacements: values that only the user sets."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model import fields
from djpkg.model.repository_url import NO_FORGES
from tests.cli.commands.test_edit import undo_of
from tests.cli.running import run, run_on_terminal
from tests.mirrors import NOW, POTS

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = ("note", "tags", "replaced_by")


def shown(package: str = "django-pots", names: str = "note,tags,replaced_by,edited") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("show", package, "--json", "-f", names).out)
    return found


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def test_private_values_are_stored_shown_and_kept_apart_from_edits(fetched_mirror: Path) -> None:
    ended = run("edit", "django-pots", "note=used by billing", "tags+=prod,core", "replaced_by=Lids")
    assert (ended.code, ended.out) == (
        0, "note\t\tused by billing\ntags\t\tcore, prod\nreplaced_by\t\tlids\n",
    )  # fmt: skip
    assert shown() == {"note": "used by billing", "tags": ["core", "prod"], "replaced_by": "lids", "edited": []}
    assert json.loads(run("status", "--json").out)["packages"]["edited"] == 0
    assert rows(fetched_mirror, "SELECT package_id, tag FROM tags") == [(1, "core"), (1, "prod")]
    assert rows(fetched_mirror, "SELECT package_id, note FROM notes") == [(1, "used by billing")]
    assert rows(fetched_mirror, "SELECT tags FROM packages WHERE id = 1") == [('["core","prod"]',)]
    for line in ("note      used by billing", "tags      core · prod", "instead   lids"):
        assert line in run_on_terminal("show", "django-pots").out
    assert "you" in next(
        line for line in run("show", "django-pots", "--sources").out.splitlines() if line.startswith("note\t")
    )
    assert "note\tused by billing\n" in run("show", "django-pots").out


def test_the_record_has_no_private_value(fetched_mirror: Path) -> None:
    before = (run("show", "django-pots", "--json").out, run("list", "--json").out)
    run("edit", "django-pots", "note=secret plan", "tags=prod", "replaced_by=lids")
    assert (run("show", "django-pots", "--json").out, run("list", "--json").out) == before
    assert len(json.loads(before[0])) == 18
    assert rows(fetched_mirror, "SELECT event FROM events WHERE new LIKE '%secret%' OR old LIKE '%secret%'") == []


def test_packages_are_found_and_sorted_by_private_values(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "tags=prod", "note=used by billing")
    run("edit", "lids", "tags=prod,core", "replaced_by=django-pots")
    for terms, found in {
        ("tag:prod",): {"django-pots", "lids"},
        ("tag:core",): {"lids"},
        ("is:tagged", "-tag:core"): {"django-pots"},
        ("note:billing",): {"django-pots"},
        ("replaced_by:any",): {"lids"},
        ("is:edited",): set(),
    }.items():
        lines = run("list", "--tsv", "-f", "slug", *terms).lines[1:]
        assert set(lines) == found
    assert run("list", "--tsv", "-f", "slug", "is:tagged", "--sort", "tags").lines[1:] == ["lids", "django-pots"]
    assert run("list", "--tsv", "-f", "slug", "--sort", "note", "-n", "1").lines[1:] == ["django-pots"]


def test_the_report_of_an_edit_has_private_values(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "tags=prod")
    ended = run("edit", "django-pots", "tags+=core", "note=n", "--json")
    assert json.loads(ended.out)["changes"] == [
        {"field": "note", "old": None, "new": "n", "upstream": None},
        {"field": "tags", "old": ["prod"], "new": ["core", "prod"], "upstream": []},
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["note=used by 'billing'\nand mara"],
        ["tags=prod,to do"],
        ["replaced_by=https://example.org/x"],
        ["replaced_by=lids", "tags=a", "note=b"],
        ["license=MIT-0"],
        ["archived=true"],
        ["django_versions+=6.1"],
        ["django_versions="],
    ],
)
def test_the_undo_command_undoes_a_private_value_and_an_override_of_an_extended_field(
    fetched_mirror: Path, words: list[str]
) -> None:
    names = "note,tags,replaced_by,license,archived,django_versions,edited"
    before = shown(names=names)
    first = run("edit", "django-pots", *words)
    after = shown(names=names)
    assert (first.code, before != after) == (0, True)
    assert run(*undo_of(first)).code == 0
    assert shown(names=names) == before
    run("edit", "django-pots", *words)
    second = run("edit", "django-pots", "note=", "tags=", "replaced_by=", "license=x", "archived=no", "django=1.1")
    assert run(*undo_of(second)).code == 0
    assert shown(names=names) == after


@pytest.mark.parametrize(
    "assignment", ["note=", "tags=", "replaced_by=", "license=MIT", "archived=no", "django_versions=5.2,4.2"]
)
def test_a_value_equal_to_the_upstream_one_is_not_stored(fetched_mirror: Path, assignment: str) -> None:
    if assignment.startswith(("license", "django")):
        name = assignment.partition("=")[0]
        value = shown(names=name)[name]
        assignment = f"{name}={','.join(reversed(value)) if isinstance(value, list) else value}"
    ended = run("edit", "django-pots", assignment)
    assert (ended.code, ended.err) == (0, "nothing changed\n")
    for table in ("notes", "tags", "overrides"):
        assert rows(fetched_mirror, f"SELECT * FROM {table}") == []


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_value_can_be_unset(fetched_mirror: Path, name: str) -> None:
    run("edit", "django-pots", "note=n", "tags=a,b", "replaced_by=lids")
    ended = run("edit", "django-pots", "--unset", name)
    assert ended.code == 0
    assert undo_of(ended)[2].startswith(f"{name}:=")
    assert not shown()[name]
    assert all(shown()[other] for other in PRIVATE if other != name)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("tags=" + "x" * 101, "tags of 1 to 100 characters"),
        ("tags=a\x1b[31m", "invalid value"),
        ('tags:=["a,b"]', "invalid value 'a,b' for tags"),
        ('tags:=[""]', "invalid value '' for tags"),
        ("tags:=null", "invalid value 'null' for tags"),
        ("note=" + "x" * 65_537, "invalid value"),
        ("note=a\x00b", "invalid value"),
        ("replaced_by=no-such", "unknown package 'no-such'"),
        ("replaced_by=django-pot", "did you mean django-p"),
        ("replaced_by=django-pots", "unknown package 'django-pots'"),
        ("replaced_by=ftp://example.org/", "invalid value"),
        ("replaced_by=https://me:canary@example.org/", "leave them out"),
        ("archived=maybe", "true or false"),
        ("django_versions=new", "versions such as 5.2"),
        ("license+=MIT", "is not a list"),
    ],
)
def test_an_invalid_private_value_is_refused(fetched_mirror: Path, assignment: str, message: str) -> None:
    before = fetched_mirror.read_bytes()
    ended = run("edit", "django-pots", assignment)
    assert (ended.code, ended.out, message in ended.err) == (2, "", True), ended.err
    assert fetched_mirror.read_bytes() == before


def test_private_values_and_overrides_of_extended_fields_survive_fetches_and_renames(fetched_mirror: Path) -> None:
    run("edit", "1", "note=n", "tags=prod", "replaced_by=lids", "license=MIT-0", "archived=yes", "django=3.2")
    names = "note,tags,replaced_by,license,archived,django_versions,edited"
    before = shown("1", names)
    with open_write(fetched_mirror) as db:
        writer = Writer(db, forges=NO_FORGES)
        writer.store_catalog([replace(POTS, title="Newer", slug="pots-2")], now=NOW, report_added=True)
        writer.mark_gone(1, now=NOW)
        writer.repair(None, rewrite=True)
    assert shown("1", names) == before
    assert before["edited"] == ["archived", "django_versions", "license"]


def test_archived_by_hand_is_the_state_and_has_no_upstream_date(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "archived=yes")
    assert "django-pots" in run("list", "is:archived").out
    run("edit", "Django_Kiln", "archived=no")
    assert shown("Django_Kiln", "archived,archived_at") == {"archived": False, "archived_at": None}


@pytest.mark.parametrize(
    ("table", "column", "value", "name"),
    [("notes", "note", "CAST(x'ff' AS TEXT)", "note"), ("tags", "tag", "'a,b'", "tags"), ("tags", "tag", "''", "tags")],
)
def test_a_damaged_row_is_named_and_can_be_unset(
    fetched_mirror: Path, table: str, column: str, value: str, name: str
) -> None:
    run("edit", "django-pots", "note=n", "tags=one,prod")
    with closing(sqlite3.connect(fetched_mirror)) as db:
        db.execute(f"UPDATE {table} SET {column} = {value} WHERE {column} IN ('n', 'one')")
        db.commit()
    ended = run("show", "django-pots", "--sources")
    assert ended.code == 0
    assert f"djpkg edit django-pots --unset {name} removes it" in ended.err
    with open_write(fetched_mirror) as db:
        Writer(db, forges=NO_FORGES).repair([1], rewrite=True)
    assert shown()["tags"] == (["prod"] if table == "tags" else ["one", "prod"])
    assert run("edit", "django-pots", "--unset", name).code == 0
    assert run("show", "django-pots", "--sources").err == ""


def test_a_note_in_the_table_of_overrides_is_not_used(fetched_mirror: Path) -> None:
    with closing(sqlite3.connect(fetched_mirror)) as db:
        db.execute("""INSERT INTO overrides VALUES (1, 'note', '"x"', '2026-01-01T00:00:00Z')""")
        db.commit()
    assert "--unset note removes it" in run("show", "django-pots", "--sources").err
    assert run("edit", "django-pots", "--unset", "note").code == 0
    assert rows(fetched_mirror, "SELECT * FROM overrides") == []


def test_no_private_field_is_in_the_record() -> None:
    assert [field.name for field in fields.PRIVATE] == list(PRIVATE)
    assert not any(field.in_record for field in fields.PRIVATE)
