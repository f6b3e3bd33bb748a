from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from djpkg.cli.app import COMMANDS
from djpkg.cli.completion import candidates
from djpkg.mirror import completion
from djpkg.mirror.connection import open_write
from tests.cli.running import SOURCE, Result
from tests.mirrors import catalog_facts, filled_mirror, override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


# Answers one request after another, because starting the program for each takes most of the time.
SERVER = """
import contextlib, io, json, os, sys
os.environ["_DJPKG_COMPLETE"] = "complete_bash"
from djpkg.cli.app import app
own = dict(os.environ)
for line in sys.stdin:
    os.environ.clear()
    os.environ.update(own | json.loads(line))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            app([], prog_name="djpkg")
        except SystemExit as error:
            code = error.code
    print(json.dumps([code or 0, out.getvalue(), err.getvalue()]), flush=True)
"""


class Completion:
    """A process that answers completion requests as the program does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            text=True,
        )

    def ask(self, env: Mapping[str, str]) -> Result:
        """Run one request with the variables that a shell sets."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"DJPKG_DB": os.environ["DJPKG_DB"], **env}) + "\n")
        self._process.stdin.flush()
        return Result(*json.loads(self._process.stdout.readline()))

    def offered(self, *words: str) -> list[str]:
        """Return the candidates for the last word in bash, which splits words at blanks, ``:`` and ``=``."""
        result = self.ask(
            {
                "_DJPKG_COMPLETE": "complete_bash",
                "COMP_WORDS": "\n".join(["djpkg", *words]),
                "COMP_CWORD": str(len(words)),
            }
        )
        assert (result.code, result.err) == (0, "")
        return [line for line in result.lines if line]

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def shell() -> Iterator[Completion]:
    asking = Completion()
    yield asking
    asking.close()


@pytest.fixture
def mirror(filled_mirror: Path) -> Path:
    with open_write(filled_mirror) as db:
        override(db, 3, {"tags": ["core", "prod", "two words"]})
    return filled_mirror


# Candidates.


def test_commands_and_options_are_offered(shell: Completion) -> None:
    assert shell.offered("") == list(COMMANDS)
    assert shell.offered("st") == ["status"]
    assert "--sources" in shell.offered("show", "--")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["show", "django-p"], ["django-pans", "django-pots"]),
        (["show", "django"], ["django-kiln", "django-pans", "django-pots"]),
        (["show", "Django_K"], ["Django_Kiln"]),
        (["compare", "lids", "django-po"], ["django-pots"]),
        (["changes", "li"], ["lids"]),
        (["show", "nobody"], []),
        (["show", "po"], ["django-pots"]),
        (["show", "kil"], ["django-kiln"]),
        (["compare", "lids", "pa"], ["django-pans"]),
        (["show", "lids", "--web", "pot"], ["django-pots"]),
        (["show", "lids", "--web", "p"], ["pypi"]),
        (["fetch", "--source", "gi"], ["github", "gitlab"]),
        (["fetch", "--source", "=", "gi"], ["github", "gitlab"]),
    ],
)
def test_packages_are_offered_by_slug(shell: Completion, mirror: Path, words: list[str], found: list[str]) -> None:
    assert shell.offered(*words) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["list", "--fields", "sta"], ["stars", "stars_1y", "stars_90d", "state"]),
        (["list", "-f", "slug,fork"], ["slug,forks"]),
        (["show", "lids", "--fields", "=", "al"], ["all"]),
        (["list", "--sort", "fork"], ["forks"]),
        (["list", "--sort", "-fork"], ["-forks"]),
        (["list", "--sort", "=", "-fork"], ["-forks"]),
        (["list", "--sort", "+fork"], ["+forks"]),
        (["list", "--count", "fork"], ["forks"]),
        (["list", "-s", "stars,-upd"], ["stars,-updated", "stars,-updated_utc"]),
        (["list", "-s", "check"], []),
    ],
)
def test_fields_are_offered_after_commas_and_minus(shell: Completion, words: list[str], found: list[str]) -> None:
    assert shell.offered(*words) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["list", "grid", ":", "po"], ["pottery"]),
        (["list", "grid", ":"], ["empty-grid", "gardening", "pottery"]),
        (["list", "^grid", ":", "po"], ["pottery"]),
        (["list", "category", ":", "fr"], ["frameworks"]),
        (["list", "is", ":", "ac"], ["active"]),
        (["list", "forge", ":", "gitl"], ["gitlab"]),
        (["list", "-is", ":", "arc"], ["archived"]),
        (["list", "-grid", ":", "po"], ["pottery"]),
        (["list", "-arch"], ["-archived:", "-archived_at:"]),
        (["list", "category", ":", "apps,oth"], ["apps,other"]),
        (["list", "grid", ":", "pottery,"], ["pottery,empty-grid", "pottery,gardening"]),
        (["list", "is", ":", "active,arc"], ["active,archived"]),
        (["list", "nonsense", ":", "a"], []),
        (["list", "is", ":", "ta"], ["tagged"]),
        (["list", "tag", ":"], ["core", "prod", '"two words"']),
        (["list", "-tag", ":", "tw"], ['"two words"']),
        (["list", "tag", ":", "core,tw"], ['"core,two words"']),
        (["list", "-tag", ":", "pr"], ["prod"]),
        (["list", "tags", ":", "core,"], ["core,prod", '"core,two words"']),
        (["list", "replaced_by", ":", "li"], ["lids"]),
        (["list", "replaced_by", ":", "po"], ["django-pots"]),
        (["list", "requires", ":", "kil"], ["django-kiln"]),
        (["list", "^requires", ":", "kil"], ["django-kiln"]),
        (["list", "requires", ":", "lids,po"], ["lids,django-pots"]),
        (["list", "forks"], ["forks:", "forks:10.."]),
        (["compare", "grid", ":", "gard"], ["gardening"]),
        (["fetch", "lids", "^grid", ":", "gard"], ["gardening"]),
        (["changes", "-arch"], ["-archived:", "-archived_at:"]),
    ],
)
def test_only_the_part_that_bash_replaces_is_offered(
    shell: Completion, mirror: Path, words: list[str], found: list[str]
) -> None:
    assert shell.offered(*words) == found


def test_an_unsplit_word_is_completed_as_a_whole(shell: Completion, mirror: Path) -> None:
    asked = {"_DJPKG_COMPLETE": "complete_bash", "COMP_WORDS": "djpkg list grid:po", "COMP_CWORD": "2"}
    assert shell.ask(asked).lines == ["grid:pottery"]


def test_candidates_come_from_the_mirror_of_the_db_option(shell: Completion, mirror: Path, tmp_path: Path) -> None:
    other = filled_mirror(tmp_path / "other.db", [catalog_facts(5, "django-other")])
    assert shell.offered("show", "--db", str(other), "dja") == ["django-other"]
    assert shell.offered("show", "--db", "=", str(other), "dja") == ["django-other"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        (["doc"], ["docs=", "documentation_url="]),
        (["slu"], []),
        (["category", "=", "fr"], ["frameworks"]),
        (["grids", "="], ["empty-grid", "gardening", "pottery"]),
        (["grids", "=", "pottery,ga"], ["pottery,gardening"]),
        (["grids+", "=", "po"], ["pottery"]),
        (["grids-", "=", "po"], ["pottery"]),
        (["grids", ":=", "po"], []),
        (["title", "=", "po"], []),
        (["tags+", "=", "pr"], ["prod"]),
        (["tags+", "=", "tw"], ['"two words"']),
        (["tags", "=", "core,"], ["core,prod", '"core,two words"']),
        (["replaced_by", "=", "django-po"], ["django-pots"]),
        (["replaced_by", "=", "po"], ["django-pots"]),
        (["archived", "="], ["true", "false"]),
        (["not"], ["note="]),
        (["nonsense", "=", "po"], []),
    ],
)
def test_editable_fields_are_offered_for_assignments(
    shell: Completion, mirror: Path, word: list[str], found: list[str]
) -> None:
    assert shell.offered("edit", "lids", *word) == found


def test_editable_fields_are_offered_for_unset() -> None:
    assert candidates.field_names("doc") == ["docs", "documentation_url"]
    assert candidates.editable("doc") == ["docs", "documentation_url"]


def test_zsh_and_fish_get_descriptions(shell: Completion, mirror: Path) -> None:
    zsh = shell.ask({"_DJPKG_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "djpkg "}).out
    assert '"show":"Show one package."' in zsh
    fish = {"_DJPKG_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert "show\tShow one package" in shell.ask({**fish, "_TYPER_COMPLETE_ARGS": "djpkg sh"}).out
    for typed, offered in (("list grid:po", "grid:pottery"), ("list -is:arc", "-is:archived")):
        assert shell.ask({**fish, "_TYPER_COMPLETE_ARGS": f"djpkg {typed}"}).lines == [offered]
        zsh_words = {"_DJPKG_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": f"djpkg {typed}"}
        assert shell.ask(zsh_words).out == f"compadd -M 'l:|=* l:[:=,]|=*' -- {offered}\n"


def test_a_tag_with_spaces_is_one_word_for_every_shell(shell: Completion, mirror: Path) -> None:
    fish = {"_DJPKG_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}  # it quotes them itself
    assert shell.ask({**fish, "_TYPER_COMPLETE_ARGS": "djpkg list tag:tw"}).lines == ["tag:two words"]
    zsh = {"_DJPKG_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "djpkg list tag:tw"}
    assert shell.ask(zsh).out == "compadd -M 'l:|=* l:[:=,]|=*' -- 'tag:two words'\n"  # compadd quotes what it inserts


def test_zsh_adds_no_space_where_a_value_follows(shell: Completion, mirror: Path) -> None:
    asked = {"_DJPKG_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "djpkg list fork"}
    assert shell.ask(asked).out == "compadd -M 'l:|=* l:[:=,]|=*' -S '' -- forks: forks:10..\n"


def test_a_mirror_without_the_table_of_tags_has_no_tags(shell: Completion, mirror: Path) -> None:
    with closing(sqlite3.connect(mirror)) as db:
        db.execute("DROP TABLE tags")
    assert shell.offered("list", "tag", ":") == []


def test_the_scripts_for_the_shells_are_printed(shell: Completion) -> None:
    for name in ("bash", "zsh", "fish"):
        result = shell.ask({"_DJPKG_COMPLETE": f"source_{name}"})
        assert result.code == 0
        assert "_DJPKG_COMPLETE=complete_" in result.out


SCRIPTS = {
    "bash": """
        eval "$(_DJPKG_COMPLETE=source_bash djpkg)"
        for words in "list grid : po" "show lid" "show po"; do
            COMP_WORDS=(djpkg $words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _djpkg_completion djpkg; echo "${COMPREPLY[*]}"
        done
    """,
    # Outside of a completion, `compadd` is what the script calls, with the candidates last.
    "zsh": """
        compdef() { }
        compadd() { print -r -- "${@[-1]}" }
        eval "$(_DJPKG_COMPLETE=source_zsh djpkg)"
        for typed in "list grid:po" "show lid" "show po"; do
            words=(djpkg ${=typed}); CURRENT=$#words; _djpkg_completion
        done
    """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_completion_works_in_a_real_shell(mirror: Path, tmp_path: Path, name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name}")
    program = tmp_path / "djpkg"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m djpkg "$@"\n')
    program.chmod(0o755)
    result = subprocess.run(
        [name, "-c", SCRIPTS[name]],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
    )
    found = result.stdout.decode().splitlines()
    assert found == [{"bash": "pottery", "zsh": "grid:pottery"}[name], "lids", "django-pots"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [("djpkg edit django-pots not", ["-o nospace", "note="]), ("djpkg list grid", ["-o nospace", "grid:"]),
     ("djpkg show lid", ["lids"]), ("djpkg show nothing-at-all", [""])],
)  # fmt: skip
def test_bash_adds_no_space_where_a_value_follows(
    mirror: Path, tmp_path: Path, words: str, expected: list[str]
) -> None:
    program = tmp_path / "djpkg"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m djpkg "$@"\n')
    program.chmod(0o755)
    script = f"""
        eval "$(_DJPKG_COMPLETE=source_bash djpkg)"
        compopt() {{ echo "$@"; }}
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _djpkg_completion djpkg
        echo "${{COMPREPLY[0]-}}"
    """
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run(["bash", "-c", script], capture_output=True, env=env, check=False, text=True)
    assert ended.stdout.splitlines() == expected
    # As in bash 3.2, and with `set -u`.
    script = "set -u; enable -n compopt\n" + script.replace('compopt() { echo "$@"; }', "")
    ended = subprocess.run(["bash", "-c", script], capture_output=True, env=env, check=False, text=True)
    assert (ended.stdout.splitlines(), ended.stderr) == (expected[-1:], "")


def test_the_script_for_zsh_completes_when_it_is_autoloaded(shell: Completion) -> None:
    script = shell.ask({"_DJPKG_COMPLETE": "source_zsh"}).out.strip()
    assert script.startswith("#compdef djpkg\n")
    assert script.endswith('if [[ $funcstack[1] == _djpkg ]]; then\n  _djpkg_completion "$@"\nfi')


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
def test_the_first_tab_in_a_new_zsh_completes(mirror: Path, tmp_path: Path) -> None:
    program = tmp_path / "djpkg"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m djpkg "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(SOURCE), "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    def run_zsh(script: str) -> list[str]:
        return subprocess.run(
            ["zsh", "-f", "-c", script], capture_output=True, env=env, check=False, text=True
        ).stdout.splitlines()

    run_zsh("djpkg --install-completion; true")
    autoloaded = """
        compdef() { }
        compadd() { print -r -- "${@[-1]}" }
        fpath=(~/.zfunc); autoload -Uz _djpkg
        words=(djpkg show lid); CURRENT=3; _djpkg
    """
    assert run_zsh(autoloaded) == ["lids"]
    assert run_zsh(f"{autoloaded}; _djpkg; _djpkg_completion") == ["lids"] * 3


# Errors are silent.


def test_without_a_mirror_there_are_no_candidates_and_no_messages(shell: Completion, tmp_path: Path) -> None:
    assert shell.offered("show", "dj") == []
    assert shell.offered("list", "grid", ":") == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"x" * 5000])
def test_a_file_that_is_not_a_mirror_is_ignored(shell: Completion, content: bytes) -> None:
    Path(os.environ["DJPKG_DB"]).write_bytes(content)
    assert shell.offered("show", "dj") == []
    assert Path(os.environ["DJPKG_DB"]).read_bytes() == content


def test_a_locked_mirror_is_not_waited_for(shell: Completion, mirror: Path) -> None:
    with closing(sqlite3.connect(mirror, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError):
            completion.find_slugs(mirror, "dj")
        assert shell.offered("show", "dj") == []


@pytest.mark.parametrize(
    "asked",
    [
        {"_DJPKG_COMPLETE": "complete_bash"},
        {"_DJPKG_COMPLETE": "complete_bash", "COMP_WORDS": "djpkg 'show", "COMP_CWORD": "x"},
        {"_DJPKG_COMPLETE": "complete_bash", "COMP_WORDS": "djpkg\nnothing\nhere", "COMP_CWORD": "2"},
        {"_DJPKG_COMPLETE": "complete_bash", "COMP_WORDS": "djpkg\nlist\n'", "COMP_CWORD": "2"},
        {"_DJPKG_COMPLETE": "complete_zsh"},
    ],
)
def test_an_invalid_request_gets_no_output(shell: Completion, asked: dict[str, str]) -> None:
    result = shell.ask(asked)
    assert (result.code, result.err) == (0, "")


def test_an_unknown_home_folder_is_ignored(shell: Completion) -> None:
    result = shell.ask({"DJPKG_DB": "~nobody-at-all/mirror.db", "COMP_WORDS": "djpkg\nshow\ndj", "COMP_CWORD": "2"})
    assert (result.code, result.out.strip(), result.err) == (0, "", "")


def test_names_with_shell_syntax_are_not_offered(mirror: Path) -> None:
    filled_mirror(
        mirror,
        [catalog_facts(20 + place, name) for place, name in enumerate(("x$(id)", "x`id`", "x y", "x;id", "x-fine"))],
    )
    assert completion.find_slugs(mirror, "x") == ["x-fine"]


def test_slugs_match_as_they_do_for_show(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(60, "Kiln_x")])
    assert completion.find_slugs(mirror, "K") == ["Kiln_x", "django-kiln"]
    assert completion.find_slugs(mirror, "Kiln_") == ["Kiln_x"]
    assert completion.find_slugs(mirror, "KILN-") == ["kiln-x"]
    assert completion.find_slugs(mirror, "\N{KELVIN SIGN}") == []


def test_the_number_of_candidates_is_limited(mirror: Path) -> None:
    filled_mirror(mirror, [catalog_facts(number, f"many-{number}") for number in range(100, 300)])
    assert len(completion.find_slugs(mirror, "many-")) == completion.MAX_CANDIDATES


def test_slugs_are_found_through_the_index(mirror: Path) -> None:
    seen: list[str] = []
    with closing(sqlite3.connect(mirror)) as db:
        db.set_trace_callback(seen.append)
        plan = db.execute(
            "EXPLAIN QUERY PLAN SELECT slug FROM packages WHERE replace(lower(slug), '_', '-') >= 'a'"
            " AND replace(lower(slug), '_', '-') < 'b' ORDER BY replace(lower(slug), '_', '-')"
        ).fetchall()
    assert [row[3] for row in plan] == ["SEARCH packages USING INDEX packages_slug (<expr>>? AND <expr><?)"]
