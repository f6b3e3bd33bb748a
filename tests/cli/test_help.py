from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.cli.app import COMMANDS, app

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
    assert [line.split()[0] for line in listed.splitlines()] == list(COMMANDS)
