"""Commands that read start no program."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.running import SOURCE
from tests.forking import run_script

if TYPE_CHECKING:
    from pathlib import Path

# Every way to start a program raises an audit event.
SCRIPT = """
import os, sys
STARTS = {"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork", "os.forkpty", "os.spawn"}

def watch(event, arguments):
    if event in STARTS:
        os.write(2, f"started {arguments[0]!r}".encode())
        os._exit(99)

sys.addaudithook(watch)
from djpkg.__main__ import main
main()
"""
READING = [
    ["show", "1"], ["show", "1", "--json"], ["show", "1", "--sources"], ["list"], ["list", "--in", "requirements.txt"],
    ["compare", "1", "2"], ["changes"], ["grids"], ["fields"], ["status"], ["status", "--json"], ["help"],
    ["help", "query"], ["--help"], ["--version"],
]  # fmt: skip


def run_watched(*arguments: str, env: dict[str, str] | None = None, cwd: Path) -> subprocess.CompletedProcess[str]:
    (cwd / "requirements.txt").write_text("django-pots\n")
    gh = cwd / "gh"
    gh.write_text("#!/bin/sh\n")
    gh.chmod(0o755)
    return run_script(SCRIPT, *arguments, env={**os.environ, "PATH": str(cwd), **(env or {})}, folder=cwd)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_command_that_reads_starts_no_program(fetched_mirror: Path, tmp_path: Path, command: list[str]) -> None:
    for env in ({}, {"FORCE_COLOR": "1", "TERM": "xterm"}):
        ended = run_watched(*command, env=env, cwd=tmp_path)
        assert (ended.returncode, "started" in ended.stderr) == (0, False), ended.stderr


def test_a_start_starts_no_program() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, "--version"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_starts_no_program(fetched_mirror: Path, tmp_path: Path, shell: str) -> None:
    words = "djpkg show dj"
    env = {
        "_DJPKG_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": words, "COMP_WORDS": words, "COMP_CWORD": "2",
    }  # fmt: skip
    ended = run_watched(env=env, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "django-pots" in ended.stdout


def test_a_started_program_is_noticed(fetched_mirror: Path, tmp_path: Path) -> None:
    ended = run_watched("fetch", "1", "--dry-run", cwd=tmp_path)  # which asks gh
    assert (ended.returncode, "/gh'" in ended.stderr) == (99, True)
