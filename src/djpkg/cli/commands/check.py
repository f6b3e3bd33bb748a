"""``djpkg check``: whether what a project requires is alive, and what it states about a version of Django."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from djpkg import config
from djpkg.cli import options, output, project_files, terminal
from djpkg.cli.options import AsJson, Db
from djpkg.errors import DjpkgError, MirrorMissing, UsageError
from djpkg.mirror.connection import open_read
from djpkg.model import forge_servers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.check.report import FetchResult, Report
    from djpkg.cli.check_options import Typed
    from djpkg.cli.project_files import ProjectFiles

_DEFAULT_FILE = "."
_DEFAULT_QUIET = "2y"

app = options.new_app()


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg check",
        "djpkg check uv.lock --django 6.0",
        "djpkg check uv.lock --fail-on yanked,gone,archived",
        "djpkg check --max-age 7d --github",
        "djpkg check --json | jq .counts",
        more="Exit codes: 0 nothing fails, 1 a rule of --fail-on applies, 2 a file or option is invalid, 5 the mirror"
        " is too old or empty to judge, 74 there is no mirror.",
    ),
)
def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="requirements.txt, pyproject.toml, a lock file, a folder, or - for pip freeze. Default: this folder.",
        ),
    ] = None,
    *,
    django: Annotated[
        str | None,
        typer.Option(
            "--django",
            metavar="X.Y",
            help="Check against this Django, and fail on what excludes it. Default: the pinned one, else the newest.",
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            "--python",
            metavar="X.Y",
            help="Check against this Python. Default: the lowest that the files support, else Django's newest.",
        ),
    ] = None,
    quiet_after: Annotated[
        str,
        typer.Option("--quiet-after", metavar="SPAN", help="Call it quiet without commit and release for this long."),
    ] = _DEFAULT_QUIET,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on", metavar="RULE,...", help="Exit with 1 if one of these rules applies; none for never."
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="FILE", help="Do not fail on what this earlier --json output contains."),
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age",
            metavar="SPAN",
            help="Exit with 5 if the catalog's list, or an answer about a package, is older.",
        ),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch these packages first; the report states if that fails.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Name also what is fine and what is unlisted.")
    ] = False,
    as_json: AsJson = False,
    as_tsv: Annotated[bool, typer.Option("--tsv", help="Print tab-separated values, one finding a line.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown for the comment of a pull request.")
    ] = False,
    as_github: Annotated[
        bool, typer.Option("--github", help="Print annotations of GitHub Actions, with file and line.")
    ] = False,
    db: Db = None,
) -> None:
    """Check whether the packages that a project requires are alive.

    Finds yanked, gone, archived, moved, removed and quiet packages, and states which of them support a version of
    Django. Reads the mirror; only --fetch sends requests.
    """
    output_format = output.choose_format(json=as_json, tsv=as_tsv, markdown=as_markdown, github=as_github)
    from djpkg.cli.check_options import Typed  # noqa: PLC0415 - loads packaging, which --help does without

    typed = Typed(django, python, quiet_after, fail_on, baseline, max_age)
    try:
        report = _check(files or [_DEFAULT_FILE], typed, db, fetch=fetch, quiet=output_format is not None)
    except DjpkgError as error:
        if as_json or as_github:
            output.write_report(_with_db(_failed_report(error)), output_format, verbose=False)
        raise
    except typer.Exit as ending:  # the fetch was interrupted, and has printed that
        if as_json:
            from djpkg.fetch.report_text import CONTINUE

            interrupted = DjpkgError("interrupted", hint=CONTINUE)
            interrupted.exit_code = ending.exit_code
            output.write_report(_with_db(_failed_report(interrupted)), "json", verbose=False)
            terminal.flush()
        raise
    report = _with_db(report)
    output.write_report(report, output_format, verbose=verbose)
    terminal.flush()
    if report.failure is not None:
        terminal.write_stderr(f"djpkg: {report.failure.message}")
        if report.failure.hint:
            terminal.write_stderr(f"       {report.failure.hint}")
    raise typer.Exit(report.exit_code)


def _check(names: Sequence[str], typed: Typed, db: Path | None, *, fetch: bool, quiet: bool) -> Report:
    """Return the report on the files. Without `quiet`, stderr states which files of a folder were read."""
    from djpkg.check.age import FETCH  # noqa: PLC0415 - loads packaging
    from djpkg.check.check import check  # noqa: PLC0415 - as above
    from djpkg.cli.check_options import parse_options, read_settings  # noqa: PLC0415 - as above
    from djpkg.mirror.check_facts import read_facts  # noqa: PLC0415 - as above

    if "" in names:
        raise UsageError("FILE is empty", hint="for example: djpkg check requirements.txt")
    now = options.now()
    settings = read_settings(names[0])
    checked = parse_options(typed, settings, now=now)
    files = project_files.read_project_files(names)
    project_files.report_files(files._replace(read=()) if quiet else files)
    fetched = _fetch(names, files, db, list_since=checked.oldest, quiet=quiet) if fetch else None
    path = config.mirror_path(os.environ, db)
    catalog, forges = config.catalog_url(os.environ), forge_servers.forge_servers(os.environ)
    try:
        with open_read(path) as mirror:
            facts = read_facts(mirror, files.requirements, catalog=catalog, forges=forges, now=now)
    except MirrorMissing as error:
        raise MirrorMissing(str(error), hint=FETCH) from error
    pythons = (*files.pythons, *settings.pythons)
    report = check(files.requirements, facts, checked, files=files.files, pythons=pythons, now=now)
    return report._replace(fetch=fetched)


def _fetch(
    names: Sequence[str], files: ProjectFiles, db: Path | None, *, list_since: datetime | None, quiet: bool
) -> FetchResult:
    """Fetch the required packages, and before them the catalog if it was not read completely since `list_since`.

    A fetch that fails is trouble on stderr and in the report, and does not change the exit code: the mirror is still
    there, and `--max-age` states how old it may be.
    """
    from djpkg.check.report import FetchResult  # noqa: PLC0415 - for this option alone
    from djpkg.cli.commands import fetch as fetch_command  # noqa: PLC0415 - for this option alone

    try:
        fetched = fetch_command.fetch_required(names, files, db, list_since=list_since, quiet=quiet)
    except DjpkgError as error:
        terminal.print_error(error)
        terminal.write_warning("could not fetch; checking with what the mirror has")
        return FetchResult(error.exit_code, (str(error),))
    from djpkg.fetch import report_text

    failed = [cause.line for cause in report_text.causes(fetched)] if fetched.exit_code else []
    deferred = map(report_text.deferral_line, fetched.deferred)
    others = (line for line in deferred if not any(cause.startswith(line) for cause in failed))
    return FetchResult(fetched.exit_code, (*failed, *others))


def _with_db(report: Report) -> Report:
    """Return the report with --db, if it was given, in the commands that it suggests."""
    with_db = terminal.with_db
    failure = report.failure
    if failure is not None:
        hint = failure.hint and with_db(failure.hint)
        report = report._replace(failure=failure._replace(message=with_db(failure.message), hint=hint))
    return report._replace(
        django=report.django._replace(why=with_db(report.django.why)),
        packages=tuple(
            package._replace(findings=tuple(one._replace(next=with_db(one.next)) for one in package.findings))
            for package in report.packages
        ),
    )


def _failed_report(error: DjpkgError) -> Report:
    """Return the report of a check that could not be made."""
    from djpkg.check.report import Failure, MirrorAge, Report, Target  # noqa: PLC0415 - after an error alone
    from djpkg.check.rules import RULES  # noqa: PLC0415 - as above

    return Report(
        exit_code=error.exit_code,
        django=Target(None, ""),
        python=Target(None, ""),
        mirror=MirrorAge(None, None, None),
        files=(),
        rules={rule.name: rule.about for rule in RULES},
        failure=Failure(str(error), error.hint),
    )
