"""SIGINT and SIGTERM outside a running fetch: at every import of a command, and at moments by the clock."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from djpkg.cli import interrupts
from tests.cli.running import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
COMPLETING = {"_DJPKG_COMPLETE": "complete_bash", "COMP_WORDS": "djpkg show dj", "COMP_CWORD": "2"}
COMMANDS: dict[str, tuple[list[str], dict[str, str]]] = {
    "show": (["show", "1", "--json"], {}),
    "list": (["list", "stars:1..", "--csv"], {}),
    "status": (["status"], {}),
    "card": (["show", "1"], {"FORCE_COLOR": "1"}),
    "edit": (["edit", "1", "title=Mine"], {}),
    "estimate": (["fetch", "--all", "--dry-run"], {}),
    "complete": ([], COMPLETING),
}
# Sends a signal at the n-th import of djpkg, or writes a byte at the first one.
SCRIPT = """
import os, sys
from djpkg.__main__ import main

number, at = int(sys.argv[1]), int(sys.argv[2])
seen = 0

def watch(event, _):
    global seen
    if event == "import":
        seen += 1
        if seen == at and number:
            os.kill(os.getpid(), number)
        elif seen == at:
            os.write(1, b".")

sys.addaudithook(watch)
sys.argv = ["djpkg", *sys.argv[3:]]
PATCH
main()
"""
# A background job of a shell script ignores SIGINT; the tests may be a part of one.
RESET = "import _signal; _signal.signal(_signal.SIGINT, _signal.default_int_handler)"
# Without the handlers of the entry point.
DEFAULT_HANDLERS = "import djpkg.__main__; djpkg.__main__._exit_on_signals = lambda: None"


class Ended(NamedTuple):
    code: int
    err: str


@pytest.fixture(autouse=True)
def _mirror(filled_mirror: Path) -> None:
    """A mirror at DJPKG_DB, which the environment of this process names."""


def start(command: str, number: int, at: int, patch: str = "") -> subprocess.Popen[bytes]:
    arguments, env = COMMANDS[command]
    return subprocess.Popen(
        [sys.executable, "-c", RESET + SCRIPT.replace("PATCH", patch), str(number), str(at), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **env},
    )


def signal_at_imports(command: str, number: int, imports: Iterable[int], patch: str = "") -> list[Ended]:
    """Return how the runs ended that got a signal at the n-th import; the last one may have had fewer imports."""
    ended = []
    for at in imports:
        process = start(command, number, at, patch)
        err = process.communicate(timeout=120)[1].decode()
        ended.append(Ended(process.returncode, err))
        if process.returncode == 0:
            break
    return ended


def check(ended: list[Ended], code: int) -> int:
    """Check that each run was ended by its signal, or was over before; return the number of those that were ended."""
    reached = [one for one in ended if one.code != 0]
    assert {one.code for one in reached} <= {code}
    for one in reached:  # a late signal finds what an edit has already said
        assert re.fullmatch(r"((undo: .*|nothing changed.*)\n)?(interrupted\n)?", one.err), one
    return len(reached)


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=["INT", "TERM"])
@pytest.mark.parametrize("command", ["show", "edit", "complete"])
def test_a_signal_during_imports_ends_a_command_without_a_traceback(command: str, number: int, code: int) -> None:
    assert check(signal_at_imports(command, number, (1, 2, 60, 130)), code) >= 3


def test_without_the_handlers_of_the_entry_point_there_would_be_a_traceback() -> None:
    (ended,) = signal_at_imports("show", signal.SIGINT, [60], DEFAULT_HANDLERS)
    assert "Traceback" in ended.err
    (ended,) = signal_at_imports("show", signal.SIGTERM, [60], DEFAULT_HANDLERS)
    assert ended.code == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_a_signal_whose_exception_python_discards_still_ends_a_write(
    number: int, capfd: pytest.CaptureFixture[str]
) -> None:
    class Signalling:
        def __del__(self) -> None:
            signal.raise_signal(number)

    expected = KeyboardInterrupt if number == signal.SIGINT else SystemExit
    before = signal.signal(number, signal.default_int_handler)  # not ignored, as in a background job
    try:
        with pytest.raises(expected), interrupts.raising_signals():  # noqa: PT012 - the signal arrives later
            Signalling()
            time.sleep(60)
    finally:
        signal.signal(number, before)
    assert capfd.readouterr().err == ""


def test_other_discarded_exceptions_are_reported_during_a_write(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def __del__(self) -> None:
            raise ValueError

    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda discarded: seen.append(discarded.exc_type))
    with interrupts.raising_signals():
        Failing()
    assert seen == [ValueError]


@pytest.mark.campaign
@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=["INT", "TERM"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_signal_at_any_import_ends_any_command_without_a_traceback(command: str, number: int, code: int) -> None:
    ended = signal_at_imports(command, number, range(1, 1000, 13))
    assert ended[-1].code == 0  # the last one was over before its signal
    assert check(ended, code) >= 8


def signal_by_the_clock(command: str, number: int, patch: str = "", *, step: int = 1) -> list[Ended]:
    """Return how runs ended that got a signal 0 to 200 ms after the first import of djpkg, each `step` ms later."""
    ended = []
    for milliseconds in range(0, 200, step):
        process = start(command, 0, 1, patch)
        assert process.stdout is not None
        assert process.stdout.read(1) == b"."
        time.sleep(milliseconds / 1000)
        process.send_signal(number)
        err = process.communicate(timeout=120)[1].decode()
        ended.append(Ended(process.returncode, err))
    return ended


@pytest.mark.parametrize(
    "step", [pytest.param(20, marks=pytest.mark.campaign), pytest.param(1, marks=pytest.mark.nightly)]
)
@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=["INT", "TERM"])
@pytest.mark.parametrize("command", ["list", "edit", "complete"])
def test_signals_from_0_to_200_ms_end_without_a_traceback(command: str, number: int, code: int, step: int) -> None:
    ended = signal_by_the_clock(command, number, step=step)
    done = [one for one in ended if one.code == 0]
    assert not [one for one in done if "Traceback" in one.err]
    assert check(ended, code) >= 20 // step


@pytest.mark.nightly
def test_without_the_handlers_some_of_200_signals_would_show_a_traceback() -> None:
    ended = signal_by_the_clock("list", signal.SIGINT, DEFAULT_HANDLERS)
    assert Counter("Traceback" in one.err for one in ended)[True] >= 10


def test_an_ignored_signal_stays_ignored() -> None:
    words = [sys.executable, "-c", SCRIPT.replace("PATCH", ""), str(int(signal.SIGINT)), "60", "show", "1"]
    script = f"trap '' INT TERM; exec {shlex.join(words)}"
    ended = subprocess.run(
        ["/bin/sh", "-c", script],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0
    assert ended.stdout


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=["INT", "TERM"])
def test_an_edit_that_waits_for_a_reader_is_interrupted_and_leaves_no_journal(number: int, code: int) -> None:
    patch = f"""
import djpkg.mirror.busy, sqlite3, threading
djpkg.mirror.busy.EDIT = djpkg.mirror.busy.BusyLimits(3600, 0.05)
reader = sqlite3.connect(os.environ["DJPKG_DB"], isolation_level=None)
reader.execute("BEGIN")
reader.execute("SELECT count(*) FROM packages").fetchone()
import djpkg.cli.options
djpkg.cli.options._notify_waiting = lambda path: os.kill(os.getpid(), {int(number)})
"""
    process = start("edit", 0, 0, patch)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code
    assert out == b""
    assert err.decode() == ("interrupted\n" if number == signal.SIGINT else "")
    assert not Path(f"{os.environ['DJPKG_DB']}-journal").exists()
