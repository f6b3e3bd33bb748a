"""``djpkg backup``: a complete private copy of the mirror."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from djpkg import config
from djpkg.cli import options, terminal
from djpkg.cli.options import Db
from djpkg.mirror import busy

app = options.new_app()


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg backup mirror-copy.db",
        "djpkg backup ~/backups/$(date +%F).db",
        more="The copy contains your edits, notes and tags. To share public facts only, use djpkg snapshot. To read it:"
        " djpkg list --db FILE.",
    ),
)
def backup(
    name: Annotated[str, typer.Argument(metavar="FILE", help="File of the copy; an older copy is replaced.")],
    *,
    db: Db = None,
) -> None:
    """Copy the mirror to a file.

    The copy is complete and consistent, also during a fetch, and is a mirror like any other. FILE is replaced only by
    a whole copy, and only if it is a mirror.
    """
    from djpkg.mirror.backup import backup as copy_mirror  # noqa: PLC0415 - named like the command

    file = options.parse_output_file(name, "backup", "mirror-copy.db")
    path = config.mirror_path(os.environ, db)
    options.wait_for_mirror(path, lambda: copy_mirror(path, file, busy_seconds=busy.ATTEMPT))
    if terminal.stderr_is_terminal():
        terminal.write_stderr(f"copied the mirror to {file}")
