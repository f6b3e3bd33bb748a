"""The findings of ``djpkg check`` as annotations of GitHub Actions.

The format is that of the workflow commands ``error`` and ``notice``:
https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.check.report import Severity
from djpkg.render import check_summary
from djpkg.render.escape import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from djpkg.check.report import Report
    from djpkg.render.check_summary import Noted, Sections
    from djpkg.render.check_text import Screen

_ERROR, _NOTICE = "error", "notice"
_TITLE = "djpkg check"
# The name of standard input in a report: an annotation cannot refer to it.
_STANDARD_INPUT = "standard input"
# Characters of one message; GitHub shows 4 KB of an annotation.
_MAX_TEXT = 1000


def render_github(report: Report, screen: Screen) -> str:
    """Return one annotation with the answer, one for each dependency that fails or is noted, and one for each group.

    That of a group is at the place of its first. Before them is one on a fetch that did not update all packages. Last
    are the remarks, what is not listed but has the name of a package for Django, and what the project ignores: GitHub
    shows the first ten of a kind for each step.
    """
    return "".join(f"{line}\n" for line in _lines(report, screen))


def _lines(report: Report, screen: Screen) -> Iterator[str]:
    if (fetch := check_summary.describe_fetch(report)) is not None:
        yield _annotation(_NOTICE, f"{_TITLE}: fetch", fetch)
    if report.failure is not None:
        yield _annotation(_ERROR, f"{_TITLE}: not judged", "; ".join(filter(None, report.failure)))
        if not check_summary.can_judge(report):
            return
    answer = [check_summary.describe_answer(report), *check_summary.describe_unlisted(report)[:1]]
    facts = [check_summary.describe_amount(report)[0], check_summary.describe_django(report)]
    facts.append(check_summary.describe_mirror(report, now=screen.now))
    yield _annotation(_NOTICE, _TITLE, f"{'; '.join(answer)} ({', '.join(facts)})")
    sections = check_summary.arrange(report)
    for noted in sections.fails:
        failing = tuple(one for one in noted.findings if one.severity is Severity.FAIL)
        yield _of_package(_ERROR, noted._replace(findings=failing))
    yield from _notices(report, sections)


def _notices(report: Report, sections: Sections) -> Iterator[str]:
    for noted in sections.notes:
        yield _of_package(_NOTICE, noted)
    for rule, members in sections.groups.items():
        names = ", ".join(check_summary.with_parent(one.package) for one in members)
        place = check_summary.find_place(members[0])
        message = f"{report.rules[rule]}: {names}"
        yield _annotation(_NOTICE, f"{_TITLE}: {rule}", message, file=place.file, line=place.line)
    for remark in report.remarks:
        yield _annotation(_NOTICE, _TITLE, remark.message, file=remark.file, line=remark.line)
    for one in report.unlisted if check_summary.can_judge(report) else ():
        if one.looks_like_django:
            message = f"{one.name} is {check_summary.not_listed(report)} and not judged"
            yield _annotation(_NOTICE, f"{_TITLE}: {one.name}", message, file=one.file, line=one.line)
    for reason, members in sections.ignored.items():
        names = ", ".join(map(check_summary.with_rules, members))
        yield _annotation(_NOTICE, f"{_TITLE}: ignored", f"ignored ({reason}): {names}")


def _of_package(kind: str, noted: Noted) -> str:
    package = noted.package
    rules = ", ".join(finding.rule for finding in noted.findings)
    texts = [finding.message for finding in noted.findings]
    texts += [text if label == "next" else f"{label}: {text}" for label, text in check_summary.next_steps(noted)]
    message = (
        f"{package.name} {check_summary.find_version(noted)}".rstrip()
        + f" ({check_summary.describe_origin(package)}): "
    )
    place = check_summary.find_place(noted)
    title = f"{_TITLE}: {package.name} {rules}"
    return _annotation(kind, title, message + "; ".join(texts), file=place.file, line=place.line)


def _annotation(kind: str, title: str, message: str, *, file: str = _STANDARD_INPUT, line: int = 0) -> str:
    """Return one workflow command."""
    place = f"file={_property(file)},line={line}," if file != _STANDARD_INPUT else ""
    return f"::{kind} {place}title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Return a message as GitHub expects it; other control characters become visible marks."""
    cut = text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"
    return escape(cut.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
