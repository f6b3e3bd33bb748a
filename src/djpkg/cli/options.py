"""Options that several commands share, and opening the mirror that they name."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from typer.core import TyperCommand

from djpkg import config
from djpkg.cli import terminal
from djpkg.cli.completion import candidates
from djpkg.errors import MirrorError, MirrorMissing, UsageError
from djpkg.mirror import busy, resolve
from djpkg.mirror.connection import open_read
from djpkg.model import forge_servers
from djpkg.source_name import SourceName
from djpkg.text import describe_os_error, pluralize, quote_input
from djpkg.times import format_time, utc_now

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from typer.models import ArgumentInfo, OptionInfo

ResultT = TypeVar("ResultT")

# Of a number of rows.
_MOST_DIGITS = 18


def _parse_db(text: str) -> Path:
    """Return the value of --db; UsageError if it is empty, which for `Path` is the current folder."""
    if not text:
        raise UsageError("--db requires a file", hint="for example: --db mirror.db")
    return Path(text)


def _use_db(path: Path | None) -> Path | None:
    """Return the value of --db, which messages repeat."""
    terminal.mirror_option.set(path)
    return path


Db = Annotated[
    Path | None,
    # Opening the file reports what is wrong with it, whether it comes from the option or from DJPKG_DB.
    typer.Option(
        "--db",
        metavar="PATH",
        parser=_parse_db,
        callback=_use_db,
        help="Mirror file. Default: DJPKG_DB, else mirror.db in your data folder.",
    ),
]


def _parse_limit(text: str) -> int:
    """Return the value of --limit. Raises UsageError for anything but a number of at most 18 digits."""
    digits = text.strip()  # wc pads its numbers on some systems
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS):
        raise UsageError(
            f"--limit requires a number of rows, not {quote_input(text)}",
            hint="for example: -n 10; -n 0 for all",
        )
    return int(digits)


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")]
Fields = Annotated[
    str | None,
    typer.Option(
        "-f",
        "--fields",
        metavar="A,B,...",
        help="Fields to print, in this order; all for every field.",
        autocompletion=candidates.columns,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--limit",
        metavar="N",
        parser=_parse_limit,
        help="Print at most N rows; 0 for all. Default: 30 on a terminal, else all.",
    ),
]

SEED_NOTICE = "showing the packaged record"
FIRST_RUN = "Run djpkg fetch --all to get the catalog, or djpkg fetch --from URL to take a team's snapshot"
# About one screen; a pipe gets every row.
ROWS_ON_TERMINAL = 30
# A catalog that was fetched longer ago is reported as old.
OLD_AFTER = timedelta(days=7)


def package_argument(metavar: str, about: str) -> ArgumentInfo:
    """Return the argument PACKAGE, or a list of them, with completion of slugs."""
    complete = candidates.packages
    return typer.Argument(metavar=metavar, help=about, autocompletion=complete)  # type: ignore[no-any-return] # typer returns Any


def selection_argument(about: str) -> ArgumentInfo:
    """Return the arguments PACKAGE and TERM, with completion of both; the help text begins with `about`."""
    text = (
        f"{about} A PACKAGE as for show; a TERM such as grid:forms or -is:archived narrows them, or selects from all."
    )
    return typer.Argument(metavar="[PACKAGE | TERM]...", help=text, autocompletion=candidates.selection)  # type: ignore[no-any-return] # as above


def requirements_option(verb: str) -> OptionInfo:
    """Return ``--in FILE``, which can be repeated; the help text begins with `verb`."""
    files = "requirements.txt, pyproject.toml, a lock file, a folder, or - for pip freeze"
    return typer.Option("-r", "--in", metavar="FILE", help=f"{verb} this project's dependencies: {files}. Repeatable.")  # type: ignore[no-any-return] # as above


class Command(TyperCommand):
    """A command whose usage has no braces, which usually mean a choice, and whose options are given once."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # vendored Click's
        """Return the pieces with ``PACKAGE`` instead of ``{PACKAGE}``."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # as above
        """Parse the arguments; UsageError for an option with one value that is given twice: the first would be lost."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        seen: set[str | None] = set()
        for param in given:
            if param.name in seen and not (param.multiple or getattr(param, "is_flag", False) or ctx.resilient_parsing):
                raise UsageError(f"{max(param.opts, key=len)} can be given only once")
            seen.add(param.name)
        return super().parse_args(ctx, args)


def new_app() -> typer.Typer:
    """Return the Typer app of one command module."""
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def examples(*commands: str, more: str = "") -> str:
    """Return the end of a help text: the paragraphs in `more`, then example lines that are never wrapped."""
    lines = "\n".join(f"  {command}" for command in commands)
    return f"{more}\n\n\b\nExamples:\n{lines}".strip("\n")


def now() -> datetime:
    """Return the current time. Commands read the clock here; tests and the examples replace it."""
    return utc_now()


def row_limit(limit: int | None, *, machine_readable: bool) -> int:
    """Return how many rows to print, 0 for all: `--limit`, else `ROWS_ON_TERMINAL` for a table on a terminal."""
    if limit is not None:
        return limit
    # FORCE_COLOR adds colour to a pipe; it must not remove rows.
    return ROWS_ON_TERMINAL if terminal.is_terminal(sys.stdout) and not machine_readable else 0


def check_exclusive(**flags: bool) -> None:
    """Raise UsageError if more than one of these options was given."""
    given = [f"--{name}" for name, is_given in flags.items() if is_given]
    if len(given) > 1:
        message = f"{', '.join(given[:-1])} and {given[-1]} cannot be used together"
        raise UsageError(message)


@contextmanager
def open_mirror(db: Path | None, *, missing: str = SEED_NOTICE) -> Iterator[sqlite3.Connection]:
    """Open the mirror for reading, or the packaged record if there is no mirror yet.

    In that case `missing` is part of the message on stderr; "" prints no message.
    """
    with _open_or_seed(db, missing) as (mirror, _):
        yield mirror


@contextmanager
def read_mirror(db: Path | None, *, missing: str = SEED_NOTICE, named: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the mirror as `open_mirror` does; afterwards report on stderr that it is incomplete or old.

    That it is incomplete does not matter for `named` packages; that it is old is reported on a terminal only.
    """
    with _open_or_seed(db, missing) as (mirror, exists):
        yield mirror
        if exists and (not named or terminal.stderr_is_terminal()):
            _report_catalog(mirror, named=named)


@contextmanager
def _open_or_seed(db: Path | None, missing: str) -> Iterator[tuple[sqlite3.Connection, bool]]:
    """Open the mirror, or else the packaged record, with whether the mirror exists.

    Raises ConfigError for an invalid DJPKG_FORGES too, so that a typo does not depend on what a command looks up.
    """
    path = config.mirror_path(os.environ, db)
    forge_servers.forge_servers(os.environ)
    with ExitStack() as stack:
        exists = True
        try:
            connection = stack.enter_context(open_read(path))
        except MirrorMissing as error:
            from djpkg.mirror.seed import open_seed  # noqa: PLC0415 - only without a mirror

            if missing:
                terminal.write_stderr(f"{error}; {missing}. {FIRST_RUN}")
            connection = stack.enter_context(closing(open_seed()))
            exists = False
        yield connection, exists


def wait_for_mirror(path: Path, work: Callable[[], ResultT]) -> ResultT:
    """Return the result of `work`, which is repeated while another program locks the mirror at `path`."""
    return busy.retry(work, busy.EDIT, notify=lambda: _notify_waiting(path))


def _notify_waiting(path: Path) -> None:
    terminal.write_warning(busy.waiting_message(path, busy.EDIT))


def _report_catalog(mirror: sqlite3.Connection, *, named: bool) -> None:
    from djpkg.mirror import fetch_history  # noqa: PLC0415 - not needed to show one package in a pipe

    sweep = fetch_history.find_sweep(mirror, SourceName.CATALOG)
    if sweep is None and not named:
        packages = fetch_history.count_packages(mirror)
        terminal.flush()
        terminal.write_stderr(
            f"the catalog was never read completely: the mirror has {pluralize(packages, 'package')}."
            " Run djpkg fetch --all to get the rest"
        )
    elif sweep is not None and now() - sweep.completed > OLD_AFTER and terminal.stderr_is_terminal():
        from djpkg.render import relative_time  # noqa: PLC0415 - for terminals only

        age = relative_time.relative(format_time(sweep.completed), now=now())
        terminal.flush()
        terminal.write_stderr(f"the catalog was last fetched {age}; djpkg fetch --all updates it")


def parse_output_file(text: str, command: str, name: str) -> Path:
    """Return FILE, which a command writes; `command` and `name` are those of the example in messages.

    Raises UsageError if it is empty, and MirrorError if it is a folder, or in a folder that does not exist.
    """
    if not text:
        raise UsageError("FILE is empty", hint=f"for example: djpkg {command} {name}")
    file = Path(text)
    if os.path.isdir(file):  # noqa: PTH112 - False also for a name that is too long
        import shlex  # noqa: PLC0415 - for this message only

        example = shlex.quote(str(file / name))
        raise MirrorError(
            f"{quote_input(text)} is a folder", hint=f"name a file, for example: djpkg {command} {example}"
        )
    written = file / name if text.endswith("/") else file
    try:
        written.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if not written.parent.is_dir():
            message = f"cannot write {quote_input(text)}: {describe_os_error(written, error)}"
            raise MirrorError(message, hint="create the folder, or name another file") from error
    except (OSError, ValueError):  # writing it reports the reason
        pass
    return file


def check_package_name(text: str) -> None:
    """Raise UsageError for an empty PACKAGE, as the shell makes it of an unset variable."""
    if not text.strip():
        raise UsageError("PACKAGE is empty", hint="name a package, for example: djpkg show django-todo")


def find_package(mirror: sqlite3.Connection, text: str) -> int:
    """Return the id of the package that PACKAGE names. PackageNotFound if none or several match."""
    check_package_name(text)
    return resolve.get_id(
        mirror, text, catalog=config.catalog_url(os.environ), forges=forge_servers.forge_servers(os.environ)
    )
