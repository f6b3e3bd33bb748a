"""Which files ``--in`` reads, and what is printed about them."""

from __future__ import annotations

import codecs
import json
import os
import shlex
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from djpkg.cli.project_files import read_project_files
from djpkg.errors import UsageError
from djpkg.fetch.request import FetchRequest
from tests.cli.running import SOURCE, run, run_process
from tests.requirements.parsing import locations

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mirror(filled_mirror: Path) -> Path:
    return filled_mirror


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    path = tmp_path / "project"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def names(*files: str) -> list[str]:
    return [one.name for one in read_project_files(files).requirements]


# Several files.


def test_several_files_add_up(mirror: Path, folder: Path) -> None:
    write(folder / "a.txt", "django-pots\nsix\n")
    write(folder / "b.txt", "lids\ndjango-pots\n")
    result = run("list", "-r", "a.txt", "--in", "b.txt", "--in", "-", "-f", "slug", stdin="django-kiln\n")
    assert result.lines == ["django-pots", "Django_Kiln", "lids"]
    assert (
        result.err
        == "1 of 4 dependencies is not listed on Django Packages; djpkg list --in FILE --unlisted names them\n"
    )
    (pots,) = (one for one in read_project_files(["a.txt", "b.txt", "a.txt"]).requirements if one.name == "django-pots")
    assert locations(pots) == ("a.txt:1", "b.txt:2")
    assert run("compare", "-r", "a.txt", "-r", "b.txt", "-f", "id").lines == ["slug\tid", "django-pots\t1", "lids\t3"]


def test_the_short_option_may_have_its_value_attached(mirror: Path, folder: Path) -> None:
    write(folder / "a.txt", "django-pots\n")
    assert run("list", "-ra.txt", "-f", "slug").lines == ["django-pots"]
    assert run("list", "-recipes", "-f", "slug").err.splitlines() == [
        "djpkg: -r: no such file: 'ecipes'",
        "       to exclude the word: '^recipes'",
    ]


# Folders.


def test_a_folder_stands_for_the_lock_file_in_it(mirror: Path, folder: Path) -> None:
    write(folder / "uv.lock", "version = 1\n[[package]]\nname = 'django-pots'\nversion = '1'\n")
    write(folder / "requirements.txt", "lids\n")
    write(folder / "pyproject.toml", "not TOML")
    result = run("list", "-r", ".", "-f", "slug")
    assert (result.lines, result.err) == (["django-pots"], "read uv.lock\n")


@pytest.mark.parametrize(
    "lock", ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "pylock.dev.toml", "Pipfile.lock"]
)
def test_every_lock_file_counts(folder: Path, lock: str) -> None:
    write(
        folder / lock, '{"_meta": {}}' if lock == "Pipfile.lock" else "version = 1\nmetadata = {}\nlock-version = '1'\n"
    )
    write(folder / "requirements.txt", "six\n")
    assert read_project_files([str(folder)]).read == (str(folder / lock),)


def test_a_folder_without_a_lock_file_is_read_as_its_project_and_requirements_files(mirror: Path, folder: Path) -> None:
    write(folder / "sub" / "pyproject.toml", "[project]\ndependencies = ['a']\n")
    write(folder / "sub" / "Pipfile", "[packages]\nb = '*'\n")
    write(folder / "sub" / "requirements.txt", "c\n")
    write(folder / "sub" / "requirements-dev.txt", "-r requirements.txt\nd\n")
    write(folder / "sub" / "notes.txt", "x\n")
    (folder / "sub" / "requirements").mkdir()
    write(folder / "sub" / "requirements" / "web.txt", "e\n")
    write(folder / "sub" / "requirements" / "web.in", "x\n")
    found = read_project_files(["sub/"])
    assert [one.name for one in found.requirements] == ["a", "b", "c", "d", "e"]
    assert locations(found.requirements[2]) == ("sub/requirements.txt:1",)
    files = ["pyproject.toml", "Pipfile", "requirements-dev.txt", "requirements.txt", "requirements/web.txt"]
    assert found.read == tuple(f"sub/{file}" for file in files)
    assert run("list", "-r", "sub").err.splitlines()[0] == f"read {', '.join(found.read)}"


def test_a_folder_without_such_files_is_an_error(mirror: Path, folder: Path) -> None:
    write(folder / "setup.py", "")
    for command in ("list", "compare", "fetch"):
        result = run(command, "-r", ".")
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("djpkg: . contains no lock file, pyproject.toml or requirements file\n")


def test_a_mistake_in_a_file_of_a_folder_is_named(mirror: Path, folder: Path) -> None:
    write(folder / "requirements" / "web.txt", "six\n=1\n")
    result = run("list", "-r", ".")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("djpkg: requirements/web.txt:2: invalid requirement '=1'")


# What is reported.


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "# nothing\n--pre\n"),
        ("requirements.txt", ""),
        ("pyproject.toml", "[project]\nname = 'x'\n"),
        ("uv.lock", "version = 1\n"),
        ("Pipfile.lock", '{"_meta": {}}'),
        ("Pipfile", ""),
    ],
)
def test_a_file_that_requires_nothing_is_reported(mirror: Path, folder: Path, name: str, text: str) -> None:
    write(folder / name, text)
    assert run("list", "-r", name) == (0, "", f"{name} requires nothing\n")
    assert run("compare", "-r", name, "-f", "id") == (0, "slug\tid\n", f"{name} requires nothing\n")
    assert run("fetch", "-r", name) == (0, "", f"{name} requires nothing\n")
    assert run("fetch", "-r", name, "-q") == (0, "", "")


def test_an_empty_standard_input_and_folder_are_reported(mirror: Path, folder: Path) -> None:
    assert run("list", "-r", "-", stdin="\n").err == "standard input requires nothing\n"
    write(folder / "requirements.txt", "")
    assert run("list", "-r", ".").err == "read requirements.txt\n. requires nothing\n"


def test_what_is_not_read_is_reported(mirror: Path, folder: Path) -> None:
    write(folder / "pyproject.toml", "[project]\ndynamic = ['dependencies']\n")
    message = "pyproject.toml:2: dependencies not read: they are dynamic, and no file is named for them\n"
    assert run("list", "-r", "pyproject.toml").err == message
    assert run("fetch", "-r", "pyproject.toml").err == message


def test_fetch_prints_the_files_of_a_folder_only_on_a_terminal_or_when_verbose(mirror: Path, folder: Path) -> None:
    write(folder / "requirements.txt", "six\n")
    arguments = ("fetch", "-r", ".", "--dry-run")
    assert "read" not in run(*arguments).err
    assert "read requirements.txt\n" in run(*arguments, "-v").err


def test_variables_come_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJPKG_TEST_NAME", "pots")
    write(folder / "requirements.txt", "django-${DJPKG_TEST_NAME}\n./${DJPKG_TEST_NONE}\n")
    found = read_project_files(["requirements.txt"])
    assert [one.name for one in found.requirements] == ["./${DJPKG_TEST_NONE}", "django-pots"]
    assert found.notes == ("requirements.txt:2: variable DJPKG_TEST_NONE is not set",)


def test_the_history_of_fetches_has_every_file(mirror: Path, folder: Path) -> None:
    assert str(FetchRequest(manifests=("a.txt", "b"))) == "--in a.txt --in b"


def test_the_project_file_beside_a_lock_states_what_is_required_directly(folder: Path) -> None:
    write(folder / "poetry.lock", "[[package]]\nname='a'\n[package.dependencies]\nb='1'\n[[package]]\nname='b'\n")
    write(folder / "Pipfile.lock", '{"default": {"a": {}, "b": {}}}')
    assert {one.direct for one in read_project_files(["poetry.lock", "Pipfile.lock"]).requirements} == {None}
    write(folder / "pyproject.toml", "[tool.poetry.dependencies]\na = '1'\n")
    write(folder / "Pipfile", "[packages]\na = '*'\n")
    for lock in ("poetry.lock", "Pipfile.lock"):
        found = read_project_files([str(folder / lock)]).requirements
        assert [(one.name, one.direct) for one in found] == [("a", True), ("b", False)]
    write(folder / "pyproject.toml", "[project]\ndynamic = ['dependencies']\n")
    assert {one.direct for one in read_project_files(["poetry.lock"]).requirements} == {None}


# Encodings.


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "six"),
        ("pyproject.toml", "[project]\ndependencies = ['six']"),
        ("Pipfile", "[packages]\nsix = '*'"),
        ("Pipfile.lock", '{"default": {"six": {}}}'),
        ("uv.lock", "version = 1\n[[package]]\nname = 'six'"),
    ],
)
def test_files_with_a_byte_order_mark(folder: Path, name: str, text: str, mark: bytes, encoding: str) -> None:
    (folder / name).write_bytes(mark + text.encode(encoding))
    assert names(name) == ["six"]


# Pipes and devices.


@pytest.fixture
def special(folder: Path) -> dict[str, str]:
    """Paths that are not regular files, with their kinds."""
    os.mkfifo(folder / "pipe.txt")
    with closing(socket.socket(socket.AF_UNIX)) as endpoint:
        endpoint.bind("socket.txt")
    (folder / "link.txt").symlink_to("pipe.txt")
    (folder / "zero.txt").symlink_to("/dev/zero")
    return {"pipe.txt": "named pipe", "link.txt": "named pipe", "socket.txt": "socket", "zero.txt": "device"}


@pytest.mark.usefixtures("ended_after_100_seconds")
def test_pipes_and_devices_are_refused(mirror: Path, folder: Path, special: dict[str, str]) -> None:
    for name, kind in special.items():
        for command in ("list", "compare", "fetch"):
            result = (run_process if (name, command) == ("pipe.txt", "list") else run)(command, "-r", name)
            assert (result.code, result.out) == (2, "")
            assert f"djpkg: {name} cannot be read: it is a {kind}\n" in result.err


@pytest.mark.usefixtures("ended_after_100_seconds")
def test_pipes_and_devices_in_files_are_refused(mirror: Path, folder: Path, special: dict[str, str]) -> None:
    (folder / "folder.txt").mkdir()
    for name, kind in {**special, "folder.txt": "folder"}.items():
        write(folder / "requirements.in", f"six\n-r {name}\n")
        text = "[project]\ndynamic = ['dependencies']\n[tool.setuptools.dynamic]\ndependencies.file = '{}'\n"
        write(folder / "pyproject.toml", text.format(name))
        for place in ("requirements.in:2", "pyproject.toml:4"):
            result = (run_process if name == "pipe.txt" else run)("list", "-r", place.partition(":")[0])
            assert (result.code, result.out) == (2, "")
            assert f"djpkg: {place}: {name} cannot be read: it is a {kind}" in result.err


def test_standard_input_in_a_file_is_refused(mirror: Path, folder: Path) -> None:
    write(folder / "requirements.in", "-r /dev/stdin\n")
    result = run_process("list", "-r", "requirements.in", stdin=b"six")
    assert result.code == 2
    assert "djpkg: requirements.in:1: /dev/stdin cannot be read: it is a named pipe" in result.err


def test_pipes_beside_other_files_are_refused(folder: Path) -> None:
    os.mkfifo(folder / "requirements-dev.txt")
    with pytest.raises(UsageError, match=r"^requirements-dev\.txt cannot be read: it is a named pipe$"):
        names(".")


def test_a_pipe_of_the_shell_and_standard_input_are_read(mirror: Path, folder: Path) -> None:
    djpkg = f"{shlex.quote(sys.executable)} -m djpkg list -f slug"
    write(folder / "a.txt", "django-pots\n")
    for line in (
        f"{djpkg} --in <(cat a.txt)",
        f"cat a.txt | {djpkg} --in /dev/stdin",
        f"{djpkg} --in /dev/stdin < a.txt",
        f"{djpkg} --in /dev/fd/7 7< a.txt",
        f"cat a.txt | {djpkg} --in -",
    ):
        completed = subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert (completed.stdout, completed.stderr) == ("django-pots\n", "")


@pytest.mark.parametrize("name", ["https://robot:canary@example.org/r.txt", "//robot:canary@example.org/r.txt"])
def test_an_address_as_a_file_shows_no_credentials(mirror: Path, folder: Path, name: str) -> None:
    for command in ("list", "compare", "fetch"):
        result = run(command, "-r", name)
        assert result.code == 2
        assert "canary" not in result.err


def test_the_report_of_a_failed_fetch_shows_no_credentials(mirror: Path, folder: Path) -> None:
    result = run("fetch", "-r", "https://robot:canary@example.org/r.txt", "--json")
    assert json.loads(result.out)["exit"] == 2
    assert "canary" not in result.out
