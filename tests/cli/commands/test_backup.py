from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.running import run, run_on_pty

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("fetched_mirror")


def test_a_copy_answers_like_the_mirror(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    run("edit", "django-pots", "title=Pots!")
    assert run("backup", str(copy)) == (0, "", "")
    assert run("list", "--json", "--db", str(copy)).out == run("list", "--json").out
    assert "Pots!" in run("show", "django-pots", "--db", str(copy)).out


def test_a_terminal_shows_where_the_copy_is(tmp_path: Path) -> None:
    result = run_on_pty("backup", str(tmp_path / "copy.db"), width=200, messages_too=True)
    assert (result.code, result.lines) == (0, [f"copied the mirror to {tmp_path / 'copy.db'}"])


def test_the_mirror_itself_and_an_empty_name_are_usage_errors(fetched_mirror: Path) -> None:
    result = run("backup", str(fetched_mirror))
    assert (result.code, result.err) == (
        2,
        f"djpkg: {fetched_mirror} is the mirror itself\n       name another file\n",
    )
    assert run("backup", "").code == 2


@pytest.mark.parametrize(("command", "name"), [("backup", "mirror-copy.db"), ("snapshot", "public.jsonl.gz")])
def test_a_folder_as_the_file_to_write_is_reported_with_an_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copies").mkdir()
    before = sorted(tmp_path.iterdir())
    for typed, example in ((".", name), ("copies", f"copies/{name}"), ("copies/", f"copies/{name}")):
        assert run(command, typed) == (
            74,
            "",
            f"djpkg: {typed!r} is a folder\n       name a file, for example: djpkg {command} {example}\n",
        )
    assert run(command, "") == (2, "", f"djpkg: FILE is empty\n       for example: djpkg {command} {name}\n")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["backup", "snapshot"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none/x.jsonl.gz", "there is no folder none"),
        ("none/", "there is no folder none"),
        ("mirror.db/x.jsonl.gz", "mirror.db is not a folder"),
        ("mirror.db/none/x.jsonl.gz", "mirror.db is not a folder"),
    ],
)
def test_a_missing_folder_of_the_file_to_write_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert run(command, name) == (
        74,
        "",
        f"djpkg: cannot write {name!r}: {reason}\n       create the folder, or name another file\n",
    )
    assert sorted(tmp_path.iterdir()) == before


def test_without_a_mirror_nothing_is_copied(tmp_path: Path) -> None:
    result = run("backup", str(tmp_path / "copy.db"), "--db", str(tmp_path / "none.db"))
    assert result.code == 74
    assert not (tmp_path / "copy.db").exists()


def test_a_file_that_is_not_a_mirror_stays(tmp_path: Path) -> None:
    mine = tmp_path / "notes.txt"
    mine.write_text("mine")
    result = run("backup", str(mine))
    assert (result.code, mine.read_text()) == (74, "mine")
    assert "it was not replaced" in result.err
