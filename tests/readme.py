"""The README's examples: which commands it shows, the small world that they run in, and what they print.

``python -m tests.readme`` writes what they print into the README.
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
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from djpkg.model.fields import FIELDS
from djpkg.query.parser import STATES
from djpkg.render import field_docs
from tests.world import CODEBERG, GITLAB, NOW, Release, World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
WIDTH = 96
# What the examples run beside the program; `.ci/run` sees to it that they are there.
PROGRAMS = ("bash", "jq", "sqlite3")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FIELDS = re.compile(r"(?<=<!-- fields -->\n).*?(?=<!-- /fields -->)", re.DOTALL)
_STATES = re.compile(r"(?<=<!-- states -->\n).*?(?=<!-- /states -->)", re.DOTALL)
# The program under a fixed clock.
_PROGRAM = """#!{python}
import sys
sys.path[:0] = {path!r}
from datetime import UTC, datetime
from djpkg.cli import app
from djpkg.cli import options
options.now = lambda: datetime.fromisoformat({now!r})
if "fetch" in sys.argv[1:2]:
    from djpkg.fetch import run
    run.fetch.__kwdefaults__["clock"] = options.now
app.main()
"""


class Example(NamedTuple):
    """One command of a console block, and what the README says it prints."""

    command: str
    output: str


def examples(text: str) -> list[Example]:
    """Every command of every console block, in order."""
    found = []
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Example(command, output.rstrip("\n")))
    return found


def demo_world() -> World:
    """A directory of a handful of packages; all of it is invented, but for names."""
    world = World(now=NOW)
    forms = world.add_grid(7, "Forms")
    todo = world.add_grid(53, "Todo & Ticketing", "todo")
    world.add_package(
        "django-todo",
        id=409,
        path="shacker/django-todo",
        stars=845,
        forks=285,
        commits=[(1482, "shacker"), (1490, "bittner")],
        releases=[Release("2.5.0", NOW - timedelta(days=1482), classifiers=["Framework :: Django :: 3.2"])],
        grids=[todo.id],
    )
    world.add_package(
        "django-crispy-forms",
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
                classifiers=[f"Framework :: Django :: {version}" for version in ("4.2", "5.1", "5.2", "6.0")],
            )
        ],
        grids=[forms.id],
    )
    world.add_package(
        "django-floppyforms",
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
        host=CODEBERG,
        path="fusionbox/django-betterforms",
        stars=125,
        forks=24,
        commits=[(200, "gavinwahl"), (210, "gavinwahl")],
        releases=[Release("2.0.0", NOW - timedelta(days=198), classifiers=["Framework :: Django :: 5.2"])],
        grids=[forms.id],
    )
    world.add_package(
        "wagtail-bakery",
        host=GITLAB,
        path="wagtail/tools/wagtail-bakery",
        stars=180,
        forks=31,
        commits=[(4, "loicteixeira")],
    )
    return world


def outputs(examples: list[Example]) -> list[str]:
    """What the examples print one after the other; between the second and the third fetch the world moves on."""
    world = demo_world()
    printed = []
    with stage(world) as environment:
        for example in examples:
            if example.command.startswith("djpkg fetch django-todo"):
                world.release("django-todo", "2.6.0")
            printed.append(run(example.command, environment))
    return printed


@contextmanager
def stage(world: World) -> Iterator[dict[str, str]]:
    """An empty folder with the program on the path, and a world to fetch from: the environment."""
    with tempfile.TemporaryDirectory() as name, WorldServer(world) as server:
        folder = Path(name)
        path = [entry for entry in sys.path if entry]
        for program in ("djpkg",):
            script = folder / program
            script.write_text(_PROGRAM.format(python=sys.executable, path=path, now=NOW.isoformat()))
            script.chmod(0o755)
        (folder / "requirements.txt").write_text("django-crispy-forms~=2.6\ndjango-todo>=2.4  # tickets\nsix\n")
        yield {
            "HOME": str(folder),
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DJPKG_DB": str(folder / "mirror.db"),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "COLUMNS": str(WIDTH),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **server.env,
            **server.token_env("github"),
        }


def run(command: str, environment: dict[str, str]) -> str:
    """What a person sees who types the command in a terminal of `WIDTH` columns, without blanks at the ends."""
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
    return "\n".join(line.rstrip() for line in text.rstrip("\n").split("\n"))


def fields_table() -> str:
    """The README's table of fields, from the register."""
    lines = [list(field_docs.HEADS.values()), ["---"] * len(field_docs.HEADS)]
    for field in FIELDS:
        cells = dict(zip(field_docs.HEADS, field_docs.field_texts(field), strict=True))
        for name in ("name", "aliases", "example"):
            cells[name] = ", ".join(f"`{part}`" for part in cells[name].split(", ") if part)
        lines.append(list(cells.values()))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def states_table() -> str:
    """The README's table of states, from the query language."""
    lines = ["| state | meaning |", "| --- | --- |", *(f"| `is:{state.name}` | {state.about} |" for state in STATES)]
    return "\n".join(lines) + "\n"


def written(text: str) -> str:
    """The README with every output and the tables of fields and states as they are now."""
    printed = iter(outputs(examples(text)))

    def block(match: re.Match[str]) -> str:
        commands = [part.partition("\n")[0] for part in re.split(r"^\$ ", match[1], flags=re.MULTILINE)[1:]]
        parts = []
        for command in commands:
            output = next(printed)
            parts.append(f"$ {command}\n{output}\n" if output else f"$ {command}\n")
        return "```console\n" + "\n".join(parts) + "```"

    text = _STATES.sub(lambda _: states_table(), _BLOCK.sub(block, text))
    return _FIELDS.sub(lambda _: fields_table(), text)


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
