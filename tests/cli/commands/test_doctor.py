from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from djpkg.mirror import schema
from tests.cli.running import SOURCE, run, run_on_pty, run_on_terminal


@pytest.fixture(autouse=True)
def _no_gh(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("bin")))


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(statement)


def test_a_sound_mirror_is_ok_in_a_pipe_in_json_and_on_a_terminal(fetched_mirror: Path) -> None:
    piped = run("doctor")
    assert (piped.code, piped.err) == (0, "")
    assert piped.lines[0] == f"ok\tmirror\t{fetched_mirror}, 4 packages, format {schema.VERSION}\t"
    assert all(line.startswith("ok\t") for line in piped.lines)
    report = json.loads(run("doctor", "--json").out)
    assert list(report) == ["schema", "exit", "mirror", "checks", "rebuilt"]
    assert (report["schema"], report["exit"], report["rebuilt"]) == (1, 0, None)
    assert [check["name"] for check in report["checks"]] == [line.split("\t")[1] for line in piped.lines]
    shown = run_on_terminal("doctor", width=160)
    assert shown.code == 0
    assert shown.lines[0].split() == ["CHECK", "STATUS"]
    assert len(shown.lines) == len(piped.lines) + 1


def test_a_fault_is_exit_74_with_the_command_that_repairs_it_and_rebuild_does(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "title=Pots!", "note=used")
    before = run("list", "--json", "-f", "all").out
    change(fetched_mirror, "UPDATE packages SET title = 'wrong'")
    found = run("doctor")
    assert (found.code, found.err) == (74, "")
    (line,) = [line for line in found.lines if not line.startswith("ok")]
    assert line.startswith("fault\tvalues\tvalues of 4 packages do not follow from facts and edits: ")
    assert line.endswith("\tdjpkg doctor --rebuild")
    assert "→ djpkg doctor --rebuild" in run_on_terminal("doctor", width=160).out
    assert json.loads(run("doctor", "--json").out)["exit"] == 74
    rebuilt = run("doctor", "--rebuild")
    assert rebuilt.code == 0
    copy = f"{fetched_mirror}.rebuild-20261123T120000Z.bak"
    assert rebuilt.err == f"rebuilt 4 packages; the mirror before: {copy}\n"
    assert run("list", "--json", "-f", "all").out == before
    assert "wrong" in run("list", "--json", "--db", copy).out
    assert json.loads(run("doctor", "--rebuild", "--json").out)["rebuilt"] == {
        "backup": copy.replace("Z.bak", "Z-2.bak"),  # within the same second
        "packages": 4,
    }


def test_remedies_name_the_mirror_of_db(fetched_mirror: Path) -> None:
    change(fetched_mirror, "UPDATE packages SET title = 'wrong'")
    found = run("doctor", "--db", str(fetched_mirror))
    assert f"\tdjpkg doctor --rebuild --db {fetched_mirror}\n" in found.out


def test_an_invalid_edit_is_a_fault_that_rebuild_leaves_to_the_user(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "title=Pots!")
    change(fetched_mirror, "UPDATE overrides SET value = '5'")
    assert run("doctor", "--rebuild").code == 74
    (line,) = [line for line in run("doctor").lines if not line.startswith("ok")]
    assert "djpkg edit django-pots --unset title removes it" in line
    run("edit", "django-pots", "--unset", "title")
    assert run("doctor").code == 0


def test_without_a_mirror_there_is_a_warning_and_nothing_to_rebuild(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    result = run("doctor", "--db", str(path))
    assert (result.code, result.lines[0].split("\t")[:2]) == (0, ["warning", "mirror"])
    assert run("doctor", "--rebuild", "--db", str(path)).code == 74
    assert not path.exists()


def test_a_file_that_cannot_be_read_names_the_recovery(fetched_mirror: Path) -> None:
    content = bytearray(fetched_mirror.read_bytes())
    content[100:4096] = b"\xff" * 3996
    fetched_mirror.write_bytes(content)
    found = run("doctor")
    assert (found.code, ".recover" in found.out) == (74, True)
    rebuilt = run("doctor", "--rebuild")
    assert (rebuilt.code, ".recover" in rebuilt.err) == (74, True)
    assert fetched_mirror.read_bytes() == bytes(content)


def test_a_terminal_shows_which_check_runs_and_a_pipe_does_not(fetched_mirror: Path) -> None:
    shown = run_on_pty("doctor", "--rebuild", messages_too=True)
    status, _, table = shown.out.partition("CHECK")
    texts = status.split("\r\x1b[K")
    assert (texts[0], texts[-1]) == ("rebuilding …", "")
    assert "checking: values …" in texts
    assert "checking" not in table
    piped = run_on_pty("doctor")
    assert (piped.code, piped.err, piped.out[:5]) == (0, "", "CHECK")


def test_a_message_removes_the_status_line(fetched_mirror: Path) -> None:
    fetched_mirror.unlink()
    shown = run_on_pty("doctor", "--rebuild", messages_too=True)
    assert shown.out.startswith("rebuilding …\r\x1b[Kdjpkg: ")


# A program that passes bytes through: `.recover` prints the file SOUND, or fails as a build without it does.
_SQLITE = """#!/bin/sh
PATH=/usr/bin:/bin
case "$2" in
    .recover) [ -n "$SOUND" ] && exec cat "$SOUND"; echo "sql error: SQL logic error (1)" >&2; exit 1;;
    *) cat > "$1";;
esac
"""


@pytest.mark.parametrize("can_recover", [False, True])
def test_the_commands_of_the_recovery_replace_the_mirror_only_by_another_one(
    fetched_mirror: Path, tmp_path: Path, *, can_recover: bool
) -> None:
    sound = Path(shutil.copy(fetched_mirror, tmp_path / "sound.db"))
    damaged = fetched_mirror.read_bytes()[:100] + b"\xff" * 5000
    fetched_mirror.write_bytes(damaged)
    (line,) = [line for line in run("doctor").lines if ".recover" in line]
    commands = line.partition("or: ")[2].partition(" ; if ")[0]
    program = tmp_path / "sqlite3"
    program.write_text(_SQLITE)
    program.chmod(0o755)
    completed = subprocess.run(
        ["/bin/sh", "-c", f'djpkg() {{ "{sys.executable}" -m djpkg "$@"; }}; {commands}'],
        env={
            **os.environ,
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "PYTHONPATH": str(SOURCE),
            "SOUND": str(sound) if can_recover else "",
        },
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (completed.returncode == 0) == can_recover
    assert (fetched_mirror.read_bytes() == damaged) == (not can_recover)
    assert (run("doctor").code == 0) == can_recover


@pytest.mark.parametrize("table", ["tags", "packages", "projects"])
def test_a_missing_table_is_one_fault_with_one_remedy(fetched_mirror: Path, table: str) -> None:
    change(fetched_mirror, f"DROP TABLE {table}")
    ((status, name, message, remedy),) = [line.split("\t") for line in run("doctor").lines if not line.startswith("ok")]
    assert (status, name, message) == ("fault", "schema", f"table {table} is missing")
    assert remedy.startswith("restore a backup, or move the file aside and run djpkg fetch --all")
    assert remedy in run("doctor", "--rebuild").err
