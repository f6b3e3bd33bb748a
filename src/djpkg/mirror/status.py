"""How a mirror is: how full, how fresh, what was fetched last. Plain sqlite3, nothing heavy, no writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import MirrorError
from djpkg.mirror.fetch_history import find_sweep, get_quotas
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    import sqlite3

    from djpkg.model.fetch_state import QuotaRow, Sweep

# A sweep's worth of nights is in `runs`; of these the last few say how it goes.
RUNS_SHOWN = 5

# Listed packages and the facts of the place that each points to now.
_POINTED = {
    SourceName.CATALOG: ("1", "CAST(packages.id AS TEXT)"),
    SourceName.PYPI: ("packages.pypi_name IS NOT NULL", "packages.pypi_name"),
}


class Freshness(NamedTuple):
    """How far one source has told about the listed packages that concern it.

    `answered` counts those about which it ever did, `failed` those about which its last try failed; `newest` and
    `oldest` are the times of such answers (UTC texts). What a source said before djpkg asked has no time.
    """

    packages: int
    answered: int
    failed: int
    newest: str | None
    oldest: str | None


class Run(NamedTuple):
    """One fetch: when it began and ended (UTC texts), what was asked for, how it ended, and the causes of trouble.

    `finished` and `exit` are None for one that is still running, or was killed.
    """

    started: str
    finished: str | None
    asked: str
    exit: int | None
    causes: tuple[str, ...]


class Status(NamedTuple):
    """The whole of it. `overrides` are values, which lie over `edited` packages."""

    version: int
    listed: int
    removed: int
    edited: int
    overrides: int
    sources: dict[SourceName, Freshness]
    quotas: list[QuotaRow]
    sweeps: dict[SourceName, Sweep]
    runs: list[Run]


def get_status(db: sqlite3.Connection) -> Status:
    """What the mirror holds. MirrorError where it is damaged."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    states = dict(db.execute("SELECT catalog_state, count(*) FROM packages GROUP BY catalog_state").fetchall())
    edited, overrides = db.execute("SELECT count(DISTINCT package_id), count(*) FROM overrides").fetchone()
    return Status(
        version=version,
        listed=states.get("listed", 0),
        removed=states.get("removed", 0),
        edited=edited,
        overrides=overrides,
        sources={source: _freshness(db, source) for source in SourceName},
        quotas=get_quotas(db),
        sweeps={source: sweep for source in SourceName if (sweep := find_sweep(db, source)) is not None},
        runs=_runs(db),
    )


def _freshness(db: sqlite3.Connection, source: SourceName) -> Freshness:
    concerned, coordinate = _POINTED.get(source, (f"packages.forge = '{source.value}'", "packages.repository_key"))
    row = db.execute(
        "SELECT count(*), count(facts.answered), count(CASE facts.outcome WHEN 'failed' THEN 1 END),"
        " max(facts.answered), min(facts.answered) FROM packages LEFT JOIN facts"
        f" ON facts.package_id = packages.id AND facts.source = ? AND facts.coordinate = {coordinate}"
        f" WHERE packages.catalog_state = 'listed' AND {concerned}",
        (source.value,),
    ).fetchone()
    return Freshness(*row)


def _runs(db: sqlite3.Connection) -> list[Run]:
    rows = db.execute("SELECT started, finished, asked, exit, report FROM runs ORDER BY id DESC LIMIT ?", (RUNS_SHOWN,))
    return [Run(started, finished, asked, code, _causes(report)) for started, finished, asked, code, report in rows]


def _causes(report: str | None) -> tuple[str, ...]:
    """One line a cause of trouble, and one for what a quota put off, which is none where all were asked for."""
    told = json.loads(report) if report else {}
    causes, deferred = (told.get(name, []) if isinstance(told, dict) else [] for name in ("causes", "deferred"))
    if not isinstance(causes, list) or not isinstance(deferred, list):
        message = "the mirror is damaged: the report of a run is none"
        raise MirrorError(message)
    lines = [str(cause) for cause in causes]
    put_off = [_put_off(one) for one in deferred if isinstance(one, dict)]
    return (*lines, *(line for line in put_off if not any(line in cause for cause in lines)))


def _put_off(one: dict[str, object]) -> str:
    until = f", until {one['until']}" if one.get("until") else ""
    return f"{one.get('source')}: {one.get('packages')} put off{until}"
