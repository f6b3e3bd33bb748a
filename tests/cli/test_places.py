"""Every command with a mirror whose path is not UTF-8, and with one that no program can use."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import run, run_process
from tests.forking import write_program
from tests.mirrors import NOW

COMPLETING = {"_DJPKG_COMPLETE": "complete_bash", "COMP_WORDS": "djpkg show django-po", "COMP_CWORD": "2"}
COMMANDS = [
    ["show", "django-pots"], ["show", "1", "--json"], ["show", "1", "--sources"], ["list", "--json"], ["list", "pots"],
    ["compare", "1", "2", "--markdown"], ["changes"], ["grids"], ["status"], ["status", "--json"],
    ["edit", "1", "title=Mine"], ["edit", "1", "--unset", "title"], ["fetch", "--all", "--dry-run"],
    ["fetch", "1", "--source", "pypi", "--json"],
]  # fmt: skip
ROOT = b"undec\xffdable \xc3("


@pytest.mark.parametrize("how", ["DJPKG_DB", "--db", "HOME"])
def test_every_command_works_with_a_path_that_is_not_utf_8(fetched_mirror: Path, tmp_path: Path, how: str) -> None:
    folder = tmp_path / os.fsdecode(ROOT)
    path = folder / (".local/share/djpkg/mirror.db" if how == "HOME" else os.fsdecode(b"\xfe.db"))
    path.parent.mkdir(parents=True)
    shutil.move(fetched_mirror, path)
    env = {"DJPKG_PYPI_URL": "http://127.0.0.1:9", "XDG_DATA_HOME": "", "DJPKG_DB": "", "HOME": str(tmp_path)}
    env |= {"DJPKG_DB": str(path)} if how == "DJPKG_DB" else {"HOME": str(folder)} if how == "HOME" else {}
    option = ["--db", str(path)] if how == "--db" else []
    for number, command in enumerate(COMMANDS):
        # How a process decodes its arguments and variables is the same for all commands.
        ended = (run_process if number == 0 else run)(*command, *option, env=env)
        assert ended.code == (1 if "pypi" in command else 0), (command, ended.err)
        assert "Traceback" not in ended.err
        assert ended.out or command[0] == "changes"
    if not option:
        assert run_process(env=env | COMPLETING).out.split() == ["django-pots"]
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.parametrize("name", [b"\xfe.db", b"it's.db", b"a\nb\\.db", "\u202e★.db".encode()])
def test_the_command_that_undoes_an_edit_names_the_mirror_exactly(
    fetched_mirror: Path, tmp_path: Path, name: bytes
) -> None:
    path = Path(shutil.move(fetched_mirror, tmp_path / os.fsdecode(name)))
    ended = run("edit", "1", "title=Mine", "--db", str(path))
    undo = ended.err.removeprefix("undo: djpkg ").rstrip("\n")
    program = tmp_path / "djpkg"
    write_program(program, NOW)
    subprocess.run(["bash", "-c", f"{shlex.quote(str(program))} {undo}"], check=True, capture_output=True)
    assert run("show", "1", "-f", "title", "--db", str(path)).out == "title\tDjango Pots\n"


@pytest.mark.usefixtures("ended_after_100_seconds")
@pytest.mark.parametrize("beside", ["", "-journal", ".lock"])
def test_no_command_waits_for_a_named_pipe(fetched_mirror: Path, beside: str) -> None:
    pipe = Path(f"{fetched_mirror}{beside}")
    if not beside:
        fetched_mirror.unlink()
    os.mkfifo(pipe)
    for number, command in enumerate(COMMANDS):
        if beside == ".lock" and (command[0] != "fetch" or "--dry-run" in command):
            continue
        ended = (run_process if number == 0 else run)(*command)
        assert ended.code == 74, command
        assert "is a named pipe" in ended.err
        assert "Traceback" not in ended.err
    if beside != ".lock":
        ended = run_process(env=COMPLETING)
        assert (ended.code, ended.out.strip(), ended.err) == (0, "", "")
