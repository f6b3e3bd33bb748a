"""``djpkg fetch``: the only door to the network."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg import config
from djpkg.cli import options, selection, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db
from djpkg.errors import INTERRUPTED, TERMINATED, DjpkgError, PackageNotFound, UsageError
from djpkg.mirror import fetch_history
from djpkg.source_name import SourceName
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from djpkg.fetch.estimate import Estimate
    from djpkg.fetch.progress import Progress
    from djpkg.fetch.report import Report
    from djpkg.fetch.request import FetchRequest

app = options.new_app()


@app.command(
    epilog=options.examples(
        "djpkg fetch django-todo django-crispy-forms",
        "djpkg fetch --all",
        "djpkg fetch --all --source pypi --dry-run",
        "djpkg fetch --in requirements.txt",
        more="Exits with 0 done, 1 failed, 3 nothing named was found, 4 refused, 5 partial, 75 another is running.",
    )
)
def fetch(
    packages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PACKAGE]...",
            help="As show takes them.",
            autocompletion=candidates.when_completing(candidates.packages),
        ),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every package of the catalog.")] = False,
    sources: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help=f"Ask only this one; of {', '.join(SourceName)}. Repeatable.",
            autocompletion=candidates.when_completing(candidates.sources),
        ),
    ] = None,
    manifest: Annotated[str | None, options.manifest("What")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read the catalog's list to its end in any case.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what it would cost, and ask nobody.")] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but trouble.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Tell the outcome of each source in any case.")
    ] = False,
    db: Db = None,
) -> None:
    """Refresh packages from the catalog, their forges and PyPI.

    Without a terminal and without trouble it prints nothing. Running it again is how an interrupted fetch goes on.
    """
    talks = sys.stderr is not None and terminal.is_terminal(sys.stderr) and not quiet
    named = tuple(packages or ())
    try:
        if sum((bool(packages), every, manifest is not None)) != 1:
            message = "name packages, or say --all, or --in FILE: one of the three"
            raise UsageError(message, hint="for example: djpkg fetch django-todo")
        options.exclude(quiet=quiet, verbose=verbose)
        wanted = _sources(sources)
        if manifest is not None:
            named = _required(manifest, db, told=talks or verbose)
        if not named and not every:  # nothing that the file requires is in the mirror
            if as_json:
                _answer_nothing(dry_run=dry_run)
            return
        from djpkg.fetch import run  # loads all that speaks to the network
        from djpkg.fetch.request import FetchRequest

        request = FetchRequest(packages=named, manifest=manifest, every=every, sources=wanted, full=full)
        if dry_run:
            _price(request, db, as_json=as_json)
            return
        path = config.mirror_path(os.environ, db)
        report = run.fetch(request, path, os.environ, progress=_progress(shown=talks and not as_json))
    except DjpkgError as error:
        if as_json and not dry_run:
            _answer(_ended(named, error))
        raise
    if as_json:
        _answer(report)
    _talk(report, summary=talks or verbose)
    terminal.flush()
    raise typer.Exit(report.exit_code)


def _required(manifest: str, db: Path | None, *, told: bool) -> tuple[str, ...]:
    """The packages that a project stands on, by their ids: a slug may be that of a package which vanished, too.

    What no package stands for is no trouble: it is `told` where somebody looks on.
    """
    requirements = selection.read(manifest)
    with options.reading(db, missing="only the packaged record is known") as mirror:
        found = selection.find(mirror, requirements)
        if requirements and not found.ids and fetch_history.find_sweep(mirror, SourceName.CATALOG) is None:
            message = f"none of the {len(requirements):,} required projects is in the mirror, which lacks the directory"
            raise PackageNotFound(message, hint="djpkg fetch --all brings it")
    if told:
        found.tell()
    return tuple(map(str, found.ids))


def _answer(report: Report) -> None:
    terminal.write_stdout(json.dumps(report.as_json(), indent=4) + "\n")


def _answer_nothing(*, dry_run: bool) -> None:
    """What scripts are told where there was nothing to fetch."""
    if dry_run:
        _answer_prices([])
    else:
        _answer(_idle(()))


def _answer_prices(prices: Sequence[Estimate]) -> None:
    terminal.write_stdout(json.dumps({"schema": 1, "prices": [one._asdict() for one in prices]}, indent=4) + "\n")


def _ended(named: tuple[str, ...], error: DjpkgError) -> Report:
    """A fetch that an error kept from beginning or ended, as scripts are told of it."""
    report = _idle(named)
    report.end(str(error), error.exit_code)
    return report


def _idle(named: tuple[str, ...]) -> Report:
    """A fetch that asked nobody."""
    from djpkg.fetch.report import Report

    now = options.now()
    return Report(started=now, finished=now, named=named)


def _price(request: FetchRequest, db: Path | None, *, as_json: bool) -> None:
    from djpkg.fetch import estimate

    missing = options.PACKAGED if request.manifest is None else ""  # it has been said
    with options.reading(db, missing=missing) as mirror:
        prices = estimate.estimate_fetch(request, mirror, os.environ, now=options.now())
    if as_json:
        _answer_prices(prices)
    else:
        terminal.write_stdout("".join(f"{line}\n" for line in estimate.estimate_lines(prices)))
        if request.every and len(prices) == 1:
            terminal.write_stderr("what the others would be asked is known once the catalog's list is in")


def _sources(names: list[str] | None) -> frozenset[SourceName]:
    if not names:
        return frozenset(SourceName)
    wanted = set()
    for name in names:
        try:
            wanted.add(SourceName(name.strip().lower()))
        except ValueError as error:
            message = f"there is no source {quote_input(name)}"
            raise UsageError(message, hint=f"the sources are {', '.join(SourceName)}") from error
    return frozenset(wanted)


def _progress(*, shown: bool) -> Progress:
    from djpkg.fetch.progress import NoProgress

    if not shown:
        return NoProgress()
    from rich.console import Console

    from djpkg.render.progress import TerminalProgress

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    return NoProgress() if console.is_dumb_terminal else TerminalProgress(console)


def _talk(report: Report, *, summary: bool) -> None:
    """Trouble in any case, a line a cause; the rest where somebody looks on."""
    from djpkg.fetch.report import summary as lines
    from djpkg.fetch.report import welcome

    for line in report.causes():
        terminal.write_stderr(f"djpkg: {line}")
    if report.hint:
        terminal.write_stderr(f"       {report.hint}")
    if report.stopped in (INTERRUPTED, TERMINATED):
        terminal.write_stderr("djpkg: stopped; what was fetched is stored, and fetching again goes on from there")
    if summary:
        for line in [*lines(report), *welcome(report)]:
            terminal.write_stderr(line)
