"""What the reports of ``djpkg check`` share: what is grouped, and the answer in words. All texts are unescaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.check.report import Severity, Verdict
from djpkg.render import relative_time
from djpkg.text import pluralize
from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from djpkg.check.report import CheckedPackage, Finding, Place, Report

# Rules whose evidence a reader needs for each package. Findings of the others are grouped where there are many.
_NEVER_GROUPED = frozenset(("yanked", "gone", "archived", "removed", "excluded", "replaced"))
_MANY = 3
_NAMES_SHOWN = 3
_VERDICTS = (Verdict.DECLARED, Verdict.ALLOWED, Verdict.UNPROVEN, Verdict.AHEAD, Verdict.EXCLUDED)


class Noted(NamedTuple):
    """A dependency and those of its findings that belong in one place of the report."""

    package: CheckedPackage
    findings: tuple[Finding, ...]


class Sections(NamedTuple):
    """The findings in the order of the report; each is in one place.

    `fails` are the dependencies that fail, with all findings; `notes` those with evidence of their own; `groups` the
    others by rule, and `ignored` by the reason why they do not fail.
    """

    fails: tuple[Noted, ...]
    notes: tuple[Noted, ...]
    groups: dict[str, tuple[Noted, ...]]
    ignored: dict[str, tuple[Noted, ...]]


def arrange(report: Report) -> Sections:
    """Return the findings of a report in sections."""
    order = list(report.rules)
    fails = [Noted(package, package.findings) for package in report.with_severity(Severity.FAIL)]
    noted = report.with_severity(Severity.NOTE)
    open_findings = [(package, one) for package in noted for one in package.findings if one.ignored is None]
    by_rule = {rule: [pair for pair in open_findings if pair[1].rule == rule] for rule in report.rules}
    groups = {
        rule: tuple(Noted(package, (finding,)) for package, finding in found)
        for rule, found in by_rule.items()
        if len(found) >= _MANY and rule not in _NEVER_GROUPED
    }
    notes = []
    ignored: dict[str, list[Noted]] = {}
    for package in noted:
        alone = tuple(one for one in package.findings if one.ignored is None and one.rule not in groups)
        notes += [Noted(package, alone)] if alone else []
        reasons: dict[str, list[Finding]] = {}
        for finding in package.findings:
            if finding.ignored is not None:
                reasons.setdefault(finding.ignored, []).append(finding)
        for reason, found_for_it in reasons.items():
            ignored.setdefault(reason, []).append(Noted(package, tuple(found_for_it)))
    # The most important rule first, and what the project itself requires before what others bring in.
    notes.sort(key=lambda noted: (min(order.index(one.rule) for one in noted.findings), not noted.package.direct))
    return Sections(
        tuple(fails), tuple(notes), groups, {reason: tuple(packages) for reason, packages in ignored.items()}
    )


def can_judge(report: Report) -> bool:
    """Return whether the mirror has anything to judge by. Without a catalog nothing is known to be unlisted."""
    return report.failure is None or bool(report.packages)


def next_steps(noted: Noted) -> list[tuple[str, str]]:
    """Return what the reader can do, each with its label: ``next`` of what fails or is shown, then ``instead``."""
    package, findings = noted
    failing = [one for one in findings if one.severity is Severity.FAIL]
    advised = failing or ([] if package.is_dead else findings)
    steps = [("next", text) for text in dict.fromkeys(one.next for one in advised if one.next)]
    if package.instead:
        steps += [("instead", f"{one.slug} ({one.reason})" if one.reason else one.slug) for one in package.instead]
    elif package.is_dead:
        steps.append(("instead", f"none fits: {package.unfit}" if package.unfit else "none known"))
    return steps


def describe_files(files: Sequence[str]) -> list[str]:
    """Return names for all files together, the longest first."""
    if not files:
        return ["no file"]
    if len(files) == 1:
        folder, slash, name = files[0].rpartition("/")
        return [files[0], f".../{name}"] if slash and folder else [files[0]]
    named = [", ".join(files)]
    folders = {file.rpartition("/")[0] for file in files}
    if len(folders) == 1 and (folder := folders.pop()):
        named.append(f"{len(files)} files in {folder}")
    return [*named, f"{len(files)} files"]


def describe_amount(report: Report) -> list[str]:
    """Return ``150 packages, 41 in the directory``, and a shorter form."""
    required = pluralize(report.required, "package")
    if not can_judge(report):
        return [required]
    listed = f"{len(report.packages):,}" if report.packages else "none"
    return [f"{required}, {listed} in the directory", f"{required}, {listed} listed"]


def describe_django(report: Report) -> str:
    """Return ``Django 5.2.8``."""
    return f"Django {report.django.release or report.django.version or 'unknown'}"


def describe_mirror(report: Report, *, now: datetime) -> str:
    """Return ``mirror 14 h old``: the age of the last sweep or answer, whichever is older.

    After a fetch that did not update all packages, that follows: ``mirror 14 h old, fetch failed``.
    """
    result = f", fetch {report.fetch.word}" if report.fetch is not None and report.fetch.causes else ""
    times = [time for time in (report.mirror.swept, report.mirror.answered) if time is not None]
    if not times:
        return f"mirror never fetched{result}"
    age = relative_time.relative(format_time(min(times)), now=now, short=True)
    if age == "now":
        return f"mirror updated just now{result}" if result else "mirror just fetched"
    return f"mirror {age} old{result}" if age[0].isdigit() else f"mirror {age}{result}"


def describe_fetch(report: Report) -> str | None:
    """Return why a fetch did not update all packages: ``failed: github: no connection``; None if there is no cause."""
    if report.fetch is None or not report.fetch.causes:
        return None
    return f"{report.fetch.word}: {'; '.join(report.fetch.causes)}"


def describe_result(report: Report) -> str:
    """Return ``1 fails, 5 notes, 35 fine``: numbers of dependencies; the remarks count as notes."""
    if not report.packages:
        return "nothing to judge"
    fails, fine = (len(report.with_severity(one)) for one in (Severity.FAIL, None))
    failed = "nothing fails" if not fails else "1 fails" if fails == 1 else f"{fails:,} fail"
    return f"{failed}, {describe_notes(report)}, {fine:,} fine"


def describe_notes(report: Report) -> str:
    """Return ``5 notes``: the number of dependencies that have only notes, and of remarks."""
    notes = len(report.with_severity(Severity.NOTE)) + len(report.remarks)
    return pluralize(notes, "note") if notes else "no notes"


def describe_answer(report: Report) -> str:
    """Return the result, or that it is based on old data, or that nothing could be judged."""
    if report.failure is None:
        return describe_result(report)
    return f"not judged; as of then {describe_result(report)}" if report.packages else "not judged"


def describe_unlisted(report: Report) -> list[str]:
    """Return ``109 are not in the directory and not judged``, and a shorter form; [] if there are none."""
    number = len(report.unlisted)
    if not number or not can_judge(report):
        return []
    verb = "is" if number == 1 else "are"
    where = not_listed(report)
    return [f"{number:,} {verb} {where} and not judged", f"{number:,} {where}"]


def name_unlisted(report: Report, *, verbose: bool) -> tuple[str, list[str]] | None:
    """Return what is not in the directory, and the names that follow: ``3 … not judged, among them ``, ``[django-x]``.

    With `verbose` those are all names. None if there is nothing to state.
    """
    counted = describe_unlisted(report)
    if not counted:
        return None
    named = [one.name for one in report.unlisted if one.looks_like_django or verbose]
    words = ": " if len(named) == len(report.unlisted) else ", among them "
    return f"{counted[0]}{words if named else ''}", named


def not_listed(report: Report) -> str:
    """Return ``not in the directory``, or ``not in the mirror`` until the catalog was read completely."""
    return "not in the mirror" if report.mirror.swept is None else "not in the directory"


def describe_verdicts(report: Report) -> list[str]:
    """Return how many of the listed dependencies have which verdict: ``30 declared``, ``5 allowed``; [] if unknown."""
    if report.django.version is None:
        return []
    found = [package.django for package in report.packages]
    counts = [f"{found.count(verdict):,} {verdict.value}" for verdict in _VERDICTS if verdict in found]
    return [*counts, f"{found.count(None):,} without a known release"] if None in found else counts


def find_place(noted: Noted) -> Place:
    """Return the place that a finding is about, of what fails first; the first place otherwise."""
    findings = sorted(noted.findings, key=lambda one: one.severity is not Severity.FAIL)
    return next((one.place for one in findings if one.place is not None), noted.package.places[0])


def find_version(noted: Noted) -> str:
    """Return the version at that place, else that of the package."""
    place = find_place(noted)
    is_named = any(finding.place == place for finding in noted.findings)
    return place.pinned or (place.specifier if is_named else "") or noted.package.version


def describe_place(noted: Noted) -> str:
    """Return where a dependency is written: ``uv.lock:611``, or ``base.txt:3 and 1 more``."""
    place, others = find_place(noted), len(noted.package.places) - 1
    return f"{place.file}:{place.line}{f' and {others:,} more' if others else ''}"


def describe_pins(package: CheckedPackage) -> list[str]:
    """Return every place with its version, if they differ; else []."""
    if len({place.stated for place in package.places}) < 2:  # noqa: PLR2004 - nothing differs
        return []
    return [f"{place.file}:{place.line} {place.stated or 'any version'}" for place in package.places]


def describe_origin(package: CheckedPackage) -> str:
    """Return ``direct``, or the dependencies that bring it in: ``via a, b and 3 more``."""
    if package.direct:
        return "direct"
    if not package.via:
        return "indirect"
    rest = len(package.via) - _NAMES_SHOWN
    return f"via {', '.join(package.via[:_NAMES_SHOWN])}{f' and {rest} more' if rest > 0 else ''}"


def with_parent(package: CheckedPackage) -> str:
    """Return the name, and who brings it in if the project does not require it itself: ``a (via b)``."""
    return package.name if package.direct or not package.via else f"{package.name} ({describe_origin(package)})"


def with_rules(noted: Noted) -> str:
    """Return the name with the rules found: ``a (archived, quiet)``."""
    return f"{noted.package.name} ({', '.join(finding.rule for finding in noted.findings)})"
