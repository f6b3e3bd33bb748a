"""The report of ``djpkg check`` as Markdown, for the comment of a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.check.report import Severity
from djpkg.render import check_summary
from djpkg.render.escape import escape
from djpkg.render.markdown import escape_markup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from djpkg.check.report import Report
    from djpkg.render.check_summary import Noted, Sections
    from djpkg.render.check_text import Screen

# Rows and list items; GitHub takes comments of up to 65,536 characters.
_MAX_ROWS = 50
_MAX_NAMES = 100
_MAX_TEXT = 300
_MAX_FILES = 100
# Notes that are shown without a fold.
_FEW = 3
# GitHub makes links of @name, #1 and GH-1 also where the sign is escaped; a comment after it prevents that.
_LINKED = re.compile(r"(\\#|@|(?<=[Gg][Hh])-(?=\d))")
# What GitHub documents for a dollar sign that does not begin mathematics.
_DOLLAR = "<span>$</span>"


def render_markdown(report: Report, screen: Screen) -> str:
    """Return a heading with the answer, a table of what fails, and a list of the notes, folded if it is long."""
    return "\n".join(_lines(report, screen)) + "\n"


def _lines(report: Report, screen: Screen) -> Iterator[str]:
    sections = check_summary.arrange(report)
    yield f"### djpkg check: {check_summary.describe_answer(report)}"
    yield ""
    if report.failure is not None:
        yield f"**{_text('; '.join(filter(None, report.failure)))}**"
        yield ""
    files = next((name for name in check_summary.describe_files(report.files) if len(name) <= _MAX_FILES), "files")
    facts = [f"{files}: {check_summary.describe_amount(report)[0]}", check_summary.describe_django(report)]
    facts.append(check_summary.describe_mirror(report, now=screen.now))
    yield " · ".join(map(_text, facts))
    if (fetch := check_summary.describe_fetch(report)) is not None:
        yield ""
        yield f"**Fetch {_text(fetch)}**"
    if sections.fails:
        yield ""
        yield from _table(sections)
    notes = list(_notes(report, sections)) if check_summary.can_judge(report) else []
    if notes:
        yield ""
        yield from notes if len(notes) <= _FEW else _folded(check_summary.describe_notes(report), notes)
    yield ""
    yield from _rest(report, verbose=screen.verbose)


def _table(sections: Sections) -> Iterator[str]:
    yield "| fails | where | why | next |"
    yield "|---|---|---|---|"
    for noted in sections.fails[:_MAX_ROWS]:
        failing = [one for one in noted.findings if one.severity is Severity.FAIL]
        why = "<br>".join(f"**{one.rule}**: {_text(one.message)}" for one in failing)
        others = ", ".join(one.rule for one in noted.findings if one not in failing)
        why += f"<br>also {others}" if others else ""
        yield f"| {_name(noted)} | {_where(noted)} | {why} | {_steps(noted, '<br>')} |"
    if (rest := len(sections.fails) - _MAX_ROWS) > 0:
        yield f"| and {rest:,} more | | | |"


def _notes(report: Report, sections: Sections) -> Iterator[str]:
    for noted in sections.notes[:_MAX_ROWS]:
        evidence = "; ".join(f"{one.rule}: {_text(one.message)}" for one in noted.findings)
        steps = _steps(noted, "; ")
        yield f"- {_name(noted)} ({_where(noted)}): {evidence}{f'; {steps}' if steps else ''}"
    if (rest := len(sections.notes) - _MAX_ROWS) > 0:
        yield f"- and {rest:,} more"
    for rule, members in sections.groups.items():
        names = [check_summary.with_parent(one.package) for one in members]
        yield f"- **{rule}** ({_text(report.rules[rule])}): {_names(names)}"
    for reason, members in sections.ignored.items():
        yield f"- ignored ({_text(reason)}): {_names([check_summary.with_rules(one) for one in members])}"
    for remark in report.remarks:
        yield f"- {_text(f'{remark.file}:{remark.line}')}: {_text(remark.message)}"


def _folded(title: str, lines: list[str]) -> Iterator[str]:
    # The blank lines make GitHub read the lines between as Markdown.
    yield from (f"<details><summary>{title}</summary>", "", *lines, "", "</details>")


def _rest(report: Report, *, verbose: bool) -> Iterator[str]:
    if (unlisted := check_summary.name_unlisted(report, verbose=verbose)) is not None:
        words, names = unlisted
        yield words + _names(names)
        yield ""
    verdicts = ", ".join(check_summary.describe_verdicts(report))
    why = f" ({_text(report.django.why)})" if report.django.why else ""
    yield f"{_text(check_summary.describe_django(report))}{why}{f': {verdicts}' if verdicts else ''}"


def _name(noted: Noted) -> str:
    version = _text(check_summary.find_version(noted))
    return f"**{_text(noted.package.name)}**{f' {version}' if version else ''}"


def _where(noted: Noted) -> str:
    place = check_summary.describe_place(noted)
    return f"{_text(place)}, {_text(check_summary.describe_origin(noted.package))}"


def _steps(noted: Noted, separator: str) -> str:
    return separator.join(
        _text(text) if label == "next" else f"{label}: {_text(text)}" for label, text in check_summary.next_steps(noted)
    )


def _names(names: list[str]) -> str:
    rest = len(names) - _MAX_NAMES
    return ", ".join(map(_text, names[:_MAX_NAMES])) + (f" and {rest:,} more" if rest > 0 else "")


def _text(text: str) -> str:
    """Return text that GitHub shows as it is: without markup, HTML, mentions and references."""
    return _LINKED.sub(r"\1<!-- -->", escape_markup(escape(text, limit=_MAX_TEXT)).replace("$", _DOLLAR))
