"""Typed text in messages: what reorders, hides or controls a terminal is escaped, and passwords are left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from djpkg import config
from djpkg.cli.app import COMMANDS
from tests.cli.running import run, run_process
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
    "grid": ["--grid", HOSTILE],
    "argument": [HOSTILE],
}


# No test asks a real server.
NOWHERE = {api.variable: "http://127.0.0.1:9" for api in config.APIS}


def check(err: str) -> None:
    for line in err.splitlines():
        assert not FORBIDDEN.search(line)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_message_contains_a_character_that_hides_or_reorders_text(filled_mirror: Path, command: str) -> None:
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
        (["list", "--fo\u202eo"], "No such option: --fo<U+202E>o"),
        (["li\u3164st"], "No such command 'li<U+3164>st'; did you mean list?"),
        (["list", "-n", "1\u3164"], "Invalid value for '-n' / '--limit': '1<U+3164>' is not a valid int range."),
        (["show", "a", "b\u202e"], "Got unexpected extra argument(s) (b<U+202E>)"),
        (["show", "a", "https://robot:canary@example.org"], "Got unexpected extra argument(s) (https://example.org)"),
        (["list", "--limit=https://robot:canary@example.org"], "'https://example.org' is not a valid int range."),
    ],
)
def test_messages_of_typer_are_escaped_and_contain_no_password(arguments: list[str], message: str) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert ended.err.rstrip().endswith(message)


def test_an_argument_that_is_not_utf_8_is_escaped(filled_mirror: Path) -> None:
    ended = run_process("show", "a", "b\udcff")
    assert ended.code == 2
    assert "(b<U+DCFF>)" in ended.err
