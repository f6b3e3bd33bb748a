from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from djpkg.cli.app import COMMANDS
from tests.cli.running import SOURCE, run, run_on_pty, run_on_terminal, run_process

if TYPE_CHECKING:
    from pathlib import Path

PAGES = {page.stem: page for page in sorted((SOURCE / "djpkg" / "cli" / "help").glob("*.md"))}
# Pages, and configurations for other programs, which are generated.
TOPICS = sorted([*PAGES, "datasette"])
# A locale in which standard output accepts only ASCII.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def text(topic: str) -> str:
    return PAGES[topic].read_text(encoding="utf-8")


def page(topic: str) -> str:
    return text(topic) if topic in PAGES else run("help", topic).out


# The list.


def test_without_a_name_it_lists_topics_and_commands_a_line_each() -> None:
    ended = run("help")
    assert (ended.code, ended.err) == (0, "")
    topics, _, commands = ended.out.partition("\nCommands:\n")
    assert topics.startswith("Topics:\n")
    listed = [line.split(maxsplit=1) for line in topics.splitlines()[1:]]
    assert [name for name, _ in listed] == TOPICS
    assert all(page(name).startswith(f"# {title}\n") for name, title in listed)
    lines = commands.partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert max(map(len, ended.lines)) <= 80


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_list_is_wrapped_at_the_width_of_the_terminal(width: int) -> None:
    shown = run_on_terminal("help", width=width)
    assert max(map(len, shown.lines)) <= width
    assert shown.out.split() == run("help").out.split()
    words = [line for line in shown.lines if line.startswith("  ") and line[2] != " "]
    assert [line.split()[0] for line in words] == [*TOPICS, *COMMANDS]
    assert all(line.startswith(" " * 15) for line in shown.lines if line.startswith("   "))


def test_the_list_has_the_same_descriptions_as_the_help_of_the_program() -> None:
    commands = run("--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    described = [line.split(maxsplit=1) for line in commands.splitlines()]
    listed = [line.split(maxsplit=1) for line in run("help").out.partition("Commands:\n")[2].splitlines()]
    assert [one for one in listed if one and one[0] in COMMANDS] == described


def test_the_help_of_the_program_mentions_it() -> None:
    assert "djpkg help lists topics" in run("--help").out


# A topic.


@pytest.mark.parametrize("topic", PAGES)
def test_help_prints_the_markdown_of_a_page_in_a_pipe(topic: str) -> None:
    ended = run("help", topic)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith(text(topic))
    if topic not in COMMANDS:
        assert ended.out == text(topic)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("topic", PAGES)
def test_a_terminal_shows_the_whole_page(topic: str, width: int) -> None:
    ended = run_on_terminal("help", topic, width=width)
    assert ended.code == 0
    assert "```" not in ended.out
    assert "|---" not in ended.out
    assert "…" not in ended.out  # a cell that was cut
    assert text(topic).partition("\n")[0].removeprefix("# ") in ended.out
    assert max(map(len, ended.lines)) <= 80


def test_a_real_terminal_shows_a_rendered_page() -> None:
    ended = run_on_pty("help", "exit-codes", width=100)
    assert (ended.code, ended.err) == (0, "")
    assert "another fetch of the same mirror is running" in ended.out
    assert "| 75 |" not in ended.out


@pytest.mark.parametrize("topic", PAGES)
def test_pages_are_ascii(topic: str) -> None:
    assert text(topic).isascii()


@pytest.mark.parametrize("colour", ["", "1"])
def test_an_output_that_takes_only_ascii_gets_plain_markdown(colour: str) -> None:
    ended = run_process("help", "query", env={**ASCII, "FORCE_COLOR": colour})
    assert (ended.code, ended.out, ended.err) == (0, text("query"), "")


@pytest.mark.parametrize("colour", ["", "1"])
def test_an_output_that_takes_only_ascii_gets_marks_for_other_characters(tmp_path: Path, colour: str) -> None:
    (tmp_path / "crowns.md").write_text("# K\u00f6nige \u2192 crowns\n", encoding="utf-8")
    program = (
        "import pathlib, sys; from djpkg.cli.app import main; from djpkg.cli.commands import help as help_;"
        " help_.PAGES = pathlib.Path(sys.argv[1]); main(['help', 'crowns'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **ASCII, "FORCE_COLOR": colour},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"# K<U+00F6>nige <U+2192> crowns\n", b"")


# A command.


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("width", ["60", "100"])
def test_a_command_gets_its_own_help_and_then_its_topic(
    command: str, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    own, ended = run(command, "--help").out, run("help", command)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(own)
    rest = ended.out.removeprefix(own)
    topic = {"list": "query", "check": "check", "fetch": "sources", "fields": "fields"}.get(command)
    assert rest == (f"\n{text(topic)}" if topic else "")


# Neither.


@pytest.mark.parametrize(
    ("name", "near"),
    [("exitcodes", "exit-codes"), ("Query", "query"), ("lst", "list"), ("enviroment", "environment")],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, near: str) -> None:
    ended = run("help", name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"djpkg: unknown topic or command '{name}'\n       did you mean {near}")


@pytest.mark.parametrize("name", ["zzzzzz", "", "../environment", "environment.md", "\x1b[31m"])
def test_a_name_that_is_like_none_is_refused_with_the_next_step(name: str) -> None:
    ended = run("help", name)
    assert (ended.code, ended.out) == (2, "")
    assert "\x1b" not in ended.err
    assert len(ended.err.splitlines()) == 2


# Completion.


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("e", ["environment", "exit-codes", "edit"]),
        ("f", ["fields", "fetch"]),
        ("", list(dict.fromkeys([*TOPICS, *COMMANDS]))),
        ("x", []),
    ],
)
def test_topics_and_commands_are_offered(typed: str, offered: list[str]) -> None:
    ended = run_process(
        env={"_DJPKG_COMPLETE": "complete_bash", "COMP_WORDS": f"djpkg\nhelp\n{typed}", "COMP_CWORD": "2"}
    )
    assert (ended.code, ended.err) == (0, "")
    assert [line for line in ended.lines if line] == offered
