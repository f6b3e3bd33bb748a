"""The examples of the README and of the pages of `djpkg help`: the commands, the world they run in, and their output.

``python -m tests.readme`` runs them all and writes their output, and the tables made from code, into the documents.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from djpkg.config import APIS
from djpkg.model.fields import FIELDS
from djpkg.query.parser import STATES
from tests.forking import write_program
from tests.world import CODEBERG, GITLAB, NOW, Release, World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = ROOT / "src" / "djpkg" / "cli" / "help"
DOCUMENTS = (README, *sorted(PAGES.glob("*.md")))
# Columns of the terminal. `djpkg help` shows the pages on terminals of 80 columns, where a code block has a margin.
README_WIDTH, PAGE_WIDTH = 96, 78
# The programs that examples need; `.ci/run` installs them.
PROGRAMS = ("bash", "jq", "sqlite3")
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CRON = re.compile(r"^```cron\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CRON_VARIABLE = re.compile(r"^([A-Z_]+)=(.*)$", re.MULTILINE)
_CRON_LINE = re.compile(r"^(?:\S+ +){5}(.+)$", re.MULTILINE)


class Example(NamedTuple):
    """One command of a console block, and the output that the document shows."""

    command: str
    output: str


def examples(text: str) -> list[Example]:
    """Return every command of every console block, in order."""
    return [example for block in _CONSOLE.findall(text) for example in _in_block(block)]


def _in_block(block: str) -> list[Example]:
    parts = [part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [Example(command, output.rstrip("\n")) for command, _, output in parts]


def cron_commands(text: str) -> list[str]:
    """Return the command of every line of every crontab."""
    return [command for block in _CRON.findall(text) for command in _CRON_LINE.findall(block)]


def cron_variables(text: str) -> dict[str, str]:
    """Return the variables that the crontabs set in lines of their own."""
    return {name: value for block in _CRON.findall(text) for name, value in _CRON_VARIABLE.findall(block)}


def table(text: str, head: str) -> list[list[str]]:
    """Return the cells of each row of the one table whose first column has this title."""
    rows = _table(head).findall(text)
    assert len(rows) == 1, f"{len(rows)} tables begin with {head}"
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[0].splitlines()[2:]]


def _table(head: str) -> re.Pattern[str]:
    return re.compile(rf"^\| {head} \|.*\n(?:\|.*\n)+", re.MULTILINE)


def demo_world() -> World:
    """A catalog of a few packages; everything except the names is invented."""
    world = World(now=NOW)
    forms = world.add_grid(7, "Forms")
    todo = world.add_grid(53, "Todo & Ticketing", "todo")
    world.add_package(
        "django-todo",
        description="A multi-user task list and ticketing system",
        pypi_url="django-todo",
        id=409,
        path="shacker/django-todo",
        stars=845,
        forks=285,
        commits=[(1482, "shacker"), (1490, "bittner")],
        releases=[Release("2.5.0", NOW - timedelta(days=1482), classifiers=("Framework :: Django :: 3.2",))],
        grids=[todo.id],
    )
    world.add_package(
        "django-crispy-forms",
        description="Control the rendering of Django forms without repeating yourself",
        pypi_url="django-crispy-forms",
        path="django-crispy-forms/django-crispy-forms",
        stars=5103,
        forks=731,
        commits=[
            (days, "smithdc1" if days % 3 else "carltongibson") for days in (9, 10, 31, 33, 90, 91, 92, 180, 250, 300)
        ],
        releases=[
            Release(
                "2.6",
                NOW - timedelta(days=120),
                requires_python=">=3.9",
                license_expression="MIT",
                classifiers=tuple(f"Framework :: Django :: {version}" for version in ("4.2", "5.1", "5.2", "6.0")),
            )
        ],
        grids=[forms.id],
    )
    world.add_package(
        "django-floppyforms",
        description="Full control of form rendering in the templates",
        pypi_url="django-floppyforms",
        path="jazzband/django-floppyforms",
        stars=841,
        forks=145,
        archived=True,
        commits=[(2200, "gregmuellegger")],
        releases=[Release("1.9.0", NOW - timedelta(days=2210), license_expression="BSD-3-Clause")],
        grids=[forms.id],
    )
    world.add_package(
        "django-betterforms",
        description="Fieldsets, multi-forms and other tools for forms",
        pypi_url="django-betterforms",
        host=CODEBERG,
        path="fusionbox/django-betterforms",
        stars=125,
        forks=24,
        commits=[(200, "gavinwahl"), (210, "gavinwahl")],
        releases=[
            Release(
                "2.0.0",
                NOW - timedelta(days=198),
                requires_dist=("Django>=4.2", "django-floppyforms>=1.8"),
                classifiers=("Framework :: Django :: 5.2",),
            )
        ],
        grids=[forms.id],
    )
    world.add_package(
        "wagtail-bakery",
        description="Publish Wagtail sites as static files",
        host=GITLAB,
        path="wagtail/tools/wagtail-bakery",
        stars=180,
        forks=31,
        commits=[(4, "loicteixeira")],
    )
    return world


def outputs(document: Path) -> list[str]:
    """Run the examples of a document one after the other in a new world, and return what each prints.

    The README starts without a mirror, a page with one that holds the whole world. Before `fetch django-todo` there is
    a new release of it.
    """
    world = demo_world()
    printed = []
    with stage(world, width=README_WIDTH if document == README else PAGE_WIDTH) as environment:
        if document != README:
            for name, content in _fetched_mirror().items():
                Path(environment["HOME"], name).write_bytes(content)
        for example in examples(document.read_text(encoding="utf-8")):
            if example.command.startswith("djpkg fetch django-todo"):
                world.release("django-todo", "2.6.0")
            printed.append(run(example.command, environment))
    return printed


@cache
def _fetched_mirror() -> dict[str, bytes]:
    """Return the files of a mirror that holds the whole world."""
    with stage(demo_world(), width=PAGE_WIDTH) as environment:
        run("djpkg fetch --all", environment)
        return {path.name: path.read_bytes() for path in Path(environment["HOME"]).glob("mirror.db*")}


@contextmanager
def stage(world: World, *, width: int) -> Iterator[dict[str, str]]:
    """Yield the environment of an empty home folder with the program on the path and a world to fetch from."""
    with tempfile.TemporaryDirectory() as name, WorldServer(world) as server:
        folder = Path(name)
        write_program(folder / "djpkg", NOW)
        (folder / "requirements.txt").write_text("django-crispy-forms~=2.6\ndjango-todo>=2.4  # tickets\nsix\n")
        yield {
            "HOME": str(folder),
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DJPKG_DB": str(folder / "mirror.db"),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "COLUMNS": str(width),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **server.env,
            **server.token_env("github"),
        }


def run(command: str, environment: dict[str, str]) -> str:
    """Run a command in a terminal and return what it shows, without styles and without blanks at the ends of lines.

    The home folder is shown as ``~``, and the servers of the world as the public ones.
    """
    main, minor = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", command], stdin=minor, stdout=minor, stderr=minor, env=environment, cwd=environment["HOME"]
    )
    os.close(minor)
    seen = b""
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(main)
    process.wait()
    text = re.sub(r"\x1b\[[0-9;]*m", "", seen.decode()).replace("\r\n", "\n").replace(environment["HOME"], "~")
    for api in APIS:  # log lines name servers
        text = text.replace(_without_scheme(environment[api.variable]), _without_scheme(api.default_url))
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))


def _without_scheme(url: str) -> str:
    return url.partition("://")[2].rstrip("/")


def fields_table() -> str:
    """Return the table of all fields, made from the register; three columns fit a terminal of 80."""
    rows = [
        (
            ", ".join(f"`{name}`" for name in (field.name, *field.aliases)),
            f"{field.kind.value} ({field.owner.value})",
            f"{field.about}: `{field.example}`",
        )
        for field in FIELDS
    ]
    return _markdown(("field", "type (source)", "meaning, and an example of a filter"), rows)


def states_table() -> str:
    """Return the table of the states that `is:` takes."""
    return _markdown(("state", "meaning"), [(f"`is:{state.name}`", state.about) for state in STATES])


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ("---",) * len(head), *rows])


def written(document: Path) -> str:
    """Return the document with the current output of every example and the current tables of fields and states."""
    printed = iter(outputs(document))

    def block(match: re.Match[str]) -> str:
        parts = []
        for command, _ in _in_block(match[1]):
            output = next(printed)
            parts.append(f"$ {command}\n{output}\n" if output else f"$ {command}\n")
        return "```console\n" + "\n".join(parts) + "```"

    text = _CONSOLE.sub(block, document.read_text(encoding="utf-8"))
    text = _table("state").sub(lambda _: states_table(), text)
    return _table("field").sub(lambda _: fields_table(), text)


if __name__ == "__main__":
    for name in map(Path, sys.argv[1:] or DOCUMENTS):
        name.write_text(written(name), encoding="utf-8")
