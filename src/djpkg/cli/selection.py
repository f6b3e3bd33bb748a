"""``--in FILE``: the packages of the mirror that a project requires."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from djpkg import config
from djpkg.cli import terminal
from djpkg.mirror import fetch_history, resolve
from djpkg.model import forge_servers
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from djpkg.cli.project_files import ProjectFiles
    from djpkg.requirements.requirement import Requirement


def find_required_packages(
    mirror: sqlite3.Connection, requirements: Sequence[Requirement]
) -> tuple[tuple[int, ...], str]:
    """Return the ids of the packages that the requirements name, and a message about the others, "" if there are none.

    Only after a fetch has read the whole catalog, a package that is not in the mirror is known not to be listed.
    """
    catalog, forges = config.catalog_url(os.environ), forge_servers.forge_servers(os.environ)
    found = {
        required.name: resolve.find_by_project(mirror, required.name, required.url, catalog=catalog, forges=forges)
        for required in requirements
    }
    ids = tuple(dict.fromkeys(number for numbers in found.values() for number in numbers))
    unknown = [name for name, numbers in found.items() if not numbers]
    if not unknown:
        return ids, ""
    required = "1 dependency" if len(requirements) == 1 else f"{len(requirements):,} dependencies"
    verb = "is" if len(unknown) == 1 else "are"
    swept = fetch_history.find_sweep(mirror, SourceName.CATALOG) is not None
    where = "listed on Django Packages" if swept else "in the mirror"
    return ids, f"{len(unknown):,} of {required} {verb} not {where}: {', '.join(unknown)}"


def find_and_report(mirror: sqlite3.Connection, files: ProjectFiles) -> tuple[int, ...]:
    """Return the ids of the required packages; report on stderr the others and how the files were read."""
    report_files(files)
    ids, unknown = find_required_packages(mirror, files.requirements)
    if unknown:
        terminal.write_stderr(unknown)
    return ids


def report_files(files: ProjectFiles) -> None:
    """Print on stderr which files of a folder were read, and what was not."""
    if files.read:
        terminal.write_stderr(f"read {', '.join(files.read)}")
    for note in files.notes:
        terminal.write_stderr(note)
