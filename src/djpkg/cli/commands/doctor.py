"""``djpkg doctor``: examine the mirror, and rebuild what follows from facts and edits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg import config
from djpkg.cli import options, output, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.cli.suggested_command import add_db_option
from djpkg.errors import MirrorDamaged, MirrorError
from djpkg.model import forge_servers
from djpkg.render.rows import RowList
from djpkg.text import pluralize

if TYPE_CHECKING:
    from pathlib import Path

    from djpkg.mirror.health import Result
    from djpkg.mirror.rebuild import Rebuilt

SCHEMA = 1
FAULT = MirrorError.exit_code
_COLUMNS = ("status", "check", "message", "remedy")

app = options.new_app()


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg doctor",
        "djpkg doctor --rebuild",
        "djpkg doctor --json | jq .exit",
        more="The exit code is 74 if there is a fault. A pipe gets one check per line: status, name, message, remedy.",
    ),
)
def doctor(
    *,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="First compute values and indexes anew, after a backup. Your edits stay."),
    ] = False,
    as_json: AsJson = False,
    db: Db = None,
) -> None:
    """Examine the mirror.

    Each check is ok, a warning or a fault, with the command that repairs it.
    """
    from djpkg.mirror.health import examine, has_fault

    path = config.mirror_path(os.environ, db)
    with terminal.status_line() as show:
        if rebuild:
            show("rebuilding …")
        rebuilt = _rebuild(path) if rebuild else None
        found = examine(path, os.environ, now=options.now(), on_start=lambda name: show(f"checking: {name} …"))
    results = [_with_db(result, db) for result in found]
    code = FAULT if has_fault(results) else 0
    rows = [(one.finding.status, one.name, one.finding.message, one.finding.remedy) for one in results]
    if as_json:
        output.write_object(_to_json(path, results, rebuilt, code))
    elif not terminal.is_terminal():
        output.write_rows(RowList(_COLUMNS, rows), "plain")
    else:
        from djpkg.render.small_tables import checks_table

        terminal.print_renderable(checks_table(rows, width=terminal.width(), ascii_only=terminal.ascii_only()))
    if rebuilt is not None and not as_json:
        terminal.flush()
        terminal.write_stderr(f"rebuilt {pluralize(rebuilt.packages, 'package')}; the mirror before: {rebuilt.copy}")
    if code:
        terminal.flush()
        raise typer.Exit(code)


def _rebuild(path: Path) -> Rebuilt:
    from djpkg.mirror.diagnosis import RESTORE, recover_remedy  # noqa: PLC0415 - only for --rebuild
    from djpkg.mirror.rebuild import rebuild

    forges = forge_servers.forge_servers(os.environ)
    try:
        return options.wait_for_mirror(path, lambda: rebuild(path, forges=forges, now=options.now()))
    except MirrorDamaged as error:
        raise MirrorError(str(error), hint=recover_remedy(path) if error.can_recover else RESTORE) from error


def _with_db(result: Result, db: Path | None) -> Result:
    """Return the result with --db in the commands of its remedy."""
    remedy = result.finding.remedy
    if remedy is None:
        return result
    return result._replace(finding=result.finding._replace(remedy=add_db_option(remedy, db)))


def _to_json(path: Path, results: list[Result], rebuilt: Rebuilt | None, code: int) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "exit": code,
        "mirror": str(path),
        "checks": [{"name": result.name, **result.finding._asdict()} for result in results],
        "rebuilt": {"backup": str(rebuilt.copy), "packages": rebuilt.packages} if rebuilt is not None else None,
    }
