from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import webbrowser
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from djpkg.mirror.apply_answer import SourceAnswer
from djpkg.mirror.connection import open_write
from djpkg.mirror.write import Writer
from djpkg.model.facts import Outcome
from djpkg.model.fields import FIELDS
from djpkg.model.fields import RECORD as RECORD_FIELDS
from djpkg.model.repository_url import NO_FORGES
from djpkg.source_name import SourceName
from djpkg.times import format_time
from tests.cli.running import RECORD, SOURCE, Result, run, run_on_terminal, run_process
from tests.mirrors import NOW, catalog_facts, filled_mirror, override, pypi_facts
from tests.render.samples import FORBIDDEN, hostile_text

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    return fetched_mirror


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses opened in the browser."""
    addresses: list[str] = []

    def record_address(address: str, *_: object, **__: object) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", record_address)
    return addresses


def storable(text: str) -> str:
    """Return the text without lone surrogates, which no source returns."""
    return text.encode("utf-8", "replace").decode()


def edit(mirror: Path, **values: str) -> None:
    with open_write(mirror) as db:
        override(db, 1, values)


# Without a mirror.


def test_without_a_mirror_show_prints_the_packaged_record_exactly_and_creates_no_file(
    tmp_path: Path,
) -> None:
    result = run("show", "django-todo", "--json")
    assert (result.code, result.out) == (0, RECORD.read_text(encoding="ascii"))
    assert "there is no mirror at" in result.err
    assert "djpkg fetch --all" in result.err
    assert list(tmp_path.iterdir()) == []


def test_without_a_home_folder_a_given_mirror_path_is_enough(tmp_path: Path) -> None:
    result = subprocess.run(
        ["env", "-i", sys.executable, "-m", "djpkg", "show", "409", "--json", "--db", str(tmp_path / "none.db")],
        capture_output=True,
        cwd=SOURCE,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, RECORD.read_bytes())


def test_without_a_home_folder_and_a_path_the_message_names_the_next_step() -> None:
    result = subprocess.run(
        ["env", "-i", sys.executable, "-m", "djpkg", "show", "409"], capture_output=True, cwd=SOURCE, check=False
    )
    assert result.returncode == 1
    assert result.stderr.decode().splitlines() == [
        "djpkg: no home directory for the mirror",
        "       set the file with --db FILE or DJPKG_DB=FILE",
    ]


# Which package.


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "django-pots",
        "DJANGO_pots",
        "https://djangopackages.org/packages/p/django-pots/",
        "mara/django-pots",
        "https://github.com/mara/django-pots.git",
        "https://pypi.org/project/django-pots/",
    ],
)
def test_a_package_is_found_by_any_of_its_names(mirror: Path, text: str) -> None:
    assert run("show", text, "-f", "id").out == "id\t1\n"


def test_an_unknown_package_exits_with_3_and_suggests_similar_slugs_and_a_fetch(mirror: Path) -> None:
    result = run("show", "django-pot", "--json")
    assert (result.code, result.out) == (3, "")
    assert result.err.splitlines() == [
        "djpkg: package 'django-pot' not found in the mirror",
        "       did you mean django-pots, django-pans? Or look it up in the catalog: djpkg fetch django-pot",
    ]


def test_an_ambiguous_name_exits_with_3_and_lists_the_packages(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(9, "pots-fork", repo_url="https://github.com/Mara/Django-Pots")])
    result = run("show", "mara/django-pots")
    assert result.code == 3
    assert "matches 2 packages: django-pots, pots-fork" in result.err


@pytest.mark.parametrize("text", ["-", "\x1b[31m", "a" * 5000, "https://", "9" * 40, "a/b/c/d", "'; DROP"])
def test_any_other_text_for_a_package_exits_with_3(mirror: Path, text: str) -> None:
    result = run("show", "--", text)
    assert (result.code, result.out) == (3, "")
    assert not FORBIDDEN.search(result.err.replace("\n", ""))


# Into a pipe.


def test_the_json_has_the_keys_of_the_record_in_order_and_is_ascii(mirror: Path) -> None:
    out = run("show", "django-pots", "--json").out
    assert list(json.loads(out)) == [field.name for field in RECORD_FIELDS]
    assert out.isascii()
    assert out.endswith("}\n")


def test_a_pipe_gets_one_line_per_field(mirror: Path) -> None:
    lines = run("show", "django-pots").lines
    assert [line.split("\t")[0] for line in lines] == [field.name for field in FIELDS]
    assert "repo_watchers\t5112" in lines


def test_the_keys_are_the_names_that_were_typed(mirror: Path) -> None:
    assert run("show", "1", "-f", "stars,Version,stars", "--json").out == (
        '{\n    "stars": 5112,\n    "Version": "2.5.0"\n}\n'
    )


def test_all_selects_every_field(mirror: Path) -> None:
    assert list(json.loads(run("show", "1", "--json", "--fields", "all").out)) == [field.name for field in FIELDS]


@pytest.mark.parametrize(
    ("names", "message"), [("starz", "did you mean stars?"), (",", "--fields needs at least one field")]
)
def test_an_invalid_choice_of_fields_is_a_usage_error(mirror: Path, names: str, message: str) -> None:
    result = run("show", "1", "-f", names)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


@pytest.mark.parametrize("arguments", [[], ["one", "two"], ["one", "--nonsense"], ["one", "-f"], ["one", "--web"]])
def test_invalid_arguments_exit_with_2(arguments: list[str], opened: list[str]) -> None:
    code = 3 if arguments[-1:] == ["--web"] else 2
    assert run("show", *arguments).code == code


def test_text_from_sources_contains_no_terminal_control_characters(mirror: Path) -> None:
    for seed in range(10):
        filled_mirror(
            mirror,
            [
                catalog_facts(
                    1,
                    "django-pots",
                    title=storable(hostile_text(seed)),
                    repo_description=storable(hostile_text(seed + 99)),
                )
            ],
        )
        for result in (
            run("show", "1"),
            run_on_terminal("show", "1"),
            run("show", "1", "--sources"),
            run_on_terminal("show", "1", "--sources"),
        ):
            assert result.code == 0
            assert not FORBIDDEN.search(result.out.replace("\n", "").replace("\t", ""))


# On a terminal.


def test_a_terminal_gets_a_card(mirror: Path) -> None:
    result = run_on_terminal("show", "django-pots")
    assert result.out.startswith("Django Pots 2.5.0  django-pots")
    assert "★ 5,112   forks 285   3 contributors: mara, otto and ines" in result.out
    assert result.err == ""


def test_another_repository_named_by_the_project_is_shown_with_the_command_to_follow_it(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "https://codeberg.org/mara/django-pots"
    with open_write(mirror) as db:
        facts = replace(pypi_facts("django-pots"), repository_urls=(elsewhere,))
        Writer(db, forges=NO_FORGES).store_answers(
            SourceName.PYPI, [SourceAnswer("django-pots", Outcome.UPDATED, facts)], now=NOW
        )
    card = " ".join(run_on_terminal("show", "1").out.split())
    assert (
        f"the project names another repository, {elsewhere}; to follow it: djpkg edit django-pots repo_url={elsewhere}"
        in card
    )
    monkeypatch.chdir(mirror.parent)
    with open_write(mirror) as db:
        db.execute("UPDATE packages SET catalog_state = 'removed' WHERE id = 1")
    card = " ".join(run_on_terminal("show", "1", "--db", mirror.name).out.split())
    assert f"to follow it: djpkg edit 1 --db mirror.db repo_url={elsewhere}" in card


def test_selected_fields_are_formatted_on_a_terminal_and_raw_in_a_pipe(mirror: Path) -> None:
    names = [f"somebody-{number}" for number in range(30)]
    filled_mirror(mirror, [catalog_facts(2, "django-pans", repo_description="long " * 100, participants=tuple(names))])
    drawn = run_on_terminal("show", "2", "-f", "Stars,updated,description,participants,edited", width=60)
    assert drawn.lines[0] == "Stars         20"
    assert drawn.lines[1].startswith("updated       ")
    assert drawn.lines[1].endswith(" ago")
    assert " ".join(drawn.out.split()).count("long long") == 50
    assert ", ".join(names) in " ".join(drawn.out.split())
    assert drawn.lines[-1] == "edited"
    assert "\t" not in drawn.out
    assert max(map(len, drawn.lines)) <= 60
    weeks = run_on_terminal("show", "1", "-f", "commits_over_52").out
    assert "█" in weeks
    assert "[" not in weeks
    assert run("show", "1", "-f", "stars,edited").out == "stars\t5112\nedited\t[]\n"


# Sources of fields.


def test_sources_prints_the_source_of_every_field(mirror: Path) -> None:
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in run("show", "1", "--sources").lines}
    assert list(lines) == [field.name for field in FIELDS]
    assert lines["repo_watchers"][0] == "github"
    assert lines["pypi_version"][0:3:2] == ["pypi", "2.5.0"]
    assert lines["title"][0] == "catalog"
    assert lines["title"][1].endswith("Z")


def test_every_field_has_a_source_and_a_time_on_a_fetched_package(mirror: Path) -> None:
    by_name = json.loads(run("show", "1", "--sources", "--json").out)["fields"]
    assert [name for name, field in by_name.items() if not field["source"]] == []
    unset = [name for name, field in by_name.items() if not field["answered"]]
    assert unset == ["note", "tags", "replaced_by", "edited"]  # no edits


def test_an_edited_field_has_you_as_its_source_and_its_upstream_value(mirror: Path) -> None:
    edit(mirror, title="Pots!")
    report = json.loads(run("show", "1", "--sources", "--json", "-f", "title,stars").out)
    assert list(report) == ["schema", "slug", "fields", "requirements", "sources"]
    catalog = next(source["answered"] for source in report["sources"] if source["source"] == "catalog")
    assert report["fields"]["title"] == {
        "value": "Pots!", "source": "you", "answered": format_time(NOW), "edited": True,
        "upstream": "Django Pots", "upstream_source": "catalog", "upstream_answered": catalog,
    }  # fmt: skip
    assert report["fields"]["stars"]["upstream_source"] is None
    assert list(report["fields"]) == ["title", "stars"]
    assert [source["source"] for source in report["sources"]] == ["catalog", "github", "pypi"]
    assert run("show", "1", "--sources", "-f", "title").out == (
        f"title\tyou\t{format_time(NOW)}\tPots!\tDjango Pots\tcatalog\t{catalog}\n"
    )
    assert "upstream: Django Pots" in run_on_terminal("show", "1", "--sources").out


def test_sources_on_a_terminal_is_a_table_of_the_selected_fields(mirror: Path) -> None:
    lines = run_on_terminal("show", "1", "--sources", "-f", "Stars,title").lines
    assert [line.split()[0] for line in lines] == ["FIELD", "Stars", "title"]


# In the browser.


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        (["-w"], "https://djangopackages.org/packages/p/django-pots/"),
        (["--web"], "https://djangopackages.org/packages/p/django-pots/"),
        (["-w", "catalog"], "https://djangopackages.org/packages/p/django-pots/"),
        (["-w", "repo"], "https://github.com/mara/django-pots"),
        (["--web=docs"], "https://pots.example.org/en/"),
        (["--web", "pypi"], "https://pypi.org/project/django-pots/"),
        (["-w", "--"], "https://djangopackages.org/packages/p/django-pots/"),
    ],
)
def test_web_opens_the_page(mirror: Path, opened: list[str], arguments: list[str], address: str) -> None:
    result = run("show", "django-pots", *arguments)
    assert (result.code, result.out, result.err) == (0, "", f"opening {address}\n")
    assert opened == [address]


def test_web_does_not_take_the_package_as_its_page(mirror: Path, opened: list[str]) -> None:
    assert run("show", "-w", "django-pots").code == 0
    assert opened == ["https://djangopackages.org/packages/p/django-pots/"]


def test_pages_use_the_configured_addresses(mirror: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJPKG_PYPI_URL", "http://127.0.0.1:9/pypi/")
    monkeypatch.setenv("DJPKG_CATALOG_URL", "http://127.0.0.1:9/api/v4")
    run("show", "1", "-w", "pypi")
    run("show", "1", "-w")
    assert opened == ["http://127.0.0.1:9/pypi/project/django-pots/", "http://127.0.0.1:9/packages/p/django-pots/"]


@pytest.mark.parametrize(
    "address",
    ["", "javascript:alert(1)", "file:///etc/passwd", "https://a b/", "-h", "http://me@evil.example/", "x\ny"],
)
def test_only_plain_web_addresses_are_opened(mirror: Path, opened: list[str], address: str) -> None:
    filled_mirror(mirror, [catalog_facts(1, "django-pots", documentation_url=address, repo_url=address)])
    for page, name in (("docs", "documentation"), ("repo", "repo")):
        result = run("show", "1", "-w", page)
        assert (result.code, result.out, len(result.err.splitlines())) == (1, "", 1)
        assert f"{name}_url" in result.err
    assert opened == []


@pytest.mark.parametrize(
    ("page", "missing"),
    [
        ("repo", "repository not found; repo_url is empty"),
        ("pypi", "project on PyPI not found; pypi_name is empty"),
        ("docs", "documentation not found; documentation_url is empty"),
    ],
)
def test_the_message_names_the_field_that_a_page_needs(
    mirror: Path, opened: list[str], page: str, missing: str
) -> None:
    assert run("show", "lids", "-w", page) == (1, "", f"djpkg: lids: {missing}\n")
    assert opened == []


@pytest.mark.parametrize(
    "arguments",
    [["1", "-w", "foo"], ["-w", "foo", "1"], ["--db", "x.db", "1", "--web", "foo"], ["-w", "foo", "--", "1"]],
)
def test_an_unknown_page_is_a_usage_error_that_lists_the_pages(mirror: Path, arguments: list[str]) -> None:
    result = run("show", *arguments)
    assert (result.code, result.err) == (2, "djpkg: unknown page 'foo'; --web takes catalog, repo, pypi or docs\n")


@pytest.mark.parametrize("arguments", [["--web=nowhere"], ["-w", "--json"], ["-w", "-f", "id"], ["--sources", "--web"]])
def test_web_with_an_unknown_page_or_an_output_option_is_a_usage_error(
    mirror: Path, opened: list[str], arguments: list[str]
) -> None:
    assert run("show", "1", *arguments).code == 2
    assert opened == []


def test_without_a_browser_the_address_is_printed(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    result = run("show", "1", "-w", "docs")
    assert result.code == 1
    assert "the page is https://pots.example.org/en/" in result.err


# Damaged files and closed streams.


def not_a_database(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to be taken for one" * 40)


def another_database(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE packages (id)")


def newer(path: Path) -> None:
    filled_mirror(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (not_a_database, "not a SQLite file"),
        (another_database, "not a mirror of djpkg"),
        (newer, "made by a newer djpkg"),
    ],
)
@pytest.mark.parametrize("command", [["show", "1"], ["list"], ["status"], ["grids"], ["changes"], ["compare", "1"]])
def test_a_file_that_is_not_a_mirror_exits_with_74_and_is_not_changed(
    tmp_path: Path, make: Callable[[Path], None], message: str, command: list[str]
) -> None:
    path = tmp_path / "other.db"
    make(path)
    before = path.read_bytes()
    result = run(*command, "--db", str(path))
    assert (result.code, result.out) == (74, "")
    assert message in result.err
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["other.db"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_an_unreadable_mirror_exits_with_74(mirror: Path) -> None:
    mirror.chmod(0)
    for result in (run("show", "1"), run("show", "1", "--db", str(mirror))):
        assert (result.code, result.out) == (74, "")
        assert "permission" in result.err


def test_a_folder_as_mirror_exits_with_74(tmp_path: Path) -> None:
    result = run("show", "1", "--db", str(tmp_path))
    assert result.code == 74
    assert "is a folder" in result.err


def test_a_read_only_mirror_can_be_read(mirror: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    folder.mkdir()
    shutil.copy(mirror, folder / "mirror.db")
    (folder / "mirror.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        assert run("show", "1", "-f", "slug", "--db", str(folder / "mirror.db")).out == "slug\tdjango-pots\n"
        assert [file.name for file in folder.iterdir()] == ["mirror.db"]
    finally:
        folder.chmod(0o755)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize(
    "command",
    [
        "show 1 --json",
        "list --json",
        "status",
        "fields",
        "--help",
        "list --help",
        "--version",
        "--show-completion",
    ],
)
def test_a_full_output_device_exits_with_74_and_one_message(mirror: Path, command: str) -> None:
    result = run_in_bash(command, '> /dev/full; echo "$?"')
    assert result.out == "74\n"
    assert result.err == "djpkg: the output cannot be written: No space left on device\n"


def run_in_bash(command: str, rest: str, **variables: str) -> Result:
    """Run the program in a line of bash, whose completion it prints: it is that of the parent process."""
    result = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m djpkg {command} {rest}'],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **variables},
        check=False,
    )
    return Result(result.returncode, result.stdout.decode(), result.stderr.decode())


def test_the_completion_of_the_shell_in_which_it_runs_is_printed() -> None:
    result = run_in_bash("--show-completion", '; echo "$?"')
    assert "complete -o default -F _djpkg_completion djpkg" in result.out
    assert (result.lines[-1], result.err) == ("0", "")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror whose list is longer than the buffer of a pipe."""
    packages = [catalog_facts(number, f"package-{number}", grids=(10,)) for number in range(1, 1200)]
    return filled_mirror(tmp_path_factory.mktemp("many") / "mirror.db", packages)


@pytest.mark.parametrize("command", ["--help", "list --help", "--version", "--show-completion", "fields"])
def test_a_pipe_closed_before_reading_exits_with_0(mirror: Path, command: str) -> None:
    assert run_in_bash(command, '| true; echo "${PIPESTATUS[0]}"') == (0, "0\n", "")


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["compare", "grid:gardening"]])
def test_a_pipe_closed_while_reading_exits_with_0(many: Path, command: list[str]) -> None:
    result = run_in_bash(" ".join(command), '| head -1; echo "${PIPESTATUS[0]}"', DJPKG_DB=str(many))
    assert (result.lines[-1], result.err) == ("0", "")


@pytest.mark.parametrize(
    "settings",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1"},
        {"NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "dumb"},
    ],
)
@pytest.mark.parametrize("command", ["show 1", "list", "compare 1 2"])
def test_every_locale_and_colour_setting_works(mirror: Path, settings: dict[str, str], command: str) -> None:
    filled_mirror(mirror, [catalog_facts(1, "django-pots", title="Töpfe 日本 👩\u200d👧", repo_description="Gefäße")])
    result = run_process(*command.split(), env=settings)
    assert (result.code, result.err) == (0, "")
    assert "pots" in result.out
    if "PYTHONIOENCODING" in settings:
        assert result.out.isascii()
    if "NO_COLOR" in settings:
        assert "\x1b[3" not in result.out


def test_json_is_the_same_on_a_terminal(mirror: Path) -> None:
    assert run_on_terminal("show", "1", "--json").out == run("show", "1", "--json").out


def test_times_for_scripts_are_whole_seconds_of_utc(fetched_mirror: Path) -> None:
    names = ("created", "modified", "last_updated", "last_fetched")
    with open_write(fetched_mirror) as db:
        db.execute("UPDATE packages SET created_utc = '2018-09-06T12:00:00.123456Z', modified_utc = NULL WHERE id = 1")
        stored = db.execute("SELECT last_updated_utc, last_fetched_utc FROM packages WHERE id = 1").fetchone()
    fields = "created_utc,modified_utc,updated_utc,fetched_utc"
    expected = {
        "created_utc": "2018-09-06T12:00:00Z",
        "modified_utc": None,
        "updated_utc": f"{stored[0][:19]}Z",
        "fetched_utc": f"{stored[1][:19]}Z",
    }
    assert json.loads(run("show", "1", "--json", "-f", fields).out) == expected
    assert json.loads(run("list", "id:1", "--jsonl", "-f", fields).out) == expected
    assert json.loads(run("show", "1", "--json", "-f", "last_updated_utc").out) == {
        "last_updated_utc": expected["updated_utc"]
    }
    origins = json.loads(run("show", "1", "--sources", "--json").out)["fields"]
    assert [origins[one]["source"] for one in fields.split(",")] == [origins[one]["source"] for one in names]
    assert run("list", "created_utc:2018-09-06", "-f", "id").lines == ["1"]
    assert run("list", "--sort", "modified_utc", "-f", "id").lines[-1] == "1"
