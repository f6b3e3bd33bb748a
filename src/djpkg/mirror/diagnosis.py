"""What the checks of `djpkg doctor` conclude from what was read. Nothing here reads anything."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from djpkg.text import join_some, pluralize
from djpkg.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import TypeAlias

    from djpkg.mirror.damage import DamagedRow
    from djpkg.mirror.rebuild import SchemaObject

    Status: TypeAlias = Literal["ok", "warning", "fault"]

REBUILD = "djpkg doctor --rebuild"
_FETCH_AGAIN = "move the file aside and run djpkg fetch --all, which brings back all but your edits, notes and tags"
RESTORE = f"restore a backup, or {_FETCH_AGAIN}"
# WAL mode can damage a file from 3.7.0 to 3.51.2 (sqlite.org/wal.html).
WAL_SAFE = (3, 51, 3)
# A stored time may be that far ahead of the clock: clocks of several computers differ.
CLOCK_TOLERANCE = timedelta(minutes=10)
_NAMES_SHOWN = 10
# What SQLite reports about an index, and about a single value; all other lines are about the structure of the file.
_INDEX_LINE = re.compile(
    r"row \S+ missing from index|wrong # of entries in index|non-unique entry in index|row not in PRIMARY KEY order"
    r"|malformed inverted index|rowid not at end-of-record|index .* stores an imprecise"
)
_VALUE_LINE = re.compile(r"(?:non-\w+|NULL|TEXT|NUMERIC|REAL) value in |CHECK constraint failed in ")


class Finding(NamedTuple):
    """The result of a check: what was found, and what repairs it, if it is not ok."""

    status: Status
    message: str
    remedy: str | None = None


class Access(NamedTuple):
    """What the user may do with the file of the mirror; `mode` has its permission bits."""

    mode: int
    can_write: bool
    can_write_folder: bool
    names: int


def judge_sqlite(version: tuple[int, int, int], journal_mode: str) -> Finding:
    """Whether the SQLite of this Python has a fault that concerns the mirror."""
    name = ".".join(map(str, version))
    if journal_mode == "wal" and version < WAL_SAFE:
        return Finding(
            "warning",
            f"SQLite {name} has a rare fault in WAL mode, which can damage the mirror",
            'use SQLite 3.51.3 or newer, or switch back: sqlite3 MIRROR "PRAGMA journal_mode = DELETE"',
        )
    return Finding("ok", f"SQLite {name}, journal mode {journal_mode}")


def judge_access(access: Access, path: Path) -> Finding:
    """Whether the mirror can be written, and by whom."""
    if access.names > 1:
        return Finding(
            "fault",
            f"the file has {access.names} names (hard links), so djpkg does not write to it",
            f"copy it to a file of its own: djpkg backup FILE, then mv FILE {shlex.quote(str(path))}",
        )
    if not access.can_write or not access.can_write_folder:
        what = "its folder" if access.can_write else "the file"
        return Finding(
            "warning", f"no permission to write {what}: only reading works", "fetch and edit as the owner of the mirror"
        )
    mode = f"{access.mode & 0o777:03o}"
    if access.mode & 0o002:
        return Finding("warning", f"every user can write to it (mode {mode})", f"chmod o-w {shlex.quote(str(path))}")
    return Finding("ok", f"readable and writable, mode {mode}")


def judge_journals(before: Collection[str], after: Collection[str], *, journal_mode: str) -> Finding:
    """Whether files beside the mirror contain an unfinished write, from their names before and after it was opened."""
    if journal_mode != "wal" and (left := sorted(after)):
        return Finding(
            "warning",
            f"found {', '.join(left)}: another program is writing, or was killed and its write is unfinished",
            "run djpkg doctor again when no other program uses the mirror, as a user who can write to it",
        )
    if "-journal" in before:
        return Finding("ok", "the unfinished write of a killed program was rolled back")
    return Finding("ok", "no unfinished write")


def judge_integrity(lines: Sequence[str], path: Path) -> Finding:
    """What SQLite's own check of the file reports; values in rows have a check of their own."""
    structure = [line for line in lines if line != "ok" and not _VALUE_LINE.search(line)]
    pages = [line for line in structure if not _INDEX_LINE.search(line)]
    if pages:
        return Finding("fault", f"the file is damaged: {'; '.join(pages[:3])}", recover_remedy(path))
    if structure:
        return Finding("fault", f"indexes do not match their tables: {'; '.join(structure[:3])}", REBUILD)
    return Finding("ok", "SQLite finds no damage")


def recover_remedy(path: Path) -> str:
    """Return the commands for a file that SQLite cannot read. One that fails ends them: the mirror is replaced only by
    a file that is a mirror.
    """
    mirror = shlex.quote(str(path))
    recovered = shlex.quote(f"{path}.recovered")
    return (
        f"restore a backup; or: sqlite3 {mirror} .recover | sqlite3 {recovered}"
        f" && djpkg doctor --rebuild --db {recovered} && mv {recovered} {mirror}"
        f" ; if your sqlite3 is built without .recover (SQL logic error): {_FETCH_AGAIN}"
    )


def judge_foreign_keys(orphans: Mapping[str, int], user_tables: Collection[str]) -> list[Finding]:
    """Whether rows belong to packages that exist; `orphans` counts the others by table."""
    findings: list[Finding] = []
    theirs = {table: count for table, count in orphans.items() if table not in user_tables}
    if theirs:
        findings.append(Finding("fault", f"rows without their package or run: {_counts(theirs)}", REBUILD))
    yours = {table: count for table, count in orphans.items() if table in user_tables}
    if yours:
        findings.append(
            Finding(
                "warning",
                f"your values of packages that are not in the mirror: {_counts(yours)}; they are kept",
                "djpkg fetch --all applies them where the catalog lists the packages",
            )
        )
    return findings or [Finding("ok", "every row belongs to a package")]


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} in {table}" for table, count in sorted(rows.items()))


def judge_schema(expected: Mapping[str, SchemaObject], found: Mapping[str, SchemaObject]) -> list[Finding]:
    """Whether the tables, indexes and triggers are those of this version; further ones are the user's."""
    wrong = [one for one in expected.values() if one != found.get(one.name)]
    findings: list[Finding] = []
    if lost := [_describe(one, found) for one in wrong if not one.is_derived]:
        findings.append(Finding("fault", ", ".join(lost), RESTORE))
        if find_missing_tables(expected, found):  # a rebuild needs them all
            return findings
    if derived := [_describe(one, found) for one in wrong if one.is_derived]:
        findings.append(Finding("fault", ", ".join(derived), REBUILD))
    others = len(found.keys() - expected.keys())
    more = f", and {others} of your own" if others else ""
    return findings or [Finding("ok", f"all tables and indexes as expected{more}")]


def find_missing_tables(expected: Mapping[str, SchemaObject], found: Mapping[str, SchemaObject]) -> list[str]:
    """Return the tables that cannot be made anew without loss and are missing."""
    return [one.name for one in expected.values() if not one.is_derived and one.name not in found]


def _describe(one: SchemaObject, found: Mapping[str, SchemaObject]) -> str:
    return f"{one.type} {one.name} {'was changed' if one.name in found else 'is missing'}"


def judge_words(error: str | None) -> Finding:
    """Whether the index for words matches the table, from the error of SQLite's check."""
    if error is not None:
        return Finding("fault", f"searches for words are wrong: {error}", REBUILD)
    return Finding("ok", "the index for words matches the packages")


def judge_rows(packages: Sequence[DamagedRow], others: Mapping[str, int]) -> list[Finding]:
    """Whether all rows can be read: those of packages and their facts, and by table the number of others."""
    findings: list[Finding] = []
    if packages:
        names = [row.name for row in packages]
        shown = " ".join(names[:_NAMES_SHOWN]) if len(names) <= _NAMES_SHOWN else "--all"
        message = f"{pluralize(len(names), 'package')} with rows that cannot be read: {join_some(names, _NAMES_SHOWN)}"
        findings.append(Finding("fault", message, f"{REBUILD}, then djpkg fetch {shown}"))
    if others:
        remedy = f"{REBUILD} deletes what cannot be read; the next fetch writes what is still known"
        findings.append(Finding("fault", f"rows that cannot be read: {_counts(others)}", remedy))
    return findings or [Finding("ok", "all rows can be read")]


def judge_overrides(invalid: Mapping[str, str], valid: int) -> list[Finding]:
    """Whether the user's values apply; `invalid` has by package the reason and the command of `describe_invalid`."""
    findings = []
    for name, described in invalid.items():
        reason, _, remedy = described.partition("; ")
        findings.append(Finding("fault", f"{name}: {reason}", remedy))
    return findings or [Finding("ok", f"{pluralize(valid, 'value')} of yours, all valid" if valid else "no edits")]


def judge_values(
    different: Mapping[str, Sequence[str]], *, packages: int = 0, servers: Sequence[str] = ()
) -> list[Finding]:
    """Whether the effective values are those that follow from facts and edits; by package the fields that are not.

    The values of so many further `packages` follow from another DJPKG_FORGES, which differs in these `servers`.
    """
    findings: list[Finding] = []
    if different:
        named = [f"{name} ({', '.join(fields[:5])})" for name, fields in different.items()]
        count, shown = pluralize(len(named), "package"), join_some(named, _NAMES_SHOWN)
        findings.append(
            Finding(
                "fault",
                f"values of {count} do not follow from facts and edits: {shown}",
                REBUILD,
            )
        )
    if packages:
        count, shown = pluralize(packages, "package"), join_some(servers, _NAMES_SHOWN)
        findings.append(
            Finding(
                "warning",
                f"values of {count} follow from another DJPKG_FORGES: {shown}",
                "set DJPKG_FORGES as in the last fetch; or djpkg doctor --rebuild, which uses it as it is now",
            )
        )
    return findings or [Finding("ok", "all values follow from facts and edits")]


def judge_clock(stored: Mapping[str, str | None], *, now: datetime) -> Finding:
    """Whether the clock is behind times that djpkg itself stored; `stored` has the newest of each kind."""
    times = {name: time for name, text in stored.items() if (time := parse_time(text)) is not None}
    ahead = {name: time for name, time in times.items() if time - now > CLOCK_TOLERANCE}
    if ahead:
        name = max(ahead, key=lambda name: ahead[name])
        return Finding(
            "warning",
            f"the clock shows {format_time(now)}, but {name} is dated {format_time(ahead[name])}",
            "set the clock; if it was ahead before, the dates are right again after the next fetches",
        )
    return Finding("ok", f"the clock shows {format_time(now)}, later than all stored times")


def judge_tokens(origins: Mapping[str, str], errors: Sequence[str]) -> Finding:
    """Where the token of each source comes from; `errors` are about invalid ones."""
    if errors:
        return Finding("warning", "; ".join(errors), "set the variable again, or unset it")
    if not origins:
        return Finding(
            "ok", "no tokens; GitHub answers 60 requests an hour, unless GITHUB_TOKEN is set or gh logged in"
        )
    return Finding("ok", ", ".join(f"{source} from {origin}" for source, origin in origins.items()))
