"""``djpkg fetch``: the only command that uses the network."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg import config
from djpkg.cli import options, output, project_files, selection, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db
from djpkg.cli.suggested_command import describe_removed_edits
from djpkg.errors import INTERRUPTED, TERMINATED, DjpkgError, PackageNotFound, UsageError
from djpkg.mirror import fetch_history
from djpkg.source_name import SourceName
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from djpkg.cli.project_files import ProjectFiles
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
        "djpkg fetch -r requirements.txt",
        more="Exit codes: 0 done, 1 failed, 3 not found, 4 refused (token or rate limit), 5 partial,"
        " 75 another fetch is running.",
    )
)
def fetch(
    packages: Annotated[
        list[str] | None, options.package_argument("[PACKAGE]...", "Package names, as for show.")
    ] = None,
    *,
    all_packages: Annotated[bool, typer.Option("--all", help="Fetch every package of the catalog.")] = False,
    source_names: Annotated[
        list[str] | None,
        typer.Option(
            "--source",
            metavar="NAME",
            help=f"Fetch from this source only: {', '.join(SourceName)}. Repeatable.",
            autocompletion=candidates.sources,
        ),
    ] = None,
    manifests: Annotated[list[str] | None, options.requirements_option("Fetch")] = None,
    refetch: Annotated[
        bool, typer.Option("--refetch", help="Ask for everything anew, also for what has not changed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Estimate the requests without sending any.")] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print errors only.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Print the outcome of each source, even without a terminal.")
    ] = False,
    db: Db = None,
) -> None:
    """Fetch packages from the catalog, their forges and PyPI.

    Prints nothing on success if stderr is not a terminal. To continue an interrupted fetch, run it again.
    """
    interactive = sys.stderr is not None and terminal.is_terminal(sys.stderr) and not quiet
    named = tuple(packages or ())
    try:
        if sum((bool(packages), all_packages, bool(manifests))) != 1:
            message = "give either package names, --all or --in FILE"
            raise UsageError(message, hint="for example: djpkg fetch django-todo")
        options.check_exclusive(quiet=quiet, verbose=verbose)
        sources = _parse_sources(source_names)
        if manifests:
            named = _find_required(manifests, db, report=interactive or verbose, quiet=quiet)
        if not named and not all_packages:  # no dependency is listed in the catalog
            if as_json:
                output.write_object(_estimates_to_json([]) if dry_run else _new_report(()).as_json())
            return
        from djpkg.fetch import run  # imports httpx
        from djpkg.fetch.request import FetchRequest

        request = FetchRequest(
            packages=named,
            manifests=tuple(manifests or ()),
            all_packages=all_packages,
            sources=sources,
            refetch=refetch,
        )
        if dry_run:
            _print_estimates(request, db, as_json=as_json)
            return
        path = config.mirror_path(os.environ, db)
        progress = _new_progress(visible=interactive and not as_json, quiet=quiet)
        report = run.fetch(request, path, os.environ, progress=progress, clock=options.now)
    except DjpkgError as error:
        if as_json and not dry_run:
            report = _new_report(named)
            report.abort(str(error), error.exit_code)
            output.write_object(report.as_json())
        raise
    if as_json:
        output.write_object(report.as_json())
    _print_report(report, db, summary=interactive or verbose)
    terminal.flush()
    raise typer.Exit(report.exit_code)


def _parse_sources(names: list[str] | None) -> frozenset[SourceName]:
    """Return the named sources, all if none is named. UsageError for an unknown name."""
    if not names:
        return frozenset(SourceName)
    sources = set()
    for name in names:
        try:
            sources.add(SourceName(name.strip().lower()))
        except ValueError as error:
            message = f"unknown source {quote_input(name)}"
            raise UsageError(message, hint=f"use one of: {', '.join(SourceName)}") from error
    return frozenset(sources)


def fetch_required(manifests: Sequence[str], files: ProjectFiles, db: Path | None, *, quiet: bool) -> None:
    """Fetch what these files require, for a command that reads it afterwards; `quiet` prints trouble alone.

    Where the catalog was never read completely, it is read first. Raises DjpkgError; interrupts end the program.
    """
    from djpkg.fetch import run
    from djpkg.fetch.request import FetchRequest

    interactive = sys.stderr is not None and terminal.is_terminal(sys.stderr) and not quiet
    path = config.mirror_path(os.environ, db)

    def fetch_request(request: FetchRequest) -> None:
        report = run.fetch(
            request, path, os.environ, progress=_new_progress(visible=interactive, quiet=quiet), clock=options.now
        )
        _print_report(report, db, summary=interactive)
        if report.stop_code in (INTERRUPTED, TERMINATED):
            raise typer.Exit(report.stop_code)

    with options.open_mirror(db, missing="") as mirror:
        has_catalog = fetch_history.find_sweep(mirror, SourceName.CATALOG) is not None
    if not has_catalog:
        fetch_request(FetchRequest(all_packages=True, sources=frozenset({SourceName.CATALOG})))
    with options.open_mirror(db, missing="") as mirror:
        ids, _ = selection.find_required_packages(mirror, files.requirements)
    if ids:
        fetch_request(FetchRequest(packages=tuple(map(str, ids)), manifests=tuple(manifests)))


def _find_required(manifests: Sequence[str], db: Path | None, *, report: bool, quiet: bool) -> tuple[str, ...]:
    """Return the ids of the packages that a project depends on; a slug may belong to a removed package too.

    Dependencies that are not in the catalog are no error; `report` lists them on stderr, and the files of a folder.
    What was not read is trouble, which only `quiet` hides.
    """
    files = project_files.read_project_files(manifests)
    requirements = files.requirements
    if not quiet:
        selection.report_files(files if report else files._replace(read=()))
    with options.open_mirror(db, missing="using the packaged record") as mirror:
        ids, unknown = selection.find_required_packages(mirror, requirements)
        if requirements and not ids and fetch_history.find_sweep(mirror, SourceName.CATALOG) is None:
            message = f"found none of the {len(requirements):,} dependencies: the mirror has no catalog yet"
            raise PackageNotFound(message, hint="run djpkg fetch --all first")
    if unknown and report:
        terminal.write_stderr(unknown)
    return tuple(map(str, ids))


def _new_progress(*, visible: bool, quiet: bool) -> Progress:
    from djpkg.fetch.progress import NoProgress

    if quiet:
        return NoProgress()
    if not visible:
        return NoProgress(terminal.write_warning)
    from rich.console import Console

    from djpkg.render.progress import TerminalProgress

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    return NoProgress(terminal.write_warning) if console.is_dumb_terminal else TerminalProgress(console)


def _print_report(report: Report, db: Path | None, *, summary: bool) -> None:
    """Print each cause of errors on one line, and its hint on another; then the summary, if wanted."""
    from djpkg.fetch import report_text

    for line, hint in report_text.causes(report):
        terminal.write_stderr(f"djpkg: {line}")
        if hint:
            terminal.write_stderr(f"       {hint}")
    for line in report_text.closed_lines(report):
        terminal.write_stderr(f"djpkg: {line}")
    for edits in report.removed_edits:
        terminal.write_stderr(f"djpkg: {describe_removed_edits(edits, db)}")
    if report.stop_code in (INTERRUPTED, TERMINATED):
        terminal.write_stderr("djpkg: interrupted; fetched data is stored. Run the command again to continue")
    if summary:
        for line in [*report_text.summary_lines(report), *report_text.token_hint_lines(report)]:
            terminal.write_stderr(line)


def _print_estimates(request: FetchRequest, db: Path | None, *, as_json: bool) -> None:
    from djpkg.fetch import estimate

    notice = "" if request.manifests else options.SEED_NOTICE  # printed already for --in
    with options.open_mirror(db, missing=notice) as mirror:
        estimates = estimate.estimate_fetch(request, mirror, os.environ, now=options.now())
    if as_json:
        output.write_object(_estimates_to_json(estimates))
        return
    terminal.write_stdout("".join(f"{line}\n" for line in estimate.estimate_lines(estimates)))
    if request.all_packages and len(estimates) == 1:
        terminal.write_stderr("the other sources can be estimated after the catalog is fetched")


def _estimates_to_json(estimates: Sequence[Estimate]) -> dict[str, object]:
    return {"schema": 1, "prices": [one._asdict() for one in estimates]}


def _new_report(named: tuple[str, ...]) -> Report:
    """Return the report of a fetch that sent no request."""
    from djpkg.fetch.report import Report

    now = options.now()
    return Report(started=now, finished=now, named=named)
