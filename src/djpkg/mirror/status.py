"""The state of a mirror: counts, answers by source, quotas and the last fetches. Plain sqlite3, nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.damage import is_integer, text_or_none
from djpkg.mirror.fetch_history import find_sweep, get_quotas
from djpkg.mirror.removed_edits import RemovedEdits, find_removed_edits
from djpkg.source_name import SourceName
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3

    from djpkg.model.fetch_state import QuotaRow, Sweep

# Only the last of the stored runs are shown.
RUNS_SHOWN = 5

# Which packages a source has facts about, and their coordinate; all other sources are forges.
_CONDITIONS = {
    SourceName.CATALOG: ("1", "CAST(packages.id AS TEXT)"),
    SourceName.PYPI: ("packages.pypi_name IS NOT NULL", "packages.pypi_name"),
}

_ANSWERED = "CASE typeof(facts.answered) WHEN 'text' THEN facts.answered END"


class SourceStatus(NamedTuple):
    """Numbers of the listed packages of one source: all, those with an answer, and those whose last request failed.

    `newest` and `oldest` are the times of the answers (UTC texts).
    """

    packages: int
    answered: int
    failed: int
    newest: str | None
    oldest: str | None


class Run(NamedTuple):
    """One fetch: its start and end (UTC texts), arguments, exit code, and reasons of failures and deferrals.

    `finished` and `exit` are None while it runs, or if it was killed.
    """

    started: str
    finished: str | None
    asked: str
    exit: int | None
    causes: tuple[str, ...]


class Status(NamedTuple):
    """The state of a mirror. `overrides` counts overridden values, `edited` the packages that have some.

    `removed_edits` are those of removed packages whose slug another package has.
    """

    version: int
    listed: int
    removed: int
    edited: int
    overrides: int
    sources: dict[SourceName, SourceStatus]
    quotas: list[QuotaRow]
    sweeps: dict[SourceName, Sweep]
    runs: list[Run]
    removed_edits: list[RemovedEdits]


def get_status(db: sqlite3.Connection) -> Status:
    """Return the state of the mirror; damaged values count as unknown."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    states = dict(db.execute("SELECT catalog_state, count(*) FROM packages GROUP BY catalog_state").fetchall())
    edited, overrides = db.execute(
        # It replaces no upstream value.
        "SELECT count(DISTINCT package_id), count(*) FROM overrides WHERE field <> 'replaced_by'"
    ).fetchone()
    return Status(
        version=version,
        listed=states.get("listed", 0),
        removed=states.get("removed", 0),
        edited=edited,
        overrides=overrides,
        sources={source: _source_status(db, source) for source in SourceName},
        quotas=get_quotas(db),
        sweeps={source: sweep for source in SourceName if (sweep := find_sweep(db, source)) is not None},
        runs=_last_runs(db),
        removed_edits=find_removed_edits(db),
    )


def package_condition(source: SourceName) -> tuple[str, str]:
    """Return the SQL for whether a source has facts about a package, and for the coordinate of these facts."""
    return _CONDITIONS.get(source, (f"packages.forge = '{source.value}'", "packages.repository_key"))


def _source_status(db: sqlite3.Connection, source: SourceName) -> SourceStatus:
    condition, coordinate = package_condition(source)
    row = db.execute(
        "SELECT count(*), count(facts.answered), count(CASE facts.outcome WHEN 'failed' THEN 1 END),"
        f" max({_ANSWERED}), min({_ANSWERED}) FROM packages LEFT JOIN facts"
        f" ON facts.package_id = packages.id AND facts.source = ? AND facts.coordinate = {coordinate}"
        f" WHERE packages.catalog_state = 'listed' AND {condition}",
        (source.value,),
    ).fetchone()
    packages, answered, failed, newest, oldest = row
    return SourceStatus(packages, answered, failed, text_or_none(newest), text_or_none(oldest))


def _last_runs(db: sqlite3.Connection) -> list[Run]:
    rows = db.execute("SELECT started, finished, asked, exit, report FROM runs ORDER BY id DESC LIMIT ?", (RUNS_SHOWN,))
    return [
        Run(
            started if is_text(started) else "",
            text_or_none(finished),
            asked if is_text(asked) else "",
            code if is_integer(code) else None,
            _causes(report),
        )
        for started, finished, asked, code, report in rows
    ]


def _causes(text: object) -> tuple[str, ...]:
    """Return the causes of a run's report, then its deferrals that no cause names; a damaged report has none."""
    try:
        report = json.loads(text) if isinstance(text, str) else {}
    except (ValueError, RecursionError):
        report = {}
    causes, deferred = (report.get(name, []) if isinstance(report, dict) else [] for name in ("causes", "deferred"))
    if not isinstance(causes, list) or not isinstance(deferred, list):
        return ()
    lines = [str(cause) for cause in causes]
    deferrals = [_deferral(entry) for entry in deferred if isinstance(entry, dict)]
    return (*lines, *(deferral for deferral in deferrals if not any(deferral in line for line in lines)))


def _deferral(entry: dict[str, object]) -> str:
    until = f" until {entry['until']}" if entry.get("until") else ""
    packages = f"{entry['packages']} " if entry.get("packages") else ""
    return f"{entry.get('source')}: {packages}deferred{until}"
