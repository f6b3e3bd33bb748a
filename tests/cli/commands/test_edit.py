"""``djpkg edit``: storing, printing and undoing overrides, and an editor that loses no text."""

from __future__ import annotations

import json
import os
import pkgutil
import pty
import re
import shlex
import sqlite3
import sys
import tempfile
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from djpkg.cli import app, terminal
from djpkg.mirror import busy, connection
from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.package import get_merged
from djpkg.mirror.write import Writer
from djpkg.model import fields
from djpkg.model.facts import Outcome
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from tests.cli.running import run, run_process
from tests.mirrors import NOW, POTS, catalog_facts, forge_facts
from tests.pauses import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.running import Result

API = "https://djangopackages.org/api/v4"


def values(path: Path, number: int = 1) -> dict[str, Any]:
    with open_read(path) as db:
        return dict(get_merged(db, number, forges=NO_FORGES)[0].values)


def overrides(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT package_id, field, value FROM overrides ORDER BY 1, 2").fetchall()


def undo_of(result: Result) -> list[str]:
    (line,) = [line for line in result.err.splitlines() if line.startswith("undo: ")]
    words = shlex.split(line.removeprefix("undo: "))
    assert words[:2] == ["djpkg", "edit"]
    return words[1:]


# Beside other programs.


@contextmanager
def reader(path: Path) -> Iterator[None]:
    """Another program that reads, for as long as the block runs."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM packages").fetchone()
        yield


def test_an_edit_waits_for_a_reader_with_a_message(filled_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = ExitStack()
    readers.enter_context(reader(filled_mirror))
    write_warning = terminal.write_warning

    def release(text: str) -> None:
        write_warning(text)
        readers.close()

    monkeypatch.setattr(terminal, "write_warning", release)
    monkeypatch.setattr(busy, "EDIT", busy.BusyLimits(total=30, notice=0.02))
    result = run("edit", "1", "title=Mine")
    message = f"djpkg: waiting up to 30 seconds for another program that uses the mirror {filled_mirror}"
    assert (result.code, result.err.splitlines()[0]) == (0, message)
    assert values(filled_mirror)["title"] == "Mine"


@pytest.mark.parametrize("step", ["djpkg.mirror.lock.ensure", "djpkg.cli.commands.edit.open_read"])
def test_each_step_of_an_edit_waits_for_a_program_that_locks_readers_out(
    filled_mirror: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    original, write_warning = pkgutil.resolve_name(step), terminal.write_warning
    calls: list[str] = []
    with closing(sqlite3.connect(filled_mirror, isolation_level=None)) as other:

        def lock_first(*arguments: Any, **more: Any) -> Any:
            calls.append(step)
            if len(calls) == 1:
                other.execute("BEGIN EXCLUSIVE")
            return original(*arguments, **more)

        def release(text: str) -> None:
            write_warning(text)
            other.execute("ROLLBACK")

        monkeypatch.setattr(step, lock_first)
        monkeypatch.setattr(terminal, "write_warning", release)
        monkeypatch.setattr(busy, "EDIT", busy.BusyLimits(total=30, notice=0.02))
        monkeypatch.setattr(connection, "BUSY_SECONDS", 0)  # a wait inside SQLite has no message
        result = run("edit", "1", "title=Mine")
    message = f"djpkg: waiting up to 30 seconds for another program that uses the mirror {filled_mirror}"
    assert (result.code, result.err.splitlines()[0]) == (0, message)
    assert values(filled_mirror)["title"] == "Mine"
    assert len(calls) >= 2


def test_an_edit_never_waits_without_its_message(filled_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    connect: Any = sqlite3.connect

    def record(*arguments: Any, **more: Any) -> Any:
        waits.append(more.get("timeout", 5))
        return connect(*arguments, **more)

    monkeypatch.setattr(sqlite3, "connect", record)
    assert run("edit", "1", "title=Mine").code == 0
    assert len(waits) >= 3
    assert set(waits) == {busy.ATTEMPT}


def test_an_edit_that_waited_too_long_changes_nothing(filled_mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy, "EDIT", busy.BusyLimits(total=0.05, notice=60))
    with reader(filled_mirror):
        result = run("edit", "1", "title=Mine")
    assert result.code == 74
    assert result.err.splitlines() == [
        f"djpkg: the mirror {filled_mirror} is locked by another program",
        "       try again when it has finished",
    ]
    assert overrides(filled_mirror) == []


# With assignments.


def test_a_pipe_gets_one_line_per_field_with_old_and_new_value(fetched_mirror: Path) -> None:
    result = run("edit", "django-pots", "title=Clay\tPots", "grids-=pottery", "docs=")
    assert (result.code, result.out) == (
        0,
        (
            f"grids\t{API}/grids/10/, {API}/grids/11/\t{API}/grids/10/\n"
            "title\tDjango Pots\tClay Pots\n"
            "documentation_url\thttps://pots.example.org/en/\t\n"
        ),
    )
    assert values(fetched_mirror)["title"] == "Clay\tPots"


def test_the_json_lists_the_changes_in_the_order_of_the_record(fetched_mirror: Path) -> None:
    result = run("edit", "1", "stars=7", "title=Mine", "category=frameworks", "--json")
    assert (result.code, json.loads(result.out)) == (
        0,
        {
            "schema": 1,
            "slug": "django-pots",
            "exit": 0,
            "changes": [
                {
                    "field": "category",
                    "old": f"{API}/categories/1/",
                    "new": f"{API}/categories/2/",
                    "upstream": f"{API}/categories/1/",
                },
                {"field": "title", "old": "Django Pots", "new": "Mine", "upstream": "Django Pots"},
                {"field": "repo_watchers", "old": 5112, "new": 7, "upstream": 5112},
            ],
        },
    )
    assert result.out.isascii()
    assert list(json.loads(result.out)) == ["schema", "slug", "exit", "changes"]
    again = json.loads(run("edit", "1", "title=Other", "--unset", "stars", "--json").out)["changes"]
    assert again == [
        {"field": "title", "old": "Mine", "new": "Other", "upstream": "Django Pots"},
        {"field": "repo_watchers", "old": 7, "new": 5112, "upstream": 5112},
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nothing-like-it", "title=x"), 3),
        (("1", "stars=many"), 2),
        (("1", "slug=x"), 2),
        (("1", "nothing=x"), 2),
        (("1",), 2),
    ],
)
def test_json_prints_one_object_for_every_exit_code(filled_mirror: Path, arguments: tuple[str, ...], code: int) -> None:
    result = run("edit", *arguments, "--json")
    document = json.loads(result.out)
    error = document.pop("error")
    assert (result.code, document) == (code, {"schema": 1, "slug": None, "exit": code, "changes": []})
    message, hint = result.err.partition("\n")[::2]
    assert (error["message"], error["hint"] or "") == (message.removeprefix("djpkg: "), hint.strip())


@pytest.mark.parametrize(("ending", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_json_prints_one_object_after_a_signal(
    filled_mirror: Path, monkeypatch: pytest.MonkeyPatch, ending: BaseException, code: int
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise ending

    monkeypatch.setattr("djpkg.cli.commands.edit.busy.retry", interrupted)
    result = run("edit", "1", "title=x", "--json")
    assert (result.code, json.loads(result.out)) == (
        code,
        {"schema": 1, "slug": None, "exit": code, "error": {"message": "interrupted", "hint": None}, "changes": []},
    )


EDITS = {
    "a text": ['title=It\'s "quoted" $HOME `x` \\ \n\t end'],
    "null": ["docs=", "version:=null"],
    "a number": ["stars=0", "forks=7"],
    "a list": ["participants=a b,c", "grids=gardening"],
    "emptied lists": ["participants=", "grids="],
    "added and taken": ["participants+=zoe", "grids-=pottery"],
    "weeks": [f"commits_over_52={[1] * 52}"],
    "cleared texts": ["description=", "repo_url=", "pypi_url="],
    "an address": ["repo_url=https://gitlab.com/a/b", "pypi_url=other"],
    "a category": ["category=frameworks"],
    "a time": ["updated=2020-01-01"],
}


@pytest.mark.parametrize("way", EDITS)
def test_the_printed_undo_command_undoes_the_edit(fetched_mirror: Path, way: str) -> None:
    before = values(fetched_mirror)
    first = run("edit", "django-pots", *EDITS[way])
    edited = values(fetched_mirror)
    assert edited != before
    assert run(*undo_of(first)).code == 0
    assert (values(fetched_mirror), overrides(fetched_mirror)) == (before, [])
    # After two edits it restores the first.
    run("edit", "django-pots", *EDITS[way])
    kept = overrides(fetched_mirror)
    names = sorted({fields.get(re.split(r"[:+-]?=", word, maxsplit=1)[0]).name for word in EDITS[way]})
    for second in (["title=other", "stars=99", "participants=other"], [x for name in names for x in ("--unset", name)]):
        undo = undo_of(run("edit", "django-pots", *second))
        assert overrides(fetched_mirror) != kept
        assert run(*undo).code == 0
        assert overrides(fetched_mirror) == kept


def test_the_undo_command_names_the_mirror_if_the_edit_did(fetched_mirror: Path) -> None:
    there = fetched_mirror.rename(fetched_mirror.with_name("my other mirror.db"))
    result = run("edit", "django-pots", "title=Mine", "--db", str(there))
    assert run(*undo_of(result)).code == 0
    assert overrides(there) == []
    assert not fetched_mirror.exists()


def test_the_undo_command_uses_the_id_for_an_ambiguous_slug(filled_mirror: Path) -> None:
    with open_write(filled_mirror) as db:
        writer = Writer(db, forges=NO_FORGES)
        writer.mark_gone(1, now=NOW)
        writer.store_catalog([catalog_facts(80, "django-pots"), catalog_facts(81, "2048")], now=NOW, report_added=False)
    for number in (1, 80, 81):
        result = run("edit", str(number), "title=Mine")
        assert [package for package, *_ in overrides(filled_mirror)] == [number]
        assert run(*undo_of(result)).code == 0
        assert overrides(filled_mirror) == []


def test_an_edit_of_a_fetched_field_prints_a_note(fetched_mirror: Path) -> None:
    note = "edited; fetches no longer change the shown value"
    assert f"repo_watchers: {note}\n" in run("edit", "1", "stars=7").err
    assert note not in run("edit", "1", "title=x").err
    assert note not in run("edit", "1", "--unset", "stars").err


def test_the_same_edit_again_changes_nothing(fetched_mirror: Path) -> None:
    assert run("edit", "django-pots", "category=frameworks", "title=Mine").code == 0
    kept = overrides(fetched_mirror)
    again = run("edit", "django-pots", "category=frameworks", "title=Mine", "--json")
    assert (again.code, json.loads(again.out)["changes"]) == (0, [])
    assert again.err == "nothing changed\n"
    assert [row[:3] for row in overrides(fetched_mirror)] == [row[:3] for row in kept]


@pytest.mark.parametrize("words", [["--unset", "title"], ["participants+=mara"]])
def test_an_edit_without_effect_prints_a_message(fetched_mirror: Path, words: list[str]) -> None:
    result = run("edit", "django-pots", *words)
    assert (result.code, result.out, result.err) == (0, "", "nothing changed\n")
    assert overrides(fetched_mirror) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["slug=x"], "slug cannot be edited"),
        (["titel=x"], "did you mean title?"),
        (["title"], "invalid assignment 'title'"),
        (["stars=many"], "invalid value 'many' for repo_watchers"),
        (["title=x", "--unset", "title"], "title cannot be assigned and unset at once"),
        (["docs=https://a.example", "--unset", "documentation-url"], "at once"),
        (["--unset", "nothing"], "unknown field 'nothing'"),
        (["title=fine", "grids=nowhere"], "grids"),
        (["title=\udcff"], "title"),
        ([], "nothing to edit: standard input is not a terminal, so no editor is opened"),
        (["title="], "title cannot be empty"),
        (["title= \t"], "title cannot be empty"),
        (['title:=" "'], "title cannot be empty"),
    ],
)
def test_an_invalid_edit_exits_with_2_and_writes_nothing(filled_mirror: Path, words: list[str], message: str) -> None:
    before = filled_mirror.read_bytes()
    result = run("edit", "django-pots", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert filled_mirror.read_bytes() == before


def test_an_unknown_package_exits_with_3_and_suggests_similar_slugs(filled_mirror: Path) -> None:
    result = run("edit", "django-pot", "title=x")
    assert (result.code, result.out) == (3, "")
    assert "django-pots" in result.err
    assert overrides(filled_mirror) == []


def test_an_edit_creates_a_mirror_with_the_packaged_record(tmp_path: Path) -> None:
    result = run("edit", "django-todo", "title=Todo")
    assert (result.code, result.out) == (0, "title\tdjango-todo\tTodo\n")
    assert values(tmp_path / "mirror.db", 409)["title"] == "Todo"
    assert json.loads(run("show", "django-todo", "--json").out)["title"] == "Todo"


def test_an_invalid_edit_creates_no_mirror(tmp_path: Path) -> None:
    assert run("edit", "django-todo", "slug=x").code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"no mirror at all", b"\0" * 5000])
def test_a_file_that_is_not_a_mirror_exits_with_74_and_is_not_changed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mirror.db"
    path.write_bytes(content)
    result = run("edit", "django-todo", "title=x")
    assert (result.code, result.out) == (74, "")
    assert str(path) in result.err
    assert path.read_bytes() == content


def test_a_newer_mirror_exits_with_74_and_is_not_changed(filled_mirror: Path) -> None:
    with closing(sqlite3.connect(filled_mirror)) as db:
        db.execute("PRAGMA user_version = 99")
    before = filled_mirror.read_bytes()
    result = run("edit", "django-pots", "title=x")
    assert (result.code, result.out) == (74, "")
    assert "newer djpkg" in result.err
    assert filled_mirror.read_bytes() == before


def test_fetches_keep_edits_and_unset_restores_the_latest_upstream_value(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "title=Mine", "stars=7")
    with open_write(fetched_mirror) as db:
        writer = Writer(db, forges=NO_FORGES)
        writer.store_catalog([replace(POTS, title="Newer")], now=NOW, report_added=True)
        answer = SourceAnswer(
            "github.com/mara/django-pots", Outcome.UPDATED, forge_facts("mara/django-pots", stars=6000)
        )
        writer.store_answers(SourceName.GITHUB, [answer], now=NOW)
    shown = json.loads(run("show", "django-pots", "--json").out)
    assert (shown["title"], shown["repo_watchers"]) == ("Mine", 7)
    result = run("edit", "django-pots", "--unset", "title", "--unset", "stars")
    assert result.out == "title\tMine\tNewer\nrepo_watchers\t7\t6000\n"
    shown = json.loads(run("show", "django-pots", "--json").out)
    assert (shown["title"], shown["repo_watchers"]) == ("Newer", 6000)


def test_concurrent_additions_to_a_list_are_all_stored(fetched_mirror: Path) -> None:
    children = []
    for editor in range(4):
        child = os.fork()
        if child == 0:
            try:
                result = [run("edit", "django-pots", f"participants+={editor}-{number}").code for number in range(8)]
                os._exit(any(result))
            finally:
                os._exit(99)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    wanted = {f"{editor}-{number}" for editor in range(4) for number in range(8)}
    assert wanted <= set(values(fetched_mirror)["participants"])


@pytest.mark.parametrize(
    "assignment",
    ["title=Django Pots", "docs=https://pots.example.org/en/", "grids=pottery,gardening", "stars=5112", "updated={}"],
)
def test_a_value_equal_to_the_upstream_one_makes_no_override(fetched_mirror: Path, assignment: str) -> None:
    assignment = assignment.format(str(values(fetched_mirror)["last_updated"]).replace("Z", "+00:00"))
    ended = run("edit", "django-pots", assignment)
    assert (ended.code, ended.out, ended.err) == (0, "", "nothing changed\n")
    assert overrides(fetched_mirror) == []


def test_an_override_ends_when_it_is_set_to_the_upstream_value(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "title=Mine", "stars=7")
    ended = run("edit", "django-pots", "title=Django Pots")
    assert (ended.code, ended.out) == (0, "title\tMine\tDjango Pots\n")
    assert overrides(fetched_mirror) == [(1, "repo_watchers", "7")]
    assert undo_of(ended) == ["edit", "django-pots", 'title:="Mine"']
    assert json.loads(run("show", "django-pots", "--json", "-f", "edited").out) == {"edited": ["repo_watchers"]}


def test_the_upstream_value_is_that_of_the_edited_address(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "repo_url=https://gitlab.com/a/b", "stars=512")  # 512 is the catalog's figure
    assert [field for _, field, _ in overrides(fetched_mirror)] == ["repo_url"]


@pytest.mark.parametrize(
    ("field", "value", "old"),
    [
        ("repo_watchers", '"many"', '"many"'),
        ("no_such_field", "5", "5"),
        ("stars", "5", "5"),
        ("", "null", "null"),
        ("-f", "1", "1"),
        ("two words\n", "[]", "[]"),
        ("caf\udce9", "1", "1"),
    ],
)
def test_any_stored_override_can_be_unset(fetched_mirror: Path, field: str, value: str, old: str) -> None:
    with closing(sqlite3.connect(fetched_mirror)) as db:
        db.execute(
            "INSERT INTO overrides VALUES (1, CAST(? AS TEXT), ?, '2026-01-01T00:00:00Z')", (os.fsencode(field), value)
        )
        db.commit()
    shown = run("show", "django-pots", "--sources")
    assert shown.code == 0
    (command,) = re.findall(r"djpkg (edit .*) removes it", shown.err)
    assert f"--unset={field}" in command or "--unset" in command
    ended = run("edit", "django-pots", f"--unset={field}", "--json")
    assert ended.code == 0, ended.err
    (change,) = json.loads(ended.out)["changes"]
    assert (change["field"], change["old"]) == (field, old)
    assert "undo" not in ended.err
    assert overrides(fetched_mirror) == []
    assert run("show", "django-pots", "--sources").err == ""
    assert run("edit", "django-pots", "--unset=no_such_field").code == 2


def test_an_override_of_a_package_with_damaged_facts_can_be_unset_but_not_set(fetched_mirror: Path) -> None:
    run("edit", "django-pots", "title=Mine", "grids=")
    with closing(sqlite3.connect(fetched_mirror)) as db:
        db.execute("UPDATE facts SET facts = '5' WHERE package_id = 1 AND source = 'catalog'")
        db.commit()
    refused = run("edit", "django-pots", "stars=7")
    assert (refused.code, "djpkg fetch django-pots --refetch" in refused.err) == (74, True)
    ended = run("edit", "django-pots", "--unset", "title", "--unset", "grid")
    assert (ended.code, overrides(fetched_mirror)) == (0, [])
    assert ended.out == 'grids\t[]\t\ntitle\t"Mine"\t\n'


# In an editor, on a terminal.


class Session(NamedTuple):
    """The result of a run on a terminal: the exit code, what the terminal showed, and the texts that are kept."""

    code: int
    shown: str
    kept: list[Path]


class Desk:
    """A terminal, a mirror and a folder for drafts."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.drafts = folder / "drafts"
        self.drafts.mkdir()

    def editor(self, script: str) -> str:
        """Return a shell script as the editor: ``$1`` is the text; each run adds a line to the file ``turns``."""
        file = self.folder / "editor"
        file.write_text(f"cd {shlex.quote(str(self.folder))}\necho >> turns\n{script}\n", encoding="utf-8")
        return f"sh {shlex.quote(str(file))}"

    def edit(self, script: str, *words: str, meanwhile: Callable[[], object] | None = None) -> Session:
        return self.run(self.editor(script), *words, meanwhile=meanwhile)

    def run(
        self, visual: str | None, *words: str, editor: str | None = None, meanwhile: Callable[[], object] | None = None
    ) -> Session:
        child, terminal = pty.fork()
        if child == 0:
            self._become(visual, editor, ["edit", "django-pots", *words])
        shown = b""
        if meanwhile is not None:
            wait_until((self.folder / "ready").exists)
            meanwhile()
            (self.folder / "go").touch()
        while True:
            try:
                more = os.read(terminal, 4096)
            except OSError:  # Linux: the other end is closed
                break
            if not more:
                break
            shown += more
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        kept = sorted(file for file in self.drafts.rglob("*") if file.is_file())
        return Session(code, shown.decode(errors="replace").replace("\r\n", "\n"), kept)

    def _become(self, visual: str | None, editor: str | None, arguments: list[str]) -> None:
        code = 99
        try:
            for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
                setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good
            os.environ["TMPDIR"] = str(self.drafts)
            tempfile.tempdir = None
            for name, value in (("VISUAL", visual), ("EDITOR", editor)):
                if value is not None:
                    os.environ[name] = value
            app.main(arguments)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1 if error.code else 0
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)

    def title(self) -> str:
        return str(values(self.path)["title"])


@pytest.fixture
def desk(fetched_mirror: Path, tmp_path: Path) -> Desk:
    return Desk(fetched_mirror, tmp_path)


def typed(text: str) -> str:
    """Return a shell command that writes a title."""
    return f"""sed -i 's/^title = .*/title = "{text}"/' "$1" """


def lost(session: Session, text: str) -> bool:
    """Whether typed text is in no file, in a file that others can read, or in one whose path was not printed."""
    holding = [file for file in session.kept if text.encode() in file.read_bytes()]
    if len(holding) != 1:
        return True
    (file,) = holding
    private = file.parent.stat().st_mode & 0o777 == 0o700
    return not (private and str(file) in session.shown.replace("\n", ""))


def test_changes_in_the_editor_are_stored_and_printed(desk: Desk) -> None:
    session = desk.edit(typed("Typed"))
    assert (session.code, session.kept, desk.title()) == (0, [], "Typed")
    assert "django-pots title: Django Pots -> Typed" in session.shown
    assert "undo: djpkg edit django-pots --unset title" in session.shown
    assert list(desk.drafts.iterdir()) == []


def test_only_the_owner_can_read_the_draft(desk: Desk) -> None:
    session = desk.edit('stat -c %a "$1" "$(dirname "$1")" > modes; ' + typed("Typed"))
    assert (desk.folder / "modes").read_text().split() == ["600", "700"]
    assert session.code == 0


@pytest.mark.parametrize("script", ["true", 'touch "$1"', ': > "$1"', 'echo "# no" > "$1"', 'rm "$1"', 'echo >> "$1"'])
def test_unchanged_touched_emptied_and_deleted_texts_change_nothing(desk: Desk, script: str) -> None:
    before = overrides(desk.path)
    session = desk.edit(script)
    assert (session.code, session.kept) == (0, [])
    assert "nothing changed" in session.shown
    assert list(desk.drafts.iterdir()) == []
    assert overrides(desk.path) == before


def test_after_a_mistake_the_editor_opens_again_with_the_error_on_top(desk: Desk) -> None:
    session = desk.edit(
        'if [ "$(wc -l < turns)" = 1 ]; then '
        + typed("Typed")
        + """; sed -i 's/^repo_forks = .*/repo_forks = "many"/' "$1"
else head -1 "$1" > first_line; sed -i 's/^repo_forks = .*/repo_forks = 3/' "$1"; fi"""
    )
    assert (session.code, session.kept) == (0, [])
    assert (values(desk.path)["title"], values(desk.path)["repo_forks"]) == ("Typed", 3)
    assert (
        desk.folder / "first_line"
    ).read_text() == "# ERROR: invalid value 'many' for repo_forks; use a whole number, 0 or more\n"


@pytest.mark.parametrize(
    ("mistake", "mend", "error"),
    [
        ("""echo 'note = "open' >> "$1" """, "sed -i '$d'", "invalid TOML"),
        ("""printf '# caf\\351\\n' >> "$1" """, "sed -i '$d'", "the text is not valid UTF-8"),
        ("""echo 'nothing = 1' >> "$1" """, "sed -i '$d'", "unknown field 'nothing'"),
        (
            """sed -i 's/^replaced_by = .*/replaced_by = "nobody"/' "$1" """,
            """sed -i 's/^replaced_by = .*/replaced_by = "lids"/' """, "replaced_by: unknown package 'nobody'",
        ),
    ],
)  # fmt: skip
def test_a_text_that_does_not_parse_is_mended_in_the_editor(desk: Desk, mistake: str, mend: str, error: str) -> None:
    session = desk.edit(
        'if [ "$(wc -l < turns)" = 1 ]; then ' + typed("Typed") + f'; {mistake}; else head -1 "$1" > first_line;'
        f' {mend} "$1"; fi'
    )
    assert (session.code, session.kept, desk.title()) == (0, [], "Typed"), session.shown
    assert (desk.folder / "first_line").read_text().startswith(f"# ERROR: {error}")


def test_a_killed_editor_is_reported_as_such(desk: Desk) -> None:
    assert "was killed by signal 9; nothing changed" in desk.edit("kill -9 $$").shown


def test_giving_up_after_a_mistake_changes_nothing(desk: Desk) -> None:
    session = desk.edit('if [ "$(wc -l < turns)" = 1 ]; then echo "stars = x" >> "$1"; else : > "$1"; fi')
    assert (session.code, session.kept, desk.title()) == (0, [], "Django Pots")


FAILURES = {
    "the same mistake twice": (
        'if [ "$(wc -l < turns)" = 1 ]; then ' + typed("Typed") + '; echo "stars = many" >> "$1"; fi',
        2,
    ),
    "ends with 1": (typed("Typed") + "; exit 1", 1),
    "is killed": (typed("Typed") + "; kill -9 $$", 1),
    "saves invalid UTF-8 twice": (
        'if [ "$(wc -l < turns)" = 1 ]; then ' + typed("Typed") + """; printf '\\377' >> "$1"; fi""",
        2,
    ),
    "ends with 1 after a mistake": (
        'if [ "$(wc -l < turns)" = 1 ]; then ' + typed("Typed") + '; echo "stars = many" >> "$1"; else exit 1; fi',
        1,
    ),
    "the mirror is damaged meanwhile": (typed("Typed") + '; printf x > "$DJPKG_DB"', 74),
    "the mirror vanishes meanwhile": (typed("Typed") + '; rm "$DJPKG_DB"', 74),
    "djpkg is terminated": (typed("Typed") + "; kill -TERM $PPID; sleep 0.3", 143),
    "makes the file unreadable as a file": (typed("Typed") + '; mv "$1" "$1.moved"; mkdir "$1"', 1),
}


@pytest.mark.parametrize("way", FAILURES)
def test_typed_text_is_never_lost(desk: Desk, way: str) -> None:
    script, code = FAILURES[way]
    before = desk.path.read_bytes()
    session = desk.edit(script)
    assert session.code == code
    if way.startswith("makes"):
        assert [file.name for file in session.kept] == ["package.toml.moved"]
    else:
        assert not lost(session, "Typed"), session.shown
        assert session.kept[0].stat().st_mode & 0o777 == 0o600 or way.startswith("the mirror")
    assert "Traceback" not in session.shown
    if not way.startswith("the mirror"):
        assert desk.path.read_bytes() == before


def test_an_editor_that_fails_without_changes_leaves_no_file(desk: Desk) -> None:
    session = desk.edit("exit 3")
    assert (session.code, session.kept) == (1, [])
    assert "exited with 3; nothing changed" in session.shown
    assert list(desk.drafts.iterdir()) == []


@pytest.mark.parametrize(
    ("visual", "editor", "message"),
    [
        ("no-such-editor-anywhere", None, "cannot run the editor no-such-editor-anywhere"),
        (None, "no-such-editor-anywhere -w", "cannot run the editor no-such-editor-anywhere"),
        ("vim 'unclosed", None, "unclosed quote"),
        ("   ", None, "VISUAL or EDITOR is blank"),
        ("/", None, "cannot run the editor /"),
    ],
)
def test_an_editor_that_cannot_run_is_reported_with_the_variables_to_set(
    desk: Desk, visual: str | None, editor: str | None, message: str
) -> None:
    session = desk.run(visual, editor=editor)
    assert (session.code, session.kept) == (1, [])
    assert message in session.shown
    assert "set VISUAL or EDITOR" in session.shown
    assert list(desk.drafts.iterdir()) == []


def test_typed_text_is_kept_if_the_editor_disappears(desk: Desk) -> None:
    file = desk.folder / "gone-editor"
    file.write_text(f'#!/bin/sh\n{typed("Typed")}\necho "stars = many" >> "$1"\nrm "$0"\n')
    file.chmod(0o755)
    session = desk.run(str(file))
    assert session.code == 1
    assert not lost(session, "Typed")


def test_visual_has_precedence_over_editor_and_both_accept_arguments(desk: Desk) -> None:
    script = desk.editor(typed("Typed"))
    assert desk.run(f"{script} --wait 'two words'", editor="no-such-editor").code == 1  # the file is the last argument
    with_words = f"sh -c {shlex.quote('shift; ' + typed('By Words'))} editor --wait"
    assert desk.run(with_words, editor="no-such-editor").code == 0
    assert desk.title() == "By Words"
    assert desk.run("", editor=script).code == 0
    assert desk.title() == "Typed"


def test_editors_may_replace_the_file_and_leave_copies(desk: Desk) -> None:
    session = desk.edit(
        'cp "$1" "$1~"; mkdir "$(dirname "$1")/.swap"; cp "$1" new; mv new "$1"; chmod 644 "$1"; ' + typed("Typed")
    )
    assert (session.code, desk.title()) == (0, "Typed")
    assert list(desk.drafts.iterdir()) == []


def test_windows_line_endings_are_not_a_change(desk: Desk) -> None:
    session = desk.edit("""sed -i 's/$/\\r/' "$1" """)
    assert (session.code, desk.title()) == (0, "Django Pots")
    assert "nothing changed" in session.shown


def test_ctrl_c_in_the_editor_does_not_stop_djpkg(desk: Desk) -> None:
    session = desk.edit("kill -INT $PPID; " + typed("Typed"))
    assert (session.code, desk.title()) == (0, "Typed")


def test_an_editor_stopped_by_ctrl_c_changes_nothing(desk: Desk) -> None:
    session = desk.edit(typed("Typed") + "; kill -INT $$; " + typed("Later"))
    assert (session.code, desk.title()) == (1, "Django Pots")
    assert not lost(session, "Typed")


def test_only_edited_fields_are_written_during_a_concurrent_fetch(desk: Desk) -> None:
    def fetch() -> None:
        with open_write(desk.path) as db:
            newer = replace(POTS, documentation_url="https://newer.example/", title="Newer")
            Writer(db, forges=NO_FORGES).store_catalog([newer], now=NOW, report_added=False)

    session = desk.edit(
        typed("Typed") + "; touch ready; while [ ! -e go ]; do sleep 0.01; done", "--json", meanwhile=fetch
    )
    assert session.code == 0
    assert [(field, value) for _, field, value in overrides(desk.path)] == [("title", '"Typed"')]
    assert values(desk.path)["documentation_url"] == "https://newer.example/"
    report = json.loads(session.shown[session.shown.index("{") : session.shown.rindex("}") + 1])
    assert report["changes"] == [{"field": "title", "old": "Newer", "new": "Typed", "upstream": "Newer"}]


def test_lists_in_the_editor_are_merged_with_what_changed_meanwhile(desk: Desk) -> None:
    def others() -> None:
        with open_write(desk.path) as db:
            newer = replace(POTS, grids=(10, 11, 12), participants=("otto", "mara", "nils"))
            writer = Writer(db, forges=NO_FORGES)
            writer.store_catalog([newer], now=NOW, report_added=False)
            current = ["nils", "otto"]
            writer.update_overrides(1, lambda _: {"participants": current}, unset=[], now=NOW)

    names = '["mara", "otto", "me"]'
    script = f"""sed -i 's/^grids = .*/grids = ["pottery"]/; s/^participants = .*/participants = {names}/' "$1" """
    session = desk.edit(script + "; touch ready; while [ ! -e go ]; do sleep 0.01; done", meanwhile=others)
    assert session.code == 0, session.shown
    assert values(desk.path)["grids"] == [11, 12]
    assert values(desk.path)["participants"] == ["otto", "me", "nils"]


def test_the_draft_contains_every_editable_field_and_upstream_values(desk: Desk) -> None:
    run("edit", "django-pots", "title=Mine")
    desk.edit('cp "$1" copy')
    text = (desk.folder / "copy").read_text(encoding="utf-8")
    assert re.findall(r"^(\w+) = ", text, re.MULTILINE) == [field.name for field in fields.EDITABLE]
    assert '# title is edited; upstream: "Django Pots"\ntitle = "Mine"\n' in text
    assert 'grids = ["gardening", "pottery"]' in text


def test_repeated_mistakes_end_the_edit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from djpkg.cli import editor  # noqa: PLC0415 - terminals only

    monkeypatch.setattr(editor, "MAX_MISTAKES", 3)
    session = desk.edit(typed("Typed") + '; echo "mistake$(wc -l < turns) = 1" >> "$1"')
    assert session.code == 2
    assert (desk.folder / "turns").read_text() == "\n" * 3
    assert not lost(session, "Typed")


def test_typed_text_is_kept_if_the_disk_is_full(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from djpkg.cli import editor  # noqa: PLC0415 - terminals only

    def full(path: Path, text: str) -> None:
        if text.startswith("# ERROR"):
            raise OSError(28, "No space left on device")
        replace_file(path, text)

    replace_file = editor.replace_file
    monkeypatch.setattr(editor, "replace_file", full)
    session = desk.edit(typed("Typed") + '; echo "stars = many" >> "$1"')
    assert session.code == 1
    assert "No space left on device" in session.shown
    assert not lost(session, "Typed")


def test_a_repository_that_fetches_cannot_follow_is_reported(filled_mirror: Path) -> None:
    result = run("edit", "1", "repo_url=https://github.com/a")
    assert result.code == 0
    assert "repo_url: the path names no repository on github.com; fetches get nothing from there\n" in result.err
    result = run("edit", "1", "repo_url=https://git.example.org/a/b")
    assert "repo_url: git.example.org is not a known forge; fetches get nothing from there\n" in result.err
    for address in ("https://github.com/a/b", ""):
        assert "repo_url: " not in run("edit", "1", f"repo_url={address}").err.replace("repo_url: edited", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_an_edit_whose_output_cannot_be_written_says_that_it_is_stored(
    filled_mirror: Path, options: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        result = run_process("edit", "1", "stars=7", *options, stdout=full.fileno())
    assert result.code == 74
    assert result.err == "djpkg: the output cannot be written: No space left on device; the edit is stored\n"
    assert overrides(filled_mirror) == [(1, "repo_watchers", "7")]


@pytest.mark.parametrize(("typed", "near"), [("grids+=potery", "pottery"), ("category=ap", "app")])
def test_an_unknown_category_or_grid_suggests_the_nearest(filled_mirror: Path, typed: str, near: str) -> None:
    result = run("edit", "django-pots", typed)
    assert (result.code, result.out) == (2, "")
    assert f"did you mean {near}" in result.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no-such-package", "title=Mine"], 3),
        (["django-todo", "category=nothing"], 2),
        (["django-todo", "colour=red"], 2),
        (["django-todo", "stars:=[]"], 2),
        (["django-todo", "--unset", "colour"], 2),
        (["django-todo"], 2),
        (["django-todo", "--unset", "stars"], 0),
        (["django-todo", "repo_forks=285"], 0),
    ],
)
def test_an_edit_that_is_refused_or_changes_nothing_makes_no_mirror(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    ended = run("edit", *arguments, "--db", str(tmp_path / "none" / "mirror.db"))
    assert ended.code == code, ended.err
    assert list(tmp_path.iterdir()) == []
