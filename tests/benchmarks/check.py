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
    """Measure `check` of a requirements file, as text and as JSON."""
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
    yield compare_with_bare(session, "check", commands, target="2.0")


def write_requirements(mirror: Path, path: Path) -> Path:
    """Write a file with requirements of every form: pins of every age, ranges, markers and bare names."""
    with open_read(mirror) as db:
        projects = db.execute(
            "SELECT pypi_name, (SELECT json_group_array(version) FROM releases WHERE package_id = packages.id)"
            " FROM packages WHERE pypi_state = 'ok' AND catalog_state = 'listed' GROUP BY pypi_name ORDER BY pypi_name"
        ).fetchall()
    rng = random.Random(300)  # noqa: S311 - not a secret
    lines = []
    for name, versions in rng.sample(projects, min(REQUIREMENTS, len(projects))):
        lines.append(rng.choice(_FORMS).format(name, rng.choice(json.loads(versions) or ["1.0"])))
    path.write_text("\n".join(["Django==5.2.8", *lines]) + "\n", encoding="utf-8")
    return path
