"""``djpkg fetch``: the only command that uses the network."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from djpkg import config
from djpkg.cli import options, output, project_files, selection, terminal
from djpkg.cli.completion import candidates
from djpkg.cli.options import AsJson, Db
from djpkg.cli.suggested_command import describe_removed_edits
from djpkg.cli.term_arguments import TermCommand, as_typed
from djpkg.errors import DjpkgError, UsageError
from djpkg.mirror import fetch_history, resolve
from djpkg.mirror.selection import Selection
from djpkg.source_name import SourceName
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from djpkg.cli.project_files import ProjectFiles
    from djpkg.fetch.estimate import Estimate
    from djpkg.fetch.progress import Progress
    from djpkg.fetch.report import Report
    from djpkg.fetch.request import FetchRequest

_NO_MIRROR = "this estimates the first fetch"

app = options.new_app()


@app.command(
    cls=TermCommand,
    epilog=options.examples(
        "djpkg fetch django-todo django-crispy-forms",
        "djpkg fetch --all",
        "djpkg fetch --all --source pypi --dry-run",
        "djpkg fetch -r requirements.txt",
        "djpkg fetch grid:forms -is:archived",
        "djpkg fetch --from https://example.org/public.jsonl.gz",
        more="Exit codes: 0 done, 1 failed, 3 not found, 4 refused (token or rate limit), 5 partial,"
        " 75 another fetch is running.",
    ),
)
def fetch(
    ctx: typer.Context,
    selected: Annotated[list[str] | None, options.selection_argument("The packages to fetch.")] = None,
    *,
    all_packages: Annotated[bool, typer.Option("--all", help="Fetch every package of the catalog.")] = False,
    snapshot: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL|FILE",
            help="Take in a snapshot of another mirror instead of asking the sources (djpkg help mirror).",
        ),
    ] = None,
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
    interactive = terminal.stderr_is_terminal() and not quiet
    chosen = Selection()
    try:
        chosen, files = selection.parse_selection(selected, manifests)
        if chosen.is_given + all_packages + (snapshot is not None) != 1:
            message = "give either packages, terms and --in FILE, or --all, or --from"
            raise UsageError(message, hint="for example: djpkg fetch django-todo")
        options.check_exclusive(quiet=quiet, verbose=verbose)
        sources = _parse_sources(source_names)
        visible = interactive and not as_json and not dry_run
        progress = _new_progress(visible=visible, quiet=quiet, verbose=verbose)
        if snapshot is not None:
            for name, is_given in (("source", bool(source_names)), ("refetch", refetch), ("dry-run", dry_run)):
                options.check_exclusive(**{"from": True, name: is_given})
            report = _take_snapshot(snapshot, db, progress)
            _finish(report, db, as_json=as_json, summary=interactive or verbose)
        if files is not None and not quiet:  # what was not read is trouble
            project_files.report_files(files if interactive or verbose else files._replace(read=()))
        from djpkg.fetch import run  # imports httpx
        from djpkg.fetch.request import FetchRequest

        request = FetchRequest(
            packages=chosen.packages,
            manifests=tuple(manifests or ()),
            requirements=chosen.requirements,
            typed=as_typed(ctx, selected or ()),
            query=chosen.query,
            all_packages=all_packages,
            sources=sources,
            refetch=refetch,
        )
        if dry_run:
            estimates, is_partial = _estimate(request, db, report=interactive or verbose)
            _print_estimates(estimates, is_partial=is_partial, as_json=as_json)
            return
        path = config.mirror_path(os.environ, db)
        report = run.fetch(request, path, os.environ, progress=progress, clock=options.now)
    except DjpkgError as error:
        if as_json:
            output.write_object(estimates_to_json([], error) if dry_run else _failed_report(chosen.packages, error))
        raise
    if files is not None and (interactive or verbose):
        with options.open_mirror(db, missing="") as mirror:
            selection.report_unlisted(mirror, files.requirements)
    _finish(report, db, as_json=as_json, summary=interactive or verbose)


def _take_snapshot(text: str, db: Path | None, progress: Progress) -> Report:
    from djpkg.fetch import snapshot  # imports httpx

    place = snapshot.parse_place(text)
    path = config.mirror_path(os.environ, db)
    return snapshot.take_snapshot(place, path, os.environ, progress=progress, clock=options.now)


def _finish(report: Report, db: Path | None, *, as_json: bool, summary: bool) -> NoReturn:
    """Print the report, and exit with its code."""
    from djpkg.fetch import report_text

    if as_json:
        output.write_object(_with_db(report_text.report_json(report)))
    _print_report(report, db, summary=summary)
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
            near = get_close_matches(name.strip().lower(), SourceName, n=1, cutoff=0.6)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UsageError(message, hint=f"{meant}use one of: {', '.join(SourceName)}") from error
    return frozenset(sources)


def fetch_required(
    manifests: Sequence[str], files: ProjectFiles, db: Path | None, *, list_since: datetime | None, quiet: bool
) -> Report:
    """Fetch what these files require, for a command that reads it afterwards, and return the report.

    The catalog's list is read too if it was last read before `list_since`, and if it never was. `quiet` prints trouble
    alone. Raises DjpkgError; an interruption ends the program.
    """
    from djpkg.fetch import run
    from djpkg.fetch.request import FetchRequest

    interactive = terminal.stderr_is_terminal() and not quiet
    request = FetchRequest(manifests=tuple(manifests), requirements=files.requirements, list_since=list_since)
    progress = _new_progress(visible=interactive, quiet=quiet, verbose=False)
    path = config.mirror_path(os.environ, db)
    report = run.fetch(request, path, os.environ, progress=progress, clock=options.now)
    _print_report(report, db, summary=interactive)
    if report.interrupted:
        raise typer.Exit(report.exit_code)
    return report


def _new_progress(*, visible: bool, quiet: bool, verbose: bool) -> Progress:
    from djpkg.fetch.progress import NoProgress

    if quiet:
        return NoProgress()
    plain = NoProgress(terminal.write_warning, *([terminal.write_stderr] if verbose else []))
    if not visible:
        return plain
    from rich.console import Console

    from djpkg.render.progress import TerminalProgress

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    return plain if console.is_dumb_terminal else TerminalProgress(console)


def _print_report(report: Report, db: Path | None, *, summary: bool) -> None:
    """Print each cause of errors on one line, and its hint on another; then the summary, if wanted."""
    from djpkg.fetch import report_text

    for line, hint in [*report_text.causes(report), *report_text.unchecked_causes(report)]:
        terminal.write_warning(line)
        if hint:
            terminal.write_stderr(f"       {hint}")
    for line in report_text.closed_lines(report):
        terminal.write_stderr(f"djpkg: {line}")
    for edits in report.removed_edits:
        terminal.write_stderr(f"djpkg: {describe_removed_edits(edits, db)}")
    if report.interrupted:
        terminal.write_warning(report_text.interrupted_line(report))
    if summary:
        for line in [*report_text.summary_lines(report), *report_text.token_hint_lines(report)]:
            terminal.write_stderr(line)


def _estimate(request: FetchRequest, db: Path | None, *, report: bool) -> tuple[list[Estimate], bool]:
    """Return the estimates, and whether the other sources can be estimated only after the catalog's list is read."""
    from djpkg.fetch import estimate, report_text, selected

    for source in request.sources:
        config.api_url(source, os.environ)  # refuses what the fetch would refuse
    with options.open_mirror(db, missing=_NO_MIRROR) as mirror:
        estimates = estimate.estimate_fetch(request, mirror, os.environ, now=options.now())
        if not estimates and request.packages:
            named = selected.select(mirror, request, os.environ, now=options.now()).named
            slugs = [resolve.find_slug(mirror, number) or str(number) for number in named]
            if slugs:
                terminal.write_warning(report_text.nothing_to_fetch_line(slugs, request.sources))
        is_first = fetch_history.find_sweep(mirror, SourceName.CATALOG) is None
        if report and not is_first:
            selection.report_unlisted(mirror, request.requirements or ())
    reads_list = request.all_packages or selected.selects_from_list(request)
    return estimates, is_first and reads_list and [one.source for one in estimates] == [SourceName.CATALOG]


def _print_estimates(estimates: Sequence[Estimate], *, is_partial: bool, as_json: bool) -> None:
    from djpkg.fetch import estimate

    if as_json:
        output.write_object(estimates_to_json(estimates))
        return
    terminal.write_stdout("".join(f"{line}\n" for line in estimate.estimate_lines(estimates)))
    if is_partial:
        terminal.write_stderr("the other sources can be estimated after the catalog is fetched")


def estimates_to_json(estimates: Sequence[Estimate], error: DjpkgError | None = None) -> dict[str, object]:
    """Return the object of ``--dry-run --json``."""
    from djpkg.fetch.report import quota_json

    quotas = ("quota", "rest_quota")
    return {
        "schema": 1,
        **output.ending_json(error),
        "estimates": [
            one._asdict() | {name: quota_json(quota) for name in quotas for quota in [getattr(one, name)]}
            for one in estimates
        ],
    }


def _failed_report(named: tuple[str, ...], error: DjpkgError) -> dict[str, object]:
    """Return the report of a fetch that could not start."""
    from djpkg.fetch import report_text
    from djpkg.fetch.report import Report

    now = options.now()
    report = Report(started=now, finished=now, named=named)
    report.abort(str(error), error.exit_code, hint=error.hint)
    return _with_db(report_text.report_json(report))


def _with_db(report: dict[str, object]) -> dict[str, object]:
    """Return a report with --db in the commands of its error."""
    error = report.get("error")
    if not isinstance(error, dict):
        return report
    return report | {"error": {key: text and terminal.with_db(text) for key, text in error.items()}}
