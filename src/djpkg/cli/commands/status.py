"""``djpkg status``: the state of the mirror, its path, and the quotas and tokens of fetches."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg import config, credentials
from djpkg.cli import options, output, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.cli.suggested_command import add_db_option, describe_removed_edits
from djpkg.errors import ConfigError, MirrorMissing
from djpkg.mirror.connection import open_read
from djpkg.mirror.files import CREATING
from djpkg.mirror.status import SourceStatus, Status, get_status
from djpkg.model import forge_servers
from djpkg.render import relative_time
from djpkg.render.rows import RowList
from djpkg.source_name import SourceName
from djpkg.text import pluralize
from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import TypeAlias

    from djpkg.mirror.status import Run
    from djpkg.model.fetch_state import QuotaRow

    Json: TypeAlias = "bool | int | str | dict[str, Json] | list[Json] | None"

SCHEMA = 1
_NO_MIRROR = Status(
    version=0,
    listed=0,
    removed=0,
    edited=0,
    overrides=0,
    sources={source: SourceStatus(0, 0, 0, None, None) for source in SourceName},
    quotas=[],
    sweeps={},
    runs=[],
    removed_edits=[],
)

app = options.new_app()


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg status",
        "djpkg status | grep ^sources.github",
        "djpkg status --json | jq '.runs[0].exit'",
        more="A pipe gets one name and value per line, named as in the JSON. Without a mirror, all values are 0 or"
        " empty, and the exit code is 0.",
    ),
)
def status(*, as_json: AsJson = False, db: Db = None) -> None:
    """Show the state of the mirror.

    The number of packages, the age of the answers of each source, the last fetches, the remaining quotas, and the
    origins of tokens.
    """
    path = config.mirror_path(os.environ, db)
    forge_servers.forge_servers(os.environ)  # raises ConfigError
    try:
        with open_read(path) as mirror:
            state = get_status(mirror)
        size: int | None = path.stat().st_size
    except MirrorMissing:
        state, size = _NO_MIRROR, None
    tokens = {source: _token_origin(source, os.environ) for source in SourceName}
    if as_json:
        output.write_object(_to_json(path, size, state, tokens))
    elif not terminal.is_terminal():
        values = list(_flatten(_to_json(path, size, state, tokens)))
        output.write_rows(RowList(("name", "value"), values), "plain")
    else:
        from djpkg.render.small_tables import status_table

        lines = list(_lines(path, size, state, tokens, db, now=options.now()))
        terminal.print_renderable(status_table(lines, width=terminal.width(), ascii_only=terminal.ascii_only()))


def _token_origin(source: SourceName, environment: Mapping[str, str]) -> str | None:
    """Return the origin of the token of a source; None without a token, and for an invalid one with a message."""
    try:
        return credentials.find_origin(source, environment)
    except ConfigError as error:
        terminal.write_stderr(f"djpkg: {error}")
        return None


def _to_json(path: Path, size: int | None, state: Status, tokens: Mapping[SourceName, str | None]) -> dict[str, Json]:
    """Return the object of ``--json``. Its keys never depend on the values. `size` is None without a mirror."""
    return {
        "schema": SCHEMA,
        "mirror": {
            "path": str(path),
            "exists": size is not None,
            "bytes": size,
            "version": state.version if size is not None else None,
        },
        "packages": {"listed": state.listed, "removed": state.removed, "edited": state.edited},
        "overrides": state.overrides,
        "removed_edits": [
            {"slug": one.slug, "id": one.id, "removed_id": one.removed_id, "assignments": list(one.assignments)}
            for one in state.removed_edits
        ],
        "sources": {
            source.value: {**counts._asdict(), "swept": _sweep_to_json(state, source), "token": tokens[source]}
            for source, counts in state.sources.items()
        },
        "quotas": [
            {
                **quota._asdict(),
                "reset": format_time(quota.reset) if quota.reset else None,
                "not_before": format_time(quota.not_before) if quota.not_before else None,
            }
            for quota in state.quotas
        ],
        "runs": [
            {
                "started": run.started,
                "finished": run.finished,
                "arguments": run.asked,
                "exit": run.exit,
                "causes": list(run.causes),
            }
            for run in state.runs
        ],
    }


def _sweep_to_json(state: Status, source: SourceName) -> Json:
    sweep = state.sweeps.get(source)
    return {"completed": format_time(sweep.completed), "packages": sweep.packages} if sweep is not None else None


def _flatten(value: Json, name: str = "") -> Iterator[tuple[str, bool | int | str | None]]:
    """Yield dotted names and values: ``{"runs": [{"exit": 0}]}`` gives ``("runs.0.exit", 0)``."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flatten(inner, f"{name}.{number}")
    else:
        yield name, value


# The table for a terminal.


def _lines(
    path: Path,
    size: int | None,
    state: Status,
    tokens: Mapping[SourceName, str | None],
    db: Path | None,
    *,
    now: datetime,
) -> Iterator[tuple[str, str]]:
    """Yield label and text of each line."""
    if size is None:
        yield (
            "mirror",
            add_db_option(f"none yet at {path}; {CREATING}", db),
        )
    else:
        yield "mirror", f"{path}, {_format_size(size)}, format {state.version}"
        removed = f", {state.removed:,} removed from the catalog" if state.removed else ""
        yield "packages", f"{state.listed:,} listed{removed}"
        if state.overrides:
            yield "edits", f"{pluralize(state.overrides, 'value')} in {pluralize(state.edited, 'package')}"
        yield from _label_first("", [describe_removed_edits(one, db) for one in state.removed_edits])
        for source, counts in state.sources.items():
            if counts.packages:
                yield source.value, _source_text(counts, now=now)
        for source, sweep in state.sweeps.items():
            age = relative_time.relative(format_time(sweep.completed), now=now)
            yield "swept", f"{source.value} {age}, {sweep.packages:,} listed"
    origins = [
        f"{source.value} from {origin}{', asked when fetching' if origin == credentials.GH else ''}"
        for source, origin in tokens.items()
        if origin
    ]
    yield "tokens", ", ".join(origins) or "none; set GITHUB_TOKEN, or log in with gh, to fetch from GitHub in bulk"
    yield from _label_first("quota", [_quota_text(quota, now=now) for quota in state.quotas])
    yield from _label_first("fetches", [_run_text(run, now=now) for run in state.runs])


def _label_first(label: str, texts: list[str]) -> Iterator[tuple[str, str]]:
    for index, text in enumerate(texts):
        yield ("" if index else label), text


def _source_text(counts: SourceStatus, *, now: datetime) -> str:
    parts = [f"{counts.answered:,} of {counts.packages:,} answered"]
    if counts.newest:
        ages = [relative_time.relative(time, now=now) for time in (counts.newest, counts.oldest)]
        parts.append(ages[0] if ages[0] == ages[1] else " to ".join(ages))
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    return ", ".join(parts)


def _quota_text(quota: QuotaRow, *, now: datetime) -> str:
    limit = "" if quota.limit is None else f" of {quota.limit:,}"
    remaining = "unknown" if quota.remaining is None else f"{quota.remaining:,}"
    parts = [f"{quota.source} {quota.pool}".strip() + f": {remaining}{limit} left"]
    if quota.reset is not None and quota.reset > now:
        soon = quota.reset - now < timedelta(minutes=1)  # "just now" would look like the past
        reset = "in under a minute" if soon else relative_time.relative(format_time(quota.reset), now=now)
        parts.append(f"resets {reset}")
    if quota.not_before is not None and quota.not_before > now:
        parts.append(f"no requests before {format_time(quota.not_before)}")
    return ", ".join(parts)


def _run_text(run: Run, *, now: datetime) -> str:
    result = "not finished" if run.finished is None else f"exit {run.exit}"
    causes = f" ({'; '.join(run.causes)})" if run.causes else ""
    return f"{relative_time.relative(run.started, now=now)}: {run.asked}, {result}{causes}"


def _format_size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:  # noqa: PLR2004 - kilo
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
