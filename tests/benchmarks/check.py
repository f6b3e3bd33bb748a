"""The time to check 300 requirements, compared with a minimal Typer program."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from djpkg.mirror.connection import open_read
from tests.benchmarks.processes import Command
from tests.benchmarks.start import BARE, compare_with_bare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.benchmarks.session import Session
    from tests.benchmarks.tables import Table

REQUIREMENTS = 300
LOCKED = (150, 300)
# The launcher expects programs that succeed.
_OPTIONS = ("--fail-on", "none")
_FORMS = (
    "{0}=={1}",
    "{0}=={1}",
    "{0}=={1}",
    "{0}>={1}",
    "{0}>={1},<99",
    "{0}~={1}",
    "{0}",
    '{0}=={1} ; python_version >= "3.9"',
)


def tables(session: Session) -> Iterator[Table]:
    """Measure `check` of a requirements file, as text and as JSON, and of lock files."""
    mirror = session.mirror(session.packages)
    file = write_requirements(mirror, session.folder / "requirements.txt")
    variables = {"DJPKG_DB": str(mirror)}
    check = [session.djpkg, "check", str(file), *_OPTIONS]
    commands = {
        BARE: Command([session.bare, "django-todo"]),
        f"check, {REQUIREMENTS} of {session.packages:,}": Command(
            [session.djpkg, "check", str(file), *_OPTIONS], variables
        ),
        "check --json": Command([*check, "--json"], variables),
    }
    for number in LOCKED:
        lock = write_lock(mirror, session.folder / f"lock-{number}" / "uv.lock", number)
        commands[f"check, uv.lock of {number}"] = Command([session.djpkg, "check", str(lock), *_OPTIONS], variables)
    yield compare_with_bare(session, "check", commands, target="2.0")


def write_requirements(mirror: Path, path: Path) -> Path:
    """Write a file with requirements of every form: pins of every age, ranges, markers and bare names."""
    projects = _find_projects(mirror)
    rng = random.Random(300)  # noqa: S311 - not a secret
    lines = []
    for name, versions in rng.sample(projects, min(REQUIREMENTS, len(projects))):
        lines.append(rng.choice(_FORMS).format(name, rng.choice(json.loads(versions) or ["1.0"])))
    path.write_text("\n".join(["Django==5.2.8", *lines]) + "\n", encoding="utf-8")
    return path


def write_lock(mirror: Path, path: Path, number: int) -> Path:
    """Write a uv.lock as uv does: the project, which requires every third package, and pins with five files each."""
    projects = _find_projects(mirror)
    rng = random.Random(number)  # noqa: S311 - not a secret
    chosen = rng.sample(projects, min(number, len(projects)))
    names = [name for name, _ in chosen]
    lines = ["version = 1", "revision = 3", 'requires-python = ">=3.12"']
    lines += ["", "[[package]]", 'name = "shop"', 'version = "0.1"', 'source = { virtual = "." }', *_needs(names[::3])]
    for place, (name, versions) in enumerate(chosen):
        lines += ["", "[[package]]", f'name = "{name}"', f'version = "{rng.choice(json.loads(versions) or ["1.0"])}"']
        lines += ['source = { registry = "https://index.example.org/simple" }', *_needs(names[place + 1 : place + 3])]
        lines += [f"sdist = {_file(name, 'tar.gz')}", "wheels = ["]
        lines += [*(f"    {_file(name, f'{wheel}.whl')}," for wheel in range(4)), "]"]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _needs(names: list[str]) -> list[str]:
    return ["dependencies = [", *(f'    {{ name = "{name}" }},' for name in names), "]"] if names else []


def _file(name: str, suffix: str) -> str:
    url = f"https://files.example.org/packages/{name}.{suffix}"
    return f'{{ url = "{url}", hash = "sha256:{"0f" * 32}", size = 12345, upload-time = "2026-01-02T03:04:05Z" }}'


def _find_projects(mirror: Path) -> list[tuple[str, str]]:
    """Return the listed projects with their versions as JSON."""
    with open_read(mirror) as db:
        return db.execute(
            "SELECT pypi_name, (SELECT json_group_array(version) FROM releases WHERE package_id = packages.id)"
            " FROM packages WHERE pypi_state = 'ok' AND catalog_state = 'listed' GROUP BY pypi_name ORDER BY pypi_name"
        ).fetchall()
