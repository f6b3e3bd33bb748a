from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import webbrowser
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
from djpkg.times import stamp
from tests.cli.running import RECORD, SOURCE, look, run, start
from tests.mirrors import NOW, filled, pypi, record
from tests.render.samples import FORBIDDEN, hostile

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def mirror(fetched_mirror: Path) -> Path:
    return fetched_mirror


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser was asked to open."""
    addresses: list[str] = []

    def note(address: str, *_: object, **__: object) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", note)
    return addresses


def storable(text: str) -> str:
    """The text without lone surrogates, which no source hands in."""
    return text.encode("utf-8", "replace").decode()


def edit(mirror: Path, **values: str) -> None:
    with open_write(mirror) as db:
        Writer(db, forges=NO_FORGES).store_overrides(1, values, unset=(), now=NOW)


# Without a mirror.


def test_without_a_mirror_the_packaged_record_is_shown_character_for_character_and_no_file_is_made(
    tmp_path: Path,
) -> None:
    ended = run("show", "django-todo", "--json")
    assert (ended.code, ended.out) == (0, RECORD.read_text(encoding="ascii"))
    assert "there is no mirror at" in ended.err
    assert "djpkg fetch --all" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_without_a_mirror_and_without_home_a_named_file_is_enough(tmp_path: Path) -> None:
    ended = subprocess.run(
        ["env", "-i", sys.executable, "-m", "djpkg", "show", "409", "--json", "--db", str(tmp_path / "none.db")],
        capture_output=True,
        cwd=SOURCE,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, RECORD.read_bytes())


def test_without_home_and_without_a_named_file_the_next_step_is_said() -> None:
    ended = subprocess.run(
        ["env", "-i", sys.executable, "-m", "djpkg", "show", "409"], capture_output=True, cwd=SOURCE, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.decode().splitlines() == [
        "djpkg: there is no home folder to keep the mirror in",
        "       name the file with --db FILE or DJPKG_DB=FILE",
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
def test_a_package_is_found_by_whatever_names_it(mirror: Path, text: str) -> None:
    assert run("show", text, "-f", "id").out == "id\t1\n"


def test_an_unknown_package_ends_with_three_and_names_the_nearest_and_the_fetch(mirror: Path) -> None:
    ended = run("show", "django-pot", "--json")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.splitlines() == [
        "djpkg: there is no package 'django-pot' in the mirror",
        "       did you mean django-pots, django-pans?; djpkg fetch django-pot asks the catalog for it",
    ]


def test_what_fits_several_packages_ends_with_three_and_names_them(mirror: Path) -> None:
    filled(mirror, [record(9, "pots-fork", repo_url="https://github.com/Mara/Django-Pots")])
    ended = run("show", "mara/django-pots")
    assert ended.code == 3
    assert "fits 2 packages: django-pots, pots-fork" in ended.err


@pytest.mark.parametrize("text", ["", " ", "-", "\x1b[31m", "a" * 5000, "https://", "9" * 40, "a/b/c/d", "'; DROP"])
def test_no_text_for_a_package_ends_otherwise_than_with_three(mirror: Path, text: str) -> None:
    ended = run("show", "--", text)
    assert (ended.code, ended.out) == (3, "")
    assert not FORBIDDEN.search(ended.err.replace("\n", ""))


# Into a pipe.


def test_the_json_has_the_keys_of_the_record_in_order_and_is_ascii(mirror: Path) -> None:
    out = run("show", "django-pots", "--json").out
    assert list(json.loads(out)) == [field.name for field in RECORD_FIELDS]
    assert out.isascii()
    assert out.endswith("}\n")


def test_into_a_pipe_every_field_is_a_line(mirror: Path) -> None:
    lines = run("show", "django-pots").lines
    assert [line.split("\t")[0] for line in lines] == [field.name for field in FIELDS]
    assert "repo_watchers\t5112" in lines


def test_the_keys_are_the_names_that_were_typed(mirror: Path) -> None:
    assert run("show", "1", "-f", "stars,Version,stars", "--json").out == (
        '{\n    "stars": 5112,\n    "Version": "2.5.0"\n}\n'
    )


def test_all_gives_every_field(mirror: Path) -> None:
    assert list(json.loads(run("show", "1", "--json", "--fields", "all").out)) == [field.name for field in FIELDS]


@pytest.mark.parametrize(("names", "said"), [("starz", "did you mean stars?"), (",", "--fields names no field")])
def test_a_wrong_choice_of_fields_is_a_usage_error(mirror: Path, names: str, said: str) -> None:
    ended = run("show", "1", "-f", names)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.mark.parametrize("arguments", [[], ["one", "two"], ["one", "--nonsense"], ["one", "-f"], ["one", "--web"]])
def test_what_does_not_parse_ends_with_two(arguments: list[str], opened: list[str]) -> None:
    code = 3 if arguments[-1:] == ["--web"] else 2
    assert run("show", *arguments).code == code


def test_foreign_text_cannot_command_a_terminal(mirror: Path) -> None:
    for seed in range(10):
        filled(
            mirror,
            [record(1, "django-pots", title=storable(hostile(seed)), repo_description=storable(hostile(seed + 99)))],
        )
        for ended in (
            run("show", "1"),
            look("show", "1"),
            run("show", "1", "--sources"),
            look("show", "1", "--sources"),
        ):
            assert ended.code == 0
            assert not FORBIDDEN.search(ended.out.replace("\n", "").replace("\t", ""))


# On a terminal.


def test_on_a_terminal_a_card_is_drawn(mirror: Path) -> None:
    ended = look("show", "django-pots")
    assert ended.out.startswith("Django Pots 2.5.0  django-pots")
    assert "★ 5,112   forks 285   3 contributors: mara, otto and ines" in ended.out
    assert ended.err == ""


def test_a_repository_that_the_project_names_is_told_with_the_command_that_follows_it(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "https://codeberg.org/mara/django-pots"
    with open_write(mirror) as db:
        said = pypi("django-pots")
        said = type(said)(**{name: getattr(said, name) for name in said.__slots__} | {"repository_urls": (elsewhere,)})
        Writer(db, forges=NO_FORGES).store_statements(
            SourceName.PYPI, [SourceAnswer("django-pots", Outcome.UPDATED, said)], now=NOW
        )
    told = " ".join(look("show", "1").out.split())
    assert (
        f"the project names another repository, {elsewhere}; to follow it: djpkg edit django-pots repo_url={elsewhere}"
        in told
    )
    monkeypatch.chdir(mirror.parent)
    with open_write(mirror) as db:
        db.execute("UPDATE packages SET catalog_state = 'removed' WHERE id = 1")
    told = " ".join(look("show", "1", "--db", mirror.name).out.split())
    assert f"to follow it: djpkg edit 1 --db mirror.db repo_url={elsewhere}" in told


def test_named_fields_are_drawn_for_a_person_and_written_for_a_program(mirror: Path) -> None:
    names = [f"somebody-{number}" for number in range(30)]
    filled(mirror, [record(2, "django-pans", repo_description="long " * 100, participants=tuple(names))])
    drawn = look("show", "2", "-f", "Stars,updated,description,participants,edited", width=60)
    assert drawn.lines[0] == "Stars         20"
    assert drawn.lines[1].startswith("updated       ")
    assert drawn.lines[1].endswith(" ago")
    assert " ".join(drawn.out.split()).count("long long") == 50
    assert ", ".join(names) in " ".join(drawn.out.split())
    assert drawn.lines[-1] == "edited"
    assert "\t" not in drawn.out
    assert max(map(len, drawn.lines)) <= 60
    weeks = look("show", "1", "-f", "commits_over_52").out
    assert "█" in weeks
    assert "[" not in weeks
    assert run("show", "1", "-f", "stars,edited").out == "stars\t5112\nedited\t[]\n"


# Where it comes from.


def test_the_sources_of_all_fields_are_told(mirror: Path) -> None:
    lines = {line.split("\t")[0]: line.split("\t")[1:] for line in run("show", "1", "--sources").lines}
    assert list(lines) == [field.name for field in FIELDS]
    assert lines["repo_watchers"][0] == "github"
    assert lines["pypi_version"][0:3:2] == ["pypi", "2.5.0"]
    assert lines["title"][0] == "catalog"
    assert lines["title"][1].endswith("Z")


def test_every_field_has_a_source_and_a_time_on_a_fetched_package(mirror: Path) -> None:
    told = json.loads(run("show", "1", "--sources", "--json").out)["fields"]
    assert [name for name, one in told.items() if not one["source"]] == []
    assert [name for name, one in told.items() if not one["answered"]] == ["edited"]  # nothing is


def test_an_edit_is_told_as_yours_with_what_lies_beneath(mirror: Path) -> None:
    edit(mirror, title="Pots!")
    told = json.loads(run("show", "1", "--sources", "--json", "-f", "title,stars").out)
    assert list(told) == ["schema", "slug", "fields", "sources"]
    catalog = next(one["answered"] for one in told["sources"] if one["source"] == "catalog")
    assert told["fields"]["title"] == {
        "value": "Pots!", "source": "you", "answered": stamp(NOW), "edited": True,
        "upstream": "Django Pots", "upstream_source": "catalog", "upstream_answered": catalog,
    }  # fmt: skip
    assert told["fields"]["stars"]["upstream_source"] is None
    assert list(told["fields"]) == ["title", "stars"]
    assert [one["source"] for one in told["sources"]] == ["catalog", "github", "pypi"]
    assert run("show", "1", "--sources", "-f", "title").out == (
        f"title\tyou\t{stamp(NOW)}\tPots!\tDjango Pots\tcatalog\t{catalog}\n"
    )
    assert "upstream: Django Pots" in look("show", "1", "--sources").out


def test_on_a_terminal_the_sources_of_the_named_fields_are_told(mirror: Path) -> None:
    lines = look("show", "1", "--sources", "-f", "Stars,title").lines
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
def test_a_page_is_opened(mirror: Path, opened: list[str], arguments: list[str], address: str) -> None:
    ended = run("show", "django-pots", *arguments)
    assert (ended.code, ended.out, ended.err) == (0, "", f"opening {address}\n")
    assert opened == [address]


def test_the_option_takes_no_package_for_its_page(mirror: Path, opened: list[str]) -> None:
    assert run("show", "-w", "django-pots").code == 0
    assert opened == ["https://djangopackages.org/packages/p/django-pots/"]


def test_the_pages_follow_the_configured_addresses(
    mirror: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJPKG_PYPI_URL", "http://127.0.0.1:9/pypi/")
    monkeypatch.setenv("DJPKG_CATALOG_URL", "http://127.0.0.1:9/api/v4")
    run("show", "1", "-w", "pypi")
    run("show", "1", "-w")
    assert opened == ["http://127.0.0.1:9/pypi/project/django-pots/", "http://127.0.0.1:9/packages/p/django-pots/"]


@pytest.mark.parametrize(
    "address",
    ["", "javascript:alert(1)", "file:///etc/passwd", "https://a b/", "-h", "http://me@evil.example/", "x\ny"],
)
def test_nothing_but_plain_web_addresses_is_ever_opened(mirror: Path, opened: list[str], address: str) -> None:
    filled(mirror, [record(1, "django-pots", documentation_url=address, repo_url=address)])
    for page, name in (("docs", "documentation"), ("repo", "repo")):
        ended = run("show", "1", "-w", page)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (1, "", 1)
        assert f"{name}_url" in ended.err
    assert opened == []


@pytest.mark.parametrize(
    ("page", "missing"),
    [
        ("repo", "no repository: its repo_url is empty"),
        ("pypi", "no project on PyPI: its pypi_name is empty"),
        ("docs", "no documentation: its documentation_url is empty"),
    ],
)
def test_what_is_missing_for_a_page_is_said(mirror: Path, opened: list[str], page: str, missing: str) -> None:
    assert run("show", "lids", "-w", page) == (1, "", f"djpkg: lids has {missing}\n")
    assert opened == []


@pytest.mark.parametrize(
    "arguments",
    [["1", "-w", "foo"], ["-w", "foo", "1"], ["--db", "x.db", "1", "--web", "foo"], ["-w", "foo", "--", "1"]],
)
def test_a_word_that_is_no_page_is_told_which_there_are(mirror: Path, arguments: list[str]) -> None:
    ended = run("show", *arguments)
    assert (ended.code, ended.err) == (2, "djpkg: --web takes catalog, repo, pypi or docs, not 'foo'\n")


@pytest.mark.parametrize("arguments", [["--web=nowhere"], ["-w", "--json"], ["-w", "-f", "id"], ["--sources", "--web"]])
def test_a_page_that_is_none_or_beside_other_output_is_a_usage_error(
    mirror: Path, opened: list[str], arguments: list[str]
) -> None:
    assert run("show", "1", *arguments).code == 2
    assert opened == []


def test_without_a_browser_the_address_is_said(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    ended = run("show", "1", "-w", "docs")
    assert ended.code == 1
    assert "the page is https://pots.example.org/en/" in ended.err


# Files and streams that are not as they should be.


def not_a_database(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to be taken for one" * 40)


def another_database(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE packages (id)")
    db.commit()
    db.close()


def newer(path: Path) -> None:
    filled(path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


@pytest.mark.parametrize(
    ("make", "said"),
    [(not_a_database, "no SQLite file"), (another_database, "not a mirror of djpkg"), (newer, "made by a newer djpkg")],
)
@pytest.mark.parametrize("command", [["show", "1"], ["list"], ["status"], ["grids"], ["changes"], ["compare", "1"]])
def test_a_file_that_is_no_mirror_of_ours_ends_with_seventy_four_and_stays_as_it_is(
    tmp_path: Path, make: Callable[[Path], None], said: str, command: list[str]
) -> None:
    path = tmp_path / "other.db"
    make(path)
    before = path.read_bytes()
    ended = run(*command, "--db", str(path))
    assert (ended.code, ended.out) == (74, "")
    assert said in ended.err
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["other.db"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read_ends_with_seventy_four_however_it_is_named(mirror: Path) -> None:
    mirror.chmod(0)
    for ended in (run("show", "1"), run("show", "1", "--db", str(mirror))):
        assert (ended.code, ended.out) == (74, "")
        assert "permission" in ended.err


def test_a_folder_is_no_mirror(tmp_path: Path) -> None:
    ended = run("show", "1", "--db", str(tmp_path))
    assert ended.code == 74
    assert "is a folder" in ended.err


def test_a_file_and_a_folder_that_cannot_be_written_are_read(mirror: Path, tmp_path: Path) -> None:
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
        ["show", "1", "--json"],
        ["list", "--json"],
        ["status"],
        ["fields"],
        ["--help"],
        ["list", "--help"],
        ["--version"],
        ["--show-completion", "bash"],
    ],
    ids=" ".join,
)
def test_an_output_that_is_full_ends_with_seventy_four_and_one_line(mirror: Path, command: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = start(*command, stdout=full.fileno())
    assert ended.code == 74
    assert ended.err == "djpkg: the output cannot be written: No space left on device\n"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror whose list is longer than what a pipe holds."""
    packages = [record(number, f"package-{number}", grids=(10,)) for number in range(1, 1200)]
    return filled(tmp_path_factory.mktemp("many") / "mirror.db", packages)


@pytest.mark.parametrize("command", ["--help", "list --help", "--version", "--show-completion bash", "fields"])
def test_nobody_to_read_is_no_failure(mirror: Path, command: str) -> None:
    script = f'"{sys.executable}" -m djpkg {command} | true; echo "${{PIPESTATUS[0]}}"'
    ended = subprocess.run(
        ["bash", "-c", script], capture_output=True, env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=False
    )
    assert (ended.stdout, ended.stderr) == (b"0\n", b"")


@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["compare", "--grid", "gardening"]])
def test_a_reader_that_has_had_enough_ends_the_program_quietly(many: Path, command: list[str]) -> None:
    piped = f'"{sys.executable}" -m djpkg {" ".join(command)} | head -1; echo "${{PIPESTATUS[0]}}"'
    ended = subprocess.run(
        ["bash", "-c", piped],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "DJPKG_DB": str(many)},
        check=False,
    )
    assert ended.stdout.decode().splitlines()[-1] == "0"
    assert ended.stderr == b""


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
def test_no_setting_of_language_or_colour_is_in_the_way(mirror: Path, settings: dict[str, str], command: str) -> None:
    filled(mirror, [record(1, "django-pots", title="Töpfe 日本 👩\u200d👧", repo_description="Gefäße")])
    ended = start(*command.split(), env=settings)
    assert (ended.code, ended.err) == (0, "")
    assert "pots" in ended.out
    if "PYTHONIOENCODING" in settings:
        assert ended.out.isascii()
    if "NO_COLOR" in settings:
        assert "\x1b[3" not in ended.out


def test_json_is_the_same_on_a_terminal(mirror: Path) -> None:
    assert look("show", "1", "--json").out == run("show", "1", "--json").out
