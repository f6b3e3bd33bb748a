"""Every command with a mirror whose path is not UTF-8, and with one that no program can use."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import SOURCE, run, run_process
from tests.forking import write_program
from tests.mirrors import NOW
from tests.pauses import wait_until

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


def test_a_snapshot_is_not_read_from_a_pipe_or_a_device_by_its_path(fetched_mirror: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name, kind in {"pipe": "a named pipe", "link": "a named pipe", "zero": "a device"}.items():
        path = tmp_path / name
        ended = run_process("fetch", "--from", str(path))
        assert (ended.code, ended.out) == (2, "")
        assert f": it is {kind}\n" in ended.err


def test_a_snapshot_is_read_from_streams_of_the_shell(fetched_mirror: Path, tmp_path: Path) -> None:
    assert run("snapshot", str(tmp_path / "s.jsonl.gz")).code == 0
    program = shlex.join([sys.executable, "-m", "djpkg", "fetch", "--json", "--db", "new.db", "--from"])
    for line in (
        f"{program} <(cat s.jsonl.gz)",
        f"(sleep 0.3; cat s.jsonl.gz) | {program} /dev/stdin",
        f"{program} /dev/stdin < s.jsonl.gz",
    ):
        env = {**os.environ, "PYTHONPATH": str(SOURCE)}
        completed = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=env, check=True, capture_output=True, timeout=120
        )
        assert json.loads(completed.stdout)["sources"]["catalog"]["updated"] == 4
        (tmp_path / "new.db").unlink()


@pytest.mark.parametrize("written", [b"", gzip.compress(b'{"djpkg_snapshot": 1')[:9]], ids=["silent", "begun"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"])
def test_a_signal_ends_a_fetch_that_waits_for_its_standard_input(
    fetched_mirror: Path, number: signal.Signals, code: int, written: bytes
) -> None:
    lock = Path(f"{fetched_mirror}.lock")
    with subprocess.Popen(
        [sys.executable, "-m", "djpkg", "fetch", "--json", "--from", "/dev/stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    ) as waiting:
        assert waiting.stdin is not None
        assert waiting.stdout is not None
        waiting.stdin.write(written)
        waiting.stdin.flush()
        try:
            wait_until(lambda: is_locked(lock))
            waiting.send_signal(number)
            assert waiting.wait(timeout=60) == code
        finally:
            waiting.kill()
        assert json.loads(waiting.stdout.read())["exit"] == code
        assert run("fetch", "--from", "/dev/null").code == 2  # not 75
    assert run("list", "--json", "-f", "slug").code == 0


def is_locked(file: Path) -> bool:
    """Return whether a process holds the lock file."""
    if not file.exists():
        return False
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize(("command", "name"), [("snapshot", "copy.jsonl.gz"), ("backup", "copy.db")])
def test_a_pipe_is_not_replaced_by_a_file(fetched_mirror: Path, tmp_path: Path, command: str, name: str) -> None:
    pipe, temporary = tmp_path / name, tmp_path / {"snapshot": f"{name}.part", "backup": f".{name}.djpkg.tmp"}[command]
    os.mkfifo(pipe)
    ended = run(command, str(pipe))
    assert (ended.code, ended.out) == (74, "")
    assert f"{name} is a named pipe; nothing was written" in ended.err
    assert pipe.is_fifo()
    pipe.rename(temporary)
    assert run(command, str(pipe)).code == 74
    assert temporary.is_fifo()
