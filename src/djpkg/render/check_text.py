"""The report of ``djpkg check`` as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.check.report import Severity
from djpkg.render.escape import escape

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.check.report import Report


class Screen(NamedTuple):
    """What a renderer needs to know of the output. `width` counts for text alone; `verbose` names what is fine too."""

    width: int
    colour: bool
    ascii_only: bool
    verbose: bool
    now: datetime


def render_text(report: Report, screen: Screen) -> str:
    """Return the answer in two lines, then what fails, then the notes, then the remarks."""
    fails, notes, fine = (report.with_severity(one) for one in (Severity.FAIL, Severity.NOTE, None))
    lines = [
        (
            f"{', '.join(report.files)}: {report.required} packages, {len(report.packages)} in the directory"
            f" - Django {report.django.release or 'unknown'} - mirror {report.mirror.age_days} d old"
        ),
        f"{len(fails)} fail, {len(notes)} notes, {len(fine)} fine; {len(report.unlisted)} are not in the directory",
    ]
    for word, packages in (("FAIL", fails), ("NOTE", notes)):
        for package in packages:
            place = package.places[0]
            origin = "direct" if package.direct else f"via {', '.join(package.via)}"
            lines += ["", f"{word}  {package.name} {package.version}  {place.file}:{place.line}  {origin}"]
            for finding in package.findings:
                lines.append(f"      {finding.rule:<10}  {finding.message}")
                lines += [f"      {'next':<10}  {finding.next}"] if finding.next else []
            if package.is_dead or package.instead:
                offered = ", ".join(f"{one.slug} ({one.reason})" for one in package.instead)
                lines.append(f"      {'instead':<10}  {offered or 'none known'}")
    lines += [f"NOTE  {remark.file}:{remark.line}  {remark.message}" for remark in report.remarks]
    if screen.verbose:
        lines += [f"fine: {', '.join(package.name for package in fine)}"]
    return "".join(f"{escape(line)}\n" for line in lines)
