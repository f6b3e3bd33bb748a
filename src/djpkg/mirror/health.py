"""The checks of `djpkg doctor`: each is a function that reads, and an entry in one of two lists.

What they conclude is in `diagnosis`. The file is copied into memory first, so that all checks see one moment, and may
write: the copy is discarded.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from djpkg import credentials
from djpkg.errors import ConfigError, MirrorBusy, MirrorDamaged, MirrorError, MirrorMissing
from djpkg.mirror import diagnosis, files, schema
from djpkg.mirror.columns import find_columns
from djpkg.mirror.connection import copy_database, open_as_stored
from djpkg.mirror.damage import find_damaged, find_name, is_integer
from djpkg.mirror.diagnosis import Access, Finding
from djpkg.mirror.overrides import describe_invalid, read_overrides
from djpkg.mirror.rebuild import USER_TABLES, expected_schema, read_schema, rewrite
from djpkg.mirror.repair import find_damaged_projects, reset_damaged_rows
from djpkg.model import forge_servers
from djpkg.model.repository_url import PUBLIC_FORGES
from djpkg.source_name import SourceName
from djpkg.text import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import TypeAlias

    Check: TypeAlias = "Callable[[Mirror], Finding | list[Finding]]"

# Lines of SQLite's check; more of them say nothing new.
_MAX_LINES = 100
_JOURNALS = ("-journal", "-wal", "-shm")
# Rows that have checks of their own, or, for runs and names, are read without harm.
_CHECKED_ELSEWHERE = ("packages", "facts", "packages_fts", *USER_TABLES)
# The times that djpkg itself stored, by table. Other columns have times that sources state, or times still to come.
_STORED_TIMES = (
    ("an answer of a source", "facts", ("asked", "answered", "via")),
    ("an answer about Django", "projects", ("asked", "answered")),
    ("the list of a source", "sweeps", ("completed",)),
    ("a fetch", "runs", ("started", "finished")),
    ("a snapshot", "snapshots", ("made", "taken")),
    ("an event", "events", ("at",)),
    ("the history", "history", ("day",)),
    ("a requirement", "requirements", ("since", "until")),
    ("an edit", "overrides", ("edited",)),
    ("a note", "notes", ("edited",)),
    ("a tag", "tags", ("edited",)),
)


class Result(NamedTuple):
    """A finding, and the name of its check."""

    name: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Mirror:
    """What the checks examine. `db` is a copy in memory, in the newest version and without checks of foreign keys."""

    path: Path
    db: sqlite3.Connection
    environment: Mapping[str, str]
    now: datetime
    version: int
    journal_mode: str
    journals: frozenset[str]


def examine(
    path: Path, environment: Mapping[str, str], *, now: datetime, on_start: Callable[[str], None] | None = None
) -> list[Result]:
    """Run all checks on the mirror at `path`. Those that need it are left out if it is missing or cannot be read, and
    those that need its tables if one is missing.

    `on_start` is called with the name of each check before it runs. Raises MirrorBusy while another program locks the
    mirror.
    """
    results: list[Result] = []
    try:
        with _open(path, environment, now) as mirror:
            checks = CHECKS if _has_all_tables(mirror) else {name: CHECKS[name] for name in _WITHOUT_TABLES}
            for name, check in checks.items():
                if on_start is not None:
                    on_start(name)
                results += _run(name, check, mirror)
    except MirrorMissing as error:
        results.append(Result("mirror", Finding("warning", str(error), error.hint)))
    except MirrorBusy:
        raise
    except MirrorError as error:
        remedy = diagnosis.recover_remedy(path) if _is_damaged(error, path) else error.hint or files.OTHER_FILE
        results.append(Result("mirror", Finding("fault", str(error), remedy)))
    results.append(Result("tokens", _check_tokens(environment)))
    return results


@contextmanager
def _open(path: Path, environment: Mapping[str, str], now: datetime) -> Iterator[Mirror]:
    journals = _find_journals(path)
    with ExitStack() as stack:
        with open_as_stored(path) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            (journal_mode,) = db.execute("PRAGMA journal_mode").fetchone()
            copy = stack.enter_context(closing(copy_database(db)))
            if version < schema.VERSION:
                schema.migrate(copy)
        yield Mirror(path, copy, environment, now, version, journal_mode, journals)


def _run(name: str, check: Check, mirror: Mirror) -> Iterator[Result]:
    """Run a check, which may write, and undo what it wrote."""
    mirror.db.execute("BEGIN")
    try:
        found = check(mirror)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # damage that another check reports too
        is_column = str(error).startswith("no such column")
        remedy = diagnosis.RESTORE if is_column else diagnosis.recover_remedy(mirror.path)
        found = Finding("fault", f"cannot be read: {error}", remedy)
    finally:
        if mirror.db.in_transaction:
            mirror.db.execute("ROLLBACK")
    for finding in found if isinstance(found, list) else [found]:
        yield Result(name, finding)


def _is_damaged(error: MirrorError, path: Path) -> bool:
    """Return whether SQLite cannot read a file that begins as one of its own."""
    if not isinstance(error.__cause__, sqlite3.DatabaseError):
        return isinstance(error, MirrorDamaged)
    code = getattr(error.__cause__, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR):
        return False
    with path.open("rb") as opened:
        return opened.read(len(files.SQLITE_HEADER)) == files.SQLITE_HEADER


def _has_all_tables(mirror: Mirror) -> bool:
    try:
        return not diagnosis.find_missing_tables(expected_schema(), read_schema(mirror.db))
    except (sqlite3.DatabaseError, UnicodeDecodeError):  # each check reports the damage
        return True


def _check_version(mirror: Mirror) -> Finding:
    (packages,) = mirror.db.execute("SELECT count(*) FROM packages").fetchone()
    about = f"{mirror.path}, {packages:,} packages, format {mirror.version}"
    if mirror.version < schema.VERSION:
        return Finding("warning", f"{about}, older than this djpkg's {schema.VERSION}", "djpkg fetch upgrades it")
    return Finding("ok", about)


def _check_sqlite(mirror: Mirror) -> Finding:
    major, minor, patch = sqlite3.sqlite_version_info[:3]
    return diagnosis.judge_sqlite((major, minor, patch), mirror.journal_mode)


def _check_access(mirror: Mirror) -> Finding:
    status = mirror.path.stat()
    folder = files.real_path(mirror.path).parent
    access = Access(status.st_mode, os.access(mirror.path, os.W_OK), os.access(folder, os.W_OK), status.st_nlink)
    return diagnosis.judge_access(access, mirror.path)


def _check_journals(mirror: Mirror) -> Finding:
    return diagnosis.judge_journals(mirror.journals, _find_journals(mirror.path), journal_mode=mirror.journal_mode)


def _find_journals(path: Path) -> frozenset[str]:
    return frozenset(suffix for suffix in _JOURNALS if os.path.lexists(files.real_path(path, suffix)))


def _check_integrity(mirror: Mirror) -> Finding:
    lines = [str(line) for (line,) in mirror.db.execute(f"PRAGMA integrity_check({_MAX_LINES})")]
    return diagnosis.judge_integrity(lines, mirror.path)


def _check_foreign_keys(mirror: Mirror) -> list[Finding]:
    counts = mirror.db.execute('SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY 1').fetchall()
    own = expected_schema()
    return diagnosis.judge_foreign_keys({table: count for table, count in counts if table in own}, USER_TABLES)


def _check_schema(mirror: Mirror) -> list[Finding]:
    return diagnosis.judge_schema(expected_schema(), read_schema(mirror.db))


def _check_words(mirror: Mirror) -> Finding:
    try:
        mirror.db.execute("INSERT INTO packages_fts (packages_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        return diagnosis.judge_words(str(error))
    return diagnosis.judge_words(None)


def _check_rows(mirror: Mirror) -> list[Finding]:
    others: dict[str, int] = {}
    for table in (one.name for one in expected_schema().values() if one.type == "table"):
        checks = [column.type_check for column in find_columns(mirror.db, table)]
        if checks and table not in _CHECKED_ELSEWHERE:
            (count,) = mirror.db.execute(f"SELECT count(*) FROM {table} WHERE {' OR '.join(checks)}").fetchone()
            others |= {table: count} if count else {}
    if projects := find_damaged_projects(mirror.db):
        others["projects"] = others.get("projects", 0) + len(projects)
    damaged = sorted(reset_damaged_rows(mirror.db, None))
    return diagnosis.judge_rows([find_damaged(mirror.db, number, "") for number in damaged], others)


def _check_overrides(mirror: Mirror) -> list[Finding]:
    numbers = [number for (number,) in mirror.db.execute("SELECT id FROM packages")]
    values = read_overrides(mirror.db, numbers)
    names = {number: find_name(mirror.db, number) for number, one in values.items() if one.invalid}
    invalid = {name: describe_invalid(name, values[number].invalid) for number, name in names.items()}
    return diagnosis.judge_overrides(invalid, sum(len(one.values) for one in values.values()))


def _check_values(mirror: Mirror) -> list[Finding]:
    """Rebuild the copy, and compare; rows that cannot be read have a check of their own."""
    db = mirror.db
    db.execute("CREATE TEMP TABLE before AS SELECT * FROM main.packages")
    db.execute("CREATE TEMP TABLE grids_before AS SELECT * FROM main.package_grids")
    forges = forge_servers.forge_servers(mirror.environment)
    different, unreadable = _rewrite_and_compare(db, forges)
    stored = _stored_forges(db, [number for number, fields in different.items() if "forge" in fields], forges)
    others: dict[int, list[str]] = {}
    if stored != forges:
        others = different
        again, _ = _rewrite_and_compare(db, stored)
        different = {number: fields for number, fields in again.items() if number not in unreadable}
    names = {find_name(db, number): fields for number, fields in sorted(different.items())}
    servers = sorted(host for host in stored.keys() | forges.keys() if stored.get(host) != forges.get(host))
    return diagnosis.judge_values(names, packages=len(others.keys() - different.keys()), servers=servers)


def _rewrite_and_compare(
    db: sqlite3.Connection, forges: Mapping[str, SourceName]
) -> tuple[dict[int, list[str]], set[int]]:
    """Rebuild with these servers of DJPKG_FORGES.

    Returns by package the fields that are not as before, and the packages with rows that could not be read.
    """
    _, damaged, unreadable = rewrite(db, forges=forges)
    different: dict[int, list[str]] = {}
    for column in find_columns(db, "packages"):
        for (number,) in db.execute(
            f"SELECT id FROM main.packages AS new JOIN temp.before AS old USING (id) WHERE new.{column.sql}"
            f" IS NOT old.{column.sql}"
        ):
            different.setdefault(number, []).append(column.name)
    for (number,) in db.execute(
        "SELECT package_id FROM (SELECT * FROM main.package_grids EXCEPT SELECT * FROM temp.grids_before)"
        " UNION SELECT package_id FROM (SELECT * FROM temp.grids_before EXCEPT SELECT * FROM main.package_grids)"
    ):
        if is_integer(number):
            different.setdefault(number, []).append("grids")
    left_out = unreadable | damaged.keys()
    return {number: fields for number, fields in different.items() if number not in left_out}, unreadable


def _stored_forges(
    db: sqlite3.Connection, packages: Iterable[int], forges: Mapping[str, SourceName]
) -> dict[str, SourceName]:
    """Return the servers with which the stored forges of these packages would follow from their addresses."""
    stored = dict(forges)
    for number in packages:
        url, forge = db.execute("SELECT repo_url, forge FROM temp.before WHERE id = ?", (number,)).fetchone()
        host = _find_host(url) if is_text(url) else None
        if host is None or host.removeprefix("www.") in PUBLIC_FORGES:
            continue
        if forge is None:
            stored.pop(host, None)
        elif forge in tuple(SourceName):
            stored[host] = SourceName(forge)
    return stored


def _find_host(url: str) -> str | None:
    """Return the host and port in the address of a repository, None for an invalid one."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower() or None
    except ValueError:
        return None


def _check_clock(mirror: Mirror) -> Finding:
    stored: dict[str, str] = {}
    for name, table, columns in _STORED_TIMES:
        for column in columns:
            # Anything else would come after all times.
            is_time = f"typeof({column}) = 'text' AND {column} GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]*'"
            (time,) = mirror.db.execute(f"SELECT max({column}) FROM {table} WHERE {is_time}").fetchone()
            if is_text(time):
                stored[name] = max(time, stored.get(name, ""))
    return diagnosis.judge_clock(stored, now=mirror.now)


def _check_tokens(environment: Mapping[str, str]) -> Finding:
    """Find tokens as a fetch would, but start no program."""
    origins: dict[str, str] = {}
    errors: list[str] = []
    for source in SourceName:
        try:
            if (origin := credentials.find_origin(source, environment)) is not None:
                origins[source.value] = "gh, asked when fetching" if origin == credentials.GH else origin
        except ConfigError as error:
            errors.append(str(error))
    return diagnosis.judge_tokens(origins, errors)


CHECKS: dict[str, Check] = {
    "mirror": _check_version,
    "sqlite": _check_sqlite,
    "permissions": _check_access,
    "journals": _check_journals,
    "integrity": _check_integrity,
    "schema": _check_schema,
    "foreign keys": _check_foreign_keys,
    "words": _check_words,
    "rows": _check_rows,
    "edits": _check_overrides,
    "values": _check_values,
    "clock": _check_clock,
}
"""The checks of a mirror that can be opened, in the order of the report."""
_WITHOUT_TABLES = ("sqlite", "permissions", "journals", "integrity", "schema")


def has_fault(results: Iterable[Result]) -> bool:
    """Return whether a check found a fault."""
    return any(result.finding.status == "fault" for result in results)
