"""``djpkg snapshot``: the public facts of the mirror in one file, for other mirrors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg import config
from djpkg.cli import options, terminal
from djpkg.cli.options import Db
from djpkg.errors import UsageError
from djpkg.model.snapshot import ENDING
from djpkg.text import join_some, pluralize, quote_input

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES_SHOWN = 3
_MIB = 2**20

app = options.new_app()


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg snapshot public.jsonl.gz",
        "djpkg snapshot public.jsonl.gz --history",
        more="Others take it in with djpkg fetch --from. Exit codes: 0 done, 2 another ending, 74 disk or mirror"
        " trouble.",
    ),
)
def snapshot(
    name: Annotated[str, typer.Argument(metavar="FILE", help=f"The file to write, which ends in {ENDING}.")],
    *,
    no_participants: Annotated[
        bool, typer.Option("--no-participants", help="Leave out the names of the contributors.")
    ] = False,
    history: Annotated[bool, typer.Option("--history", help="Add the history of stars, forks and commits.")] = False,
    db: Db = None,
) -> None:
    """Write the public facts to a file for other mirrors.

    It contains what the catalog, the forges and PyPI stated, and events; none of your edits, notes and tags. It is
    replaced in one step, also while a fetch runs.
    """
    file = options.parse_output_file(name, "snapshot", f"public{ENDING}")
    if not file.name.endswith(ENDING) or file.name == ENDING:
        raise UsageError(f"a snapshot ends in {ENDING}: {quote_input(str(file))} does not")
    mirror = config.mirror_path(os.environ, db)
    if file.resolve() == mirror.resolve():
        raise UsageError("a snapshot cannot replace the mirror itself")
    from djpkg.fetch import export  # imports msgspec

    participants = not no_participants
    with terminal.status_line() as show:
        show("writing the snapshot …")
        written = export.export_snapshot(mirror, file, history=history, participants=participants, now=options.now())
    _warn(written.damaged, "left out")
    _warn(written.incomplete, "written without some facts")
    if terminal.stderr_is_terminal():
        size = f"{written.size / _MIB:.1f} MiB" if written.size > _MIB else f"{written.size / 1024:.1f} KiB"
        terminal.write_stderr(f"wrote {pluralize(written.packages, 'package')} ({size}) to {file}")


def _warn(packages: Sequence[str], what: str) -> None:
    """Warn of packages that are not in the file as they should be; some names are examples."""
    if not packages:
        return
    names = join_some(packages, _NAMES_SHOWN)
    terminal.write_warning(
        f"{pluralize(len(packages), 'package')} {what} because of damaged rows or dates in the future ({names});"
        " djpkg fetch --all repairs them"
    )
