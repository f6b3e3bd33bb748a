from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.cli.app import COMMANDS, app

if TYPE_CHECKING:
    from collections.abc import Callable


READING = tuple(COMMANDS)


@pytest.fixture
def help_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, str], str]:
    """What a command's help says on a terminal of that width. Typer's runner has one width only."""

    def ask(command: str, width: int, option: str) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        app([*command.split(), option], prog_name="djpkg", standalone_mode=False)
        return capsys.readouterr().out

    return ask


@pytest.mark.parametrize("command", ["", *READING])
@pytest.mark.parametrize("width", [60, 80])
def test_help_is_ascii_and_fits_the_terminal(command: str, width: int, help_of: Callable[[str, int, str], str]) -> None:
    said = help_of(command, width, "-h")
    assert said == help_of(command, width, "--help")
    assert said.startswith("Usage: djpkg")
    assert said.isascii()
    assert max(map(len, said.splitlines())) <= width
    if command:
        assert "--db PATH" in said
    if command in ("show", "edit"):
        assert said.startswith(f"Usage: djpkg {command} [OPTIONS] PACKAGE")


@pytest.mark.parametrize("command", READING)
def test_help_ends_with_examples_a_line_each(command: str, help_of: Callable[[str, int, str], str]) -> None:
    _, _, examples = help_of(command, 60, "-h").partition("\n  Examples:\n")
    assert examples
    assert all(line.startswith(f"    djpkg {command}") for line in examples.splitlines())


def test_the_help_of_the_program_lists_the_commands_in_order(help_of: Callable[[str, int, str], str]) -> None:
    _, _, listed = help_of("", 80, "-h").partition("Commands:\n")
    assert [line.split()[0] for line in listed.splitlines()] == list(COMMANDS)
