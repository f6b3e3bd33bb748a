"""``djpkg status``: how the mirror is, where it is, and what fetches may use."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg import config, credentials
from djpkg.cli import options, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.errors import ConfigError, MirrorMissing
from djpkg.mirror.connection import open_read
from djpkg.mirror.status import Freshness, Status, get_status
from djpkg.render import relative_time
from djpkg.render.delimited import tsv_line
from djpkg.source_name import SourceName
from djpkg.text import pluralize
from djpkg.times import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import TypeAlias

    from djpkg.mirror.status import Run
    from djpkg.model.fetch_state import QuotaRow

    Told: TypeAlias = "bool | int | str | dict[str, Told] | list[Told] | None"

SCHEMA = 1
GH = "gh"
_NOTHING = Status(
    version=0,
    listed=0,
    removed=0,
    edited=0,
    overrides=0,
    sources={source: Freshness(0, 0, 0, None, None) for source in SourceName},
    quotas=[],
    sweeps={},
    runs=[],
)

app = options.new_app()


@app.command(
    epilog=options.examples(
        "djpkg status",
        "djpkg status | grep ^sources.github",
        "djpkg status --json | jq '.runs[0].exit'",
        more="Into a pipe: name and value, one a line, named as in the JSON. Where there is no mirror yet, all is 0 or"
        " empty, which is no error.",
    )
)
def status(*, as_json: AsJson = False, db: Db = None) -> None:
    """Say how the mirror is.

    How many packages it holds, how fresh they are by source, how the last fetches ended, what quotas are left, and
    where tokens come from.
    """
    path = config.mirror_path(os.environ, db)
    try:
        with open_read(path) as mirror:
            found = get_status(mirror)
        size: int | None = path.stat().st_size
    except MirrorMissing:
        found, size = _NOTHING, None
    tokens = {source: _token_origin(source, os.environ) for source in SourceName}
    if as_json:
        terminal.write_stdout(json.dumps(_told(path, size, found, tokens), indent=4) + "\n")
    elif not terminal.is_terminal():
        for name, value in _flat(_told(path, size, found, tokens)):
            terminal.write_stdout(tsv_line([name, value]))
    else:
        _draw(list(_lines(path, size, found, tokens, now=options.now())))


def _token_origin(source: SourceName, environment: Mapping[str, str]) -> str | None:
    """The variable that holds the token for a source, or ``gh``; None where requests carry none. Never the token."""
    try:
        if token := credentials.token_from_environment(source, environment):
            return token.origin
        return GH if source is SourceName.GITHUB and credentials.ask_gh(environment) else None
    except ConfigError as error:
        terminal.write_stderr(f"djpkg: {error}")
        return None


def _told(path: Path, size: int | None, found: Status, tokens: Mapping[SourceName, str | None]) -> dict[str, Told]:
    """The object that ``--json`` prints; its keys are the same whatever there is."""
    return {
        "schema": SCHEMA,
        "mirror": {
            "path": str(path),
            "exists": size is not None,
            "bytes": size,
            "version": found.version if size is not None else None,
        },
        "packages": {"listed": found.listed, "removed": found.removed, "edited": found.edited},
        "overrides": found.overrides,
        "sources": {
            source.value: {**fresh._asdict(), "swept": _swept(found, source), "token": tokens[source]}
            for source, fresh in found.sources.items()
        },
        "quotas": [
            {
                "source": row.source,
                "pool": row.pool,
                "limit": row.limit,
                "remaining": row.remaining,
                "reset": stamp(row.reset) if row.reset else None,
                "not_before": stamp(row.not_before) if row.not_before else None,
            }
            for row in found.quotas
        ],
        "runs": [{**run._asdict(), "causes": list(run.causes)} for run in found.runs],
    }


def _swept(found: Status, source: SourceName) -> Told:
    """The last complete reading of the source's whole list."""
    sweep = found.sweeps.get(source)
    return {"completed": stamp(sweep.completed), "packages": sweep.packages} if sweep is not None else None


def _flat(told: Told, name: str = "") -> Iterator[tuple[str, bool | int | str | None]]:
    """``{"runs": [{"exit": 0}]}`` -> ``("runs.1.exit", 0)``."""
    if isinstance(told, dict):
        for key, value in told.items():
            yield from _flat(value, f"{name}.{key}" if name else key)
    elif isinstance(told, list):
        for place, value in enumerate(told, start=1):
            yield from _flat(value, f"{name}.{place}")
    else:
        yield name, told


# For people.


def _lines(
    path: Path, size: int | None, found: Status, tokens: Mapping[SourceName, str | None], *, now: datetime
) -> Iterator[tuple[str, str]]:
    """Labels and what is to be said under each."""
    if size is None:
        yield "mirror", f"none yet at {path}; djpkg fetch --all makes it"
    else:
        yield "mirror", f"{path}, {_size(size)}, format {found.version}"
        removed = f", {found.removed:,} removed from the directory" if found.removed else ""
        yield "packages", f"{found.listed:,} listed{removed}"
        if found.overrides:
            yield "edits", f"{pluralize(found.overrides, 'value')} in {pluralize(found.edited, 'package')}"
        for source, fresh in found.sources.items():
            if fresh.packages:
                yield source.value, _freshness(fresh, now=now)
        for name, sweep in found.sweeps.items():
            yield (
                "swept",
                f"{name.value} {relative_time.relative(stamp(sweep.completed), now=now)}, {sweep.packages:,} listed",
            )
    known = [f"{source.value} from {origin}" for source, origin in tokens.items() if origin]
    yield "tokens", ", ".join(known) or "none; set GH_TOKEN, or log in with gh, to refresh from GitHub in bulk"
    yield from _labelled("quota", [_quota(row, now=now) for row in found.quotas])
    yield from _labelled("fetches", [_run(run, now=now) for run in found.runs])


def _labelled(label: str, texts: list[str]) -> Iterator[tuple[str, str]]:
    for place, text in enumerate(texts):
        yield ("" if place else label), text


def _freshness(fresh: Freshness, *, now: datetime) -> str:
    said = f"{fresh.answered:,} of {fresh.packages:,} answered"
    if fresh.newest:
        ages = [relative_time.relative(fresh.newest, now=now), relative_time.relative(fresh.oldest, now=now)]
        said += f", {' to '.join(dict.fromkeys(ages))}"
    return f"{said}, {fresh.failed:,} failed" if fresh.failed else said


def _quota(row: QuotaRow, *, now: datetime) -> str:
    name = f"{row.source} {row.pool}".strip()
    left = "unknown" if row.remaining is None else f"{row.remaining:,}"
    said = f"{name}: {left} left" if row.limit is None else f"{name}: {left} of {row.limit:,} left"
    if row.reset is not None and row.reset > now:
        soon = row.reset - now < timedelta(minutes=1)  # "just now" would speak of the past as well
        said += f", resets {'in under a minute' if soon else relative_time.relative(stamp(row.reset), now=now)}"
    if row.not_before is not None and row.not_before > now:
        said += f", not to be asked before {stamp(row.not_before)}"
    return said


def _run(run: Run, *, now: datetime) -> str:
    ended = "not finished" if run.finished is None else f"exit {run.exit}"
    causes = f" ({'; '.join(run.causes)})" if run.causes else ""
    return f"{relative_time.relative(run.started, now=now)}: {run.asked}, {ended}{causes}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:  # noqa: PLR2004 - kilo
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _draw(lines: list[tuple[str, str]]) -> None:
    from djpkg.cli import screen  # noqa: PLC0415 - rich is for terminals
    from djpkg.render.small_tables import status_table

    screen.draw(status_table(lines, width=terminal.width(), ascii_only=screen.ascii_only()))
