"""Typed text in messages: what reorders, hides or controls a terminal is escaped, and passwords are left out."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from djpkg import config
from djpkg.cli.app import COMMANDS
from tests.cli.running import run, run_on_pty, run_on_terminal, run_process
from tests.mirrors import catalog_facts
from tests.mirrors import filled_mirror as filled_mirror_at
from tests.render.samples import FORBIDDEN

if TYPE_CHECKING:
    from pathlib import Path

# Right-to-left override, zero-width space, Hangul filler (which Python calls printable), escape, variation selector.
HOSTILE = "x\u202ey\u200bz\u3164\x1b[31m\ufe00"
HOSTILE_MARKS = re.compile(r"(<U\+202E>|\\u202e).*(<U\+200B>|\\u200b).*(<U\+3164>|\\u3164)")
PLACES = {
    "option": [f"--{HOSTILE}"],
    "short option": [f"-{HOSTILE[1:]}"],
    "value of a flag": [f"--help={HOSTILE}"],
    "extra arguments": ["a", "b", HOSTILE],
    "number": ["-n", HOSTILE],
    "field": ["1", "-f", HOSTILE],
    "sort": ["-s", HOSTILE],
    "file": ["--in", HOSTILE],
    "source": ["1", "--source", HOSTILE],
    "mirror": ["1", "--db", f"/proc/{HOSTILE}/x"],
    "page": ["1", f"--web={HOSTILE}"],
    "assignment": ["1", f"title{HOSTILE}"],
    "grid": [f"grid:{HOSTILE}"],
    "argument": [HOSTILE],
}


# No test asks a real server.
NOWHERE = {api.variable: "http://127.0.0.1:9" for api in config.APIS}


def check(err: str) -> None:
    for line in err.splitlines():
        assert not FORBIDDEN.search(line)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_message_contains_a_character_that_hides_or_reorders_text(
    filled_mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)  # backup and snapshot write files of these names
    marked = 0
    for name, arguments in PLACES.items():
        if command == "fetch" and name in {"argument", "assignment", "extra arguments"}:
            continue  # these are not usage errors: the catalog may know the name
        ended = run(*filter(None, [command]), *arguments, env=NOWHERE)
        check(ended.err)
        marked += HOSTILE_MARKS.search(ended.err) is not None
    assert marked >= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--fo\u202eo"], "no such option: --fo<U+202E>o"),
        (["li\u3164st"], "no such command 'li<U+3164>st'; did you mean list?"),
        (["list", "-n", "1\u3164"], "--limit requires a number of rows, not '1<U+3164>'"),
        (["show", "a", "b\u202e"], "got unexpected extra argument(s) (b<U+202E>)"),
        (["show", "a", "https://robot:canary@example.org"], "got unexpected extra argument(s) (https://example.org)"),
        (
            ["list", "--limit=https://robot:canary@example.org"],
            "--limit requires a number of rows, not 'https://example.org'",
        ),
    ],
)
def test_messages_of_typer_are_escaped_and_contain_no_password(arguments: list[str], message: str) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    first, hint = ended.err.splitlines()
    assert first == f"djpkg: {message}"
    assert hint.startswith("       for ")


@pytest.mark.parametrize(
    ("arguments", "command"),
    [(["list", "-f"], "djpkg list"), (["show", "1", "--bogus"], "djpkg show"), (["show"], "djpkg show"),
     (["--bogus"], "djpkg"), (["bogus"], "djpkg")],
)  # fmt: skip
def test_a_usage_error_names_the_help_of_its_command(arguments: list[str], command: str) -> None:
    assert run(*arguments).err.splitlines()[1:] == [f"       for help: {command} --help"]


def test_an_argument_that_is_not_utf_8_is_escaped(filled_mirror: Path) -> None:
    ended = run_process("show", "a", "b\udcff")
    assert ended.code == 2
    assert "(b<U+DCFF>)" in ended.err


@pytest.mark.parametrize(
    "command",
    [("show", ""), ("show", " "), ("edit", "", "stars=1"), ("compare", "1", ""), ("changes", ""), ("fetch", "")],
)
def test_an_empty_package_name_is_an_error(filled_mirror: Path, command: tuple[str, ...]) -> None:
    ended = run(*command)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[0] == "djpkg: PACKAGE is empty"


@pytest.mark.parametrize("command", [("list",), ("show", "1"), ("status",), ("fetch", "1"), ("edit", "1", "stars=1")])
def test_an_empty_mirror_file_is_an_error(filled_mirror: Path, command: tuple[str, ...]) -> None:
    ended = run(*command, "--db", "")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[0] == "djpkg: --db requires a file"


@pytest.mark.parametrize("command", [("list",), ("status",), ("edit", "1", "stars=1"), ("fetch", "1"), ("doctor",)])
@pytest.mark.parametrize(
    ("name", "reason"),
    [(".", " is a folder, not a mirror"), ("mirror.db/x/y.db", "/mirror.db is not a folder")],
)
def test_a_mirror_that_is_a_folder_or_below_a_file_is_reported_as_such(
    filled_mirror: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], name: str, reason: str
) -> None:
    monkeypatch.chdir(filled_mirror.parent)
    for option, env in ((["--db", name], {}), ([], {"DJPKG_DB": name})):
        ended = run(*command, *option, env=env)
        assert ended.code == 74
        assert f"{filled_mirror.parent}{reason}" in ended.out + ended.err
        assert "name another file with --db or DJPKG_DB" in ended.out + ended.err
    assert list(filled_mirror.parent.iterdir()) == [filled_mirror]


@pytest.mark.parametrize(
    "command",
    [
        ("list", "--in"),
        ("compare", "--in"),
        ("fetch", "--in"),
        ("fetch", "--from"),
        ("check",),
        ("check", "--baseline"),
    ],
)
@pytest.mark.parametrize(
    ("name", "reason"),
    [("none/x.txt", "there is no folder none"), ("mirror.db/none/x.txt", "mirror.db is not a folder"), ("empty", "")],
)
def test_a_file_that_cannot_be_read_is_a_usage_error_with_the_reason(
    filled_mirror: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], name: str, reason: str
) -> None:
    monkeypatch.chdir(filled_mirror.parent)
    (filled_mirror.parent / "empty").mkdir()
    (filled_mirror.parent / "requirements.txt").write_text("django-pots\n")
    if not reason:
        reads_folders = command[-1] in ("--in", "check")
        reason = "empty contains no lock file, pyproject.toml" if reads_folders else "it is a folder"
    ended = run(*command, name)
    assert (ended.code, ended.out) == (2, "")
    assert reason in ended.err


LONG_NAMES = ["a" * 300, "a" * 250, "a/" * 3000, "b/" + "a" * 300]


@pytest.mark.parametrize("name", LONG_NAMES, ids=len)
def test_a_long_file_name_in_in_is_an_error(filled_mirror: Path, name: str) -> None:
    for command in ("list", "fetch"):
        ended = run(command, "--in", name)
        assert (ended.code, ended.out) == (2, "")
        assert "cannot be read: " in ended.err


@pytest.mark.parametrize("name", LONG_NAMES, ids=len)
@pytest.mark.parametrize("command", [("list",), ("status",), ("fetch", "--all"), ("edit", "409", "stars=1")], ids=str)
def test_a_long_name_of_the_mirror_is_an_error_or_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for api in config.APIS:
        monkeypatch.setenv(api.variable, "http://127.0.0.1:9")
    ended = run(*command, "--db", name)
    assert ended.code in (0, 1, 74)
    (tmp_path / ("a" * 250)).touch()
    assert run(*command, "--db", "a" * 250).code in (0, 1, 74)


# Commands that messages suggest.


def test_suggested_commands_name_the_mirror(filled_mirror: Path, tmp_path: Path) -> None:
    there = filled_mirror.rename(tmp_path / "my mirror.db")
    option = f"--db '{there}'"
    assert f"look it up in the catalog: djpkg fetch {option} nope\n" in run("show", "nope", "--db", str(there)).err
    with closing(sqlite3.connect(there)) as db, db:
        db.execute("INSERT INTO overrides VALUES (1, 'repo_watchers', '\"many\"', '2026-01-01T00:00:00Z')")
    shown = run_on_terminal("show", "1", "--db", str(there))
    assert f"djpkg edit {option} django-pots --unset repo_watchers removes it" in shown.err
    (undo,) = (line for line in run("edit", "1", "title=T", "--db", str(there)).err.splitlines() if "undo: " in line)
    assert undo.count("--db") == 1
    with closing(sqlite3.connect(there)) as db, db:
        db.execute("UPDATE packages SET grids = 'null' WHERE id = 1")
    assert f"djpkg fetch {option} django-pots --refetch writes it anew" in run("list", "--json", "--db", str(there)).err
    missing = tmp_path / "none.db"
    assert f"Run djpkg fetch --db {missing} --all to get the catalog" in run("list", "--db", str(missing)).err
    drawn = " ".join(run_on_terminal("status", "--db", str(missing)).out.split())
    assert f"djpkg fetch --db {missing} --all creates it" in drawn


def test_suggested_commands_without_the_option_are_unchanged(filled_mirror: Path) -> None:
    assert "look it up in the catalog: djpkg fetch nope\n" in run("show", "nope").err


# A locale without UTF-8.

ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


def test_characters_that_the_locale_lacks_are_marked_in_one_form(tmp_path: Path) -> None:
    packages = [catalog_facts(5, "über-pots", repo_url="", pypi_url=""), catalog_facts(6, "plain", pypi_url="")]
    path = str(filled_mirror_at(tmp_path / "mirror.db", packages))
    piped = run_process("list", "-f", "slug", "--db", path, env=ASCII_LOCALE)
    assert sorted(piped.lines) == ["<U+00FC>ber-pots", "plain"]
    drawn = run_on_pty("list", "-f", "slug,id", "--db", path, env=ASCII_LOCALE)
    (plain,) = (line for line in drawn.lines if line.startswith("plain"))
    (marked,) = (line for line in drawn.lines if line.startswith("<U+00FC>ber-pots"))
    assert plain.index("6") == marked.index("5")
    shown = run_process("show", "über-pots", "-f", "slug", "--db", path, env=ASCII_LOCALE)
    assert shown.out == "slug\t<U+00FC>ber-pots\n"


@pytest.mark.parametrize("command", ["compare", "changes", "fetch"])
@pytest.mark.parametrize("word", ["-forms", "-todo"])
def test_an_excluded_word_is_refused_where_words_select_nothing(filled_mirror: Path, command: str, word: str) -> None:
    result = run(command, "django-pots", word)
    message, hint = result.err.splitlines()
    assert (result.code, message) == (2, f"djpkg: unknown option '{word}'")
    assert f"words are no selection here; to exclude packages, use a term such as '^grid:{word[1:]}'" in hint


@pytest.mark.parametrize("command", ["list", "compare", "changes", "fetch"])
def test_an_error_quotes_what_was_typed(filled_mirror: Path, command: str) -> None:
    result = run(command, "django-pots", "-stars>100")
    assert (result.code, result.err) == (2, "djpkg: '-stars>100' is not a term\n       use ^stars:100..\n")


def test_the_suggested_check_names_the_mirror_too(tmp_path: Path) -> None:
    missing, file = tmp_path / "none.db", tmp_path / "requirements.txt"
    file.write_text("django-todo\n")
    shown = run("check", str(file), "--db", str(missing)).err
    assert f"run djpkg fetch --db {missing} --all" in shown
    assert f"or djpkg check --db {missing} --fetch\n" in shown
