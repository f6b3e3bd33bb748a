"""The output formats of all commands, and writing in them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from djpkg.cli import options, terminal
from djpkg.mirror import damage
from djpkg.render import delimited, json, markdown

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from djpkg.check.report import Report
    from djpkg.errors import DjpkgError
    from djpkg.mirror.damage import DamagedRow
    from djpkg.model.fields import Column
    from djpkg.model.package import Value
    from djpkg.render.rows import Rows

# A new format is one function over `Rows` in djpkg.render, one entry here, and its flag on the commands that offer it.
FORMATS: dict[str, Callable[[Rows], Iterator[str]]] = {
    "json": json.render_array,
    "jsonl": json.render_lines,
    "csv": delimited.render_csv,
    "tsv": delimited.render_tsv,
    "plain": delimited.render_plain,
    "markdown": markdown.render_markdown,
}


class PackageRows(NamedTuple):
    """Packages as rows, read from the mirror page by page while they are written.

    Those that cannot be read are left out and added to `damaged`.
    """

    mirror: sqlite3.Connection
    ids: Sequence[int]
    columns: Sequence[Column]
    damaged: list[DamagedRow]

    @property
    def keys(self) -> list[str]:
        """The column names as the user typed them."""
        return [column.key for column in self.columns]

    def values(self) -> Iterator[list[Value]]:
        """The values of each package."""
        from djpkg.mirror import listing  # noqa: PLC0415 - `show` and `fields` do without queries

        names = [column.field.name for column in self.columns]
        for row in listing.get_rows(self.mirror, self.ids, self.columns, self.damaged, now=options.now()):
            yield [row[name] for name in names]

    def json_pages(self) -> Iterable[list[str]]:
        """JSON objects straight from the mirror, without Python values in between."""
        from djpkg.mirror import listing  # noqa: PLC0415 - as above

        return listing.get_json(self.mirror, self.ids, self.columns, self.damaged, now=options.now())


def choose_format(**flags: bool) -> str | None:
    """Return the name of the format whose flag was given, None without one. UsageError for more than one."""
    options.check_exclusive(**flags)
    return next((name for name, is_given in flags.items() if is_given), None)


def write_rows(rows: Rows, output_format: str) -> None:
    """Write rows to stdout in one of `FORMATS`."""
    for text in FORMATS[output_format](rows):
        terminal.write_stdout(text)


def report_damaged(rows: Sequence[DamagedRow]) -> None:
    """Name on stderr the packages that were left out, after what was written to stdout."""
    if rows:
        terminal.flush()
        for line in damage.describe_skipped(rows):
            terminal.write_stderr(line)


def ending_json(error: DjpkgError | None) -> dict[str, object]:
    """Return the keys of a report about its end: `exit`, and after an error its message and hint."""
    if error is None:
        return {"exit": 0}
    hint = error.hint and terminal.with_db(error.hint)
    return {"exit": error.exit_code, "error": {"message": terminal.with_db(str(error)), "hint": hint}}


def write_object(value: object) -> None:
    """Write one JSON document to stdout."""
    terminal.write_stdout(json.render_object(value))


def write_report(report: Report, output_format: str | None, *, verbose: bool) -> None:
    """Write the report of a check to stdout: as text, or in the format of an option."""
    if output_format == "json":
        terminal.write_stdout(json.render_report(report.as_json()))
        return
    # For check alone, and not for its JSON.
    from djpkg.render import check_github, check_markdown, check_text, check_tsv  # noqa: PLC0415

    # By the name of the option. A new format is one function and one entry.
    renderers: dict[str, Callable[[Report, check_text.Screen], str]] = {
        "text": check_text.render_text,
        "tsv": check_tsv.render_tsv,
        "markdown": check_markdown.render_markdown,
        "github": check_github.render_github,
    }
    screen = check_text.Screen(
        width=terminal.width(),
        colour=terminal.is_terminal() and "NO_COLOR" not in os.environ,
        ascii_only=terminal.ascii_only(),
        verbose=verbose,
        now=options.now(),
    )
    terminal.write_stdout(renderers[output_format or "text"](report, screen))
