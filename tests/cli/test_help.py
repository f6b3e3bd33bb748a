from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg import __version__
from djpkg.cli.app import COMMANDS, app
from tests.cli.running import run

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def help_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, str], str]:
    """Return the help text of a command at a terminal width. Typer's runner has a fixed width."""

    def get_help(command: str, width: int, option: str) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        app([*command.split(), option], prog_name="djpkg", standalone_mode=False)
        return capsys.readouterr().out

    return get_help


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("width", [60, 80])
def test_help_is_ascii_and_fits_the_terminal(command: str, width: int, help_of: Callable[[str, int, str], str]) -> None:
    text = help_of(command, width, "-h")
    assert text == help_of(command, width, "--help")
    assert text.startswith("Usage: djpkg")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= width
    if command:
        assert "--db PATH" in text
    if command in ("show", "edit"):
        assert text.startswith(f"Usage: djpkg {command} [OPTIONS] PACKAGE")


@pytest.mark.parametrize("command", [*COMMANDS])
def test_help_ends_with_one_example_per_line(command: str, help_of: Callable[[str, int, str], str]) -> None:
    _, _, examples = help_of(command, 60, "-h").partition("\n  Examples:\n")
    assert examples
    assert all(line.startswith(f"    djpkg {command}") for line in examples.splitlines())


def test_the_help_of_the_program_lists_the_commands_in_order(help_of: Callable[[str, int, str], str]) -> None:
    _, _, listed = help_of("", 80, "-h").partition("Commands:\n")
    listed, _, _ = listed.partition("\n\n")
    assert [line.split()[0] for line in listed.splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("arguments", [[], ["-h"]])
def test_the_program_alone_shows_how_to_begin_examples_tokens_and_the_manual(arguments: list[str]) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.err) == (0, "")
    for text in ("Begin with djpkg fetch --all", "GITHUB_TOKEN", "djpkg help TOPIC", "https://github.com/djpkg/djpkg"):
        assert text in ended.out
    _, _, examples = ended.out.partition("\n  Examples:\n")
    assert all(line.split()[:2] in [["djpkg", command] for command in COMMANDS] for line in examples.splitlines())
    assert len(examples.splitlines()) >= 4


def test_the_short_option_prints_the_version() -> None:
    assert run("-V") == run("--version") == (0, f"djpkg {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "no such command 'lst'; did you mean list?"),
        (["COMPAIR", "a"], "no such command 'COMPAIR'; did you mean compare?"),
        (["xyzzy"], "no such command 'xyzzy'"),
        (["show", "a", "--sorces"], "no such option: --sorces; did you mean --sources?"),
        (["--verion"], "no such option: --verion; did you mean --version?"),
        (["help", "qery"], "did you mean query?"),
    ],
)
def test_an_unknown_command_or_option_suggests_the_nearest(arguments: list[str], message: str) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert ended.err.startswith("djpkg: ")
    assert len(ended.err.splitlines()) <= 2
