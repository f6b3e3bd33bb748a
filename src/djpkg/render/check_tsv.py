"""The findings of ``djpkg check`` as tab-separated values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.render import check_summary
from djpkg.render.check_summary import Noted, find_place, find_version
from djpkg.render.delimited import tsv_line

if TYPE_CHECKING:
    from djpkg.check.report import CheckedPackage, Finding, Report
    from djpkg.model.package import Value
    from djpkg.render.check_text import Screen

HEADER = (
    "severity", "rule", "name", "slug", "version", "file", "line", "direct", "via", "message", "next", "ignored",
    "instead",
)  # fmt: skip


def render_tsv(report: Report, _screen: Screen) -> str:
    """Return a header and one line per finding, with the place of the version that it is about.

    `via` and `instead` are JSON lists of names.
    """
    return tsv_line(HEADER) + "".join(
        tsv_line(_values(package, finding)) for package in report.packages for finding in package.findings
    )


def describe_unlisted(report: Report, *, verbose: bool) -> str | None:
    """Return what the table has no lines for: ``3 are not in the directory and not judged, among them django-x``."""
    if (unlisted := check_summary.name_unlisted(report, verbose=verbose)) is None:
        return None
    words, names = unlisted
    return words + ", ".join(names)


def _values(package: CheckedPackage, finding: Finding) -> list[Value]:
    noted = Noted(package, (finding,))
    place, version = find_place(noted), find_version(noted)
    return [
        finding.severity.value, finding.rule, package.name, package.slug, version, place.file, place.line,
        package.direct, list(package.via), finding.message, finding.next, finding.ignored,
        [one.slug for one in package.instead],
    ]  # fmt: skip
