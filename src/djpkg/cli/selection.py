"""The selection of a command, as typed: packages, terms and ``--in FILE``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from djpkg import config
from djpkg.cli import options, project_files, terminal
from djpkg.mirror import fetch_history
from djpkg.mirror.selection import Addresses, Selection, find_required, find_selected
from djpkg.model import forge_servers
from djpkg.query import parser
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from djpkg.cli.project_files import ProjectFiles
    from djpkg.requirements.requirement import Requirement


def parse_selection(
    arguments: Sequence[str] | None, manifests: Sequence[str] | None
) -> tuple[Selection, ProjectFiles | None]:
    """Return the selection, and the project files in it if any. UsageError for an invalid term, name or file."""
    query = parser.parse_query(typed_terms(arguments), now=options.now(), words=False)
    files = project_files.read_project_files(manifests) if manifests else None
    packages = tuple(argument for argument in arguments or () if not parser.is_term(argument))
    for package in packages:
        options.check_package_name(package)
    return Selection(packages, None if files is None else files.requirements, query), files


def typed_terms(arguments: Sequence[str] | None) -> tuple[str, ...]:
    """Return the arguments that are terms; all others are packages."""
    return tuple(argument for argument in arguments or () if parser.is_term(argument))


def addresses() -> Addresses:
    """Return the addresses that the environment configures."""
    return Addresses(config.catalog_url(os.environ), forge_servers.forge_servers(os.environ))


def find_ids(mirror: sqlite3.Connection, selection: Selection) -> list[int]:
    """Return the ids of the selected packages; see `find_selected`."""
    return find_selected(mirror, selection, addresses(), now=options.now())


def report_hidden(mirror: sqlite3.Connection, selection: Selection, *, shown: int) -> None:
    """Report on stderr, if it is a terminal, how many packages the term `is:active` hides."""
    active = parser.without_active(selection.query) if terminal.stderr_is_terminal() else None
    if active is not None:
        query, term = active
        hidden = len(find_ids(mirror, selection._replace(query=query))) - shown
        if hidden > 0:
            terminal.flush()
            terminal.write_stderr(f"{hidden:,} hidden by {term}")


def report(mirror: sqlite3.Connection, files: ProjectFiles, *, quiet: bool = False) -> None:
    """Report on stderr how the files were read, and how many requirements the mirror lacks; `quiet`: only trouble."""
    project_files.report_files(files._replace(read=()) if quiet else files)
    if not quiet:
        report_unlisted(mirror, files.requirements)


def find_unlisted(mirror: sqlite3.Connection, requirements: Sequence[Requirement]) -> list[str]:
    """Return the names of the requirements that are not in the mirror."""
    return find_required(mirror, requirements, addresses())[1]


def report_unlisted(mirror: sqlite3.Connection, requirements: Sequence[Requirement]) -> None:
    """Count on stderr the requirements that are not in the mirror.

    Only after a fetch has read the whole catalog, such a package is known not to be listed.
    """
    unknown = find_unlisted(mirror, requirements)
    if not unknown:
        return
    required = "1 dependency" if len(requirements) == 1 else f"{len(requirements):,} dependencies"
    verb = "is" if len(unknown) == 1 else "are"
    swept = fetch_history.find_sweep(mirror, SourceName.CATALOG) is not None
    where = "listed on Django Packages" if swept else "in the mirror"
    terminal.write_note(
        f"{len(unknown):,} of {required} {verb} not {where}; djpkg list --in FILE --unlisted names them"
    )
