"""Which modules a start imports. Unlike times, they do not depend on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from djpkg.cli.app import COMMANDS
from djpkg.mirror import fetch_history
from djpkg.mirror.connection import open_write
from djpkg.model.fetch_state import Sweep
from djpkg.source_name import SourceName
from tests.forking import run_script
from tests.mirrors import NOW, filled_mirror

SOURCE = Path(__file__).parents[1] / "src"
HEAVY = {
    "httpx", "sqlite_utils", "rich", "asyncio", "msgspec", "platformdirs", "packaging", "filelock",
    "importlib.metadata", "dataclasses", "djpkg.model.facts", "djpkg.model.repository_url", "djpkg.model.merge",
    "djpkg.query.parser", "djpkg.fetch.run",
}  # fmt: skip
# `check` compares versions, and finds packages by the address of their repository.
HEAVY_FOR_CHECK = HEAVY - {"packaging", "dataclasses", "djpkg.model.repository_url"}
# `list` parses queries.
HEAVY_FOR_LIST = HEAVY - {"djpkg.query.parser"}
SCRIPT = """
import sys
from djpkg.cli.app import main
try:
    main(sys.argv[1:])
finally:
    sys.stderr.write("\\n".join(sys.modules))
"""


def loaded(*arguments: str, env: dict[str, str] | None = None) -> set[str]:
    """Return the names of the modules that a run imported, with those that every run imports."""
    result = run_script(SCRIPT, *arguments, env={**os.environ, **(env or {})}, folder=Path.cwd())
    assert result.returncode == 0, result.stderr
    return set(result.stderr.split())


@pytest.fixture(autouse=True)
def mirror() -> Path:
    return filled_mirror(Path(os.environ["DJPKG_DB"]))


@pytest.mark.parametrize("arguments", [["show", "django-pots", "--json"], ["show", "1"], ["show", "1", "-f", "stars"]])
def test_showing_a_package_into_a_pipe_loads_nothing_heavy(arguments: list[str]) -> None:
    modules = loaded(*arguments)
    assert "djpkg.mirror.read" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize(
    "arguments", [["list", "--json"], ["list", "stars:10..", "--csv"], ["compare", "1", "2"], ["changes"], ["grids"]]
)
def test_listing_into_a_pipe_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded(*arguments) & HEAVY_FOR_LIST


@pytest.mark.parametrize("options", [[], ["--tsv"], ["--markdown"], ["--github"], ["--json"]])
@pytest.mark.parametrize("colour", ["", "1"])
def test_checking_a_project_loads_nothing_heavy(options: list[str], colour: str, mirror: Path, tmp_path: Path) -> None:
    with open_write(mirror) as db:
        fetch_history.store_sweep(db, SourceName.CATALOG, Sweep(NOW, 1, 1))
    project = tmp_path / "requirements.txt"
    project.write_text("django-pots==1.0\nsix\n", encoding="utf-8")
    modules = loaded("check", str(project), "--fail-on", "none", *options, env={"FORCE_COLOR": colour})
    assert "djpkg.check.report" in modules
    assert not modules & HEAVY_FOR_CHECK


@pytest.mark.parametrize("command", ["fields", "status"])
def test_fields_and_status_load_nothing_heavy(command: str) -> None:
    assert not loaded(command) & HEAVY


@pytest.mark.parametrize("words", ["djpkg show dj", "djpkg list grid:p", "djpkg "])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completing_loads_nothing_heavy(words: str, shell: str) -> None:
    asked = {
        "_DJPKG_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": words, "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1),
    }  # fmt: skip
    heavy = HEAVY - {"djpkg.query.parser"} if words != "djpkg " else {"rich", "httpx", "sqlite_utils", "asyncio"}
    assert not loaded(env=asked) & heavy


def test_a_command_loads_no_other_command() -> None:
    commands = {name for name in loaded("show", "1") if name.startswith("djpkg.cli.commands.")}
    assert commands == {"djpkg.cli.commands.show"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_loads_no_heavy_library(command: str) -> None:
    assert not loaded(command, "--help") & {"httpx", "sqlite_utils", "rich", "asyncio"}


def run_python(code: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        check=True,
    )
    return result.stdout.decode().split()


def test_importing_the_command_line_leaves_the_garbage_collector_as_it_is() -> None:
    state = "gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()"
    code = f"import gc; before = {state}\nimport djpkg.__main__, djpkg.cli.app; print(before == ({state}))"
    assert run_python(code) == ["True"]


@pytest.mark.parametrize("switch", ["enable", "disable"])
def test_a_command_runs_with_the_garbage_collector_as_it_was(switch: str) -> None:
    code = (
        "import atexit, gc, sys; sys.argv = ['djpkg', '--version']\n"
        f"gc.{switch}(); atexit.register(lambda: print(gc.isenabled()))\n"
        "from djpkg.__main__ import main; main()"
    )
    assert run_python(code)[-1:] == [str(switch == "enable")]
