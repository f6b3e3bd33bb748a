"""The result of ``djpkg check``: what the renderers draw and what ``--json`` prints.

All texts are unescaped: names and versions come from files and from PyPI, so a renderer for a terminal escapes them.
Days are ``YYYY-MM-DD``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


# Exit codes of a fetch that has stored answers.
_STORED = (0, 5)


class Severity(StrEnum):
    """Whether a finding makes the command fail."""

    FAIL = "fail"
    NOTE = "note"


class Verdict(StrEnum):
    """What the newest release of a package states about the Django series asked for."""

    DECLARED = "declared"
    EXCLUDED = "excluded"
    AHEAD = "ahead"
    ALLOWED = "allowed"
    UNPROVEN = "unproven"


class Target(NamedTuple):
    """The version of Django or Python that was asked for: ``5.2``; None where it is unknown.

    `why` states where it comes from: ``--django``, ``uv.lock:12 pins 5.2.8``, ``newest series on PyPI``. `release` is
    the full version where a file pins one (``5.2.8``), else None.
    """

    version: str | None
    why: str
    release: str | None = None


class MirrorAge(NamedTuple):
    """When the catalog was last read completely, None for never, and the oldest answer about these packages.

    That is of all last answers of their forges and PyPI; see `age.last_answers`. `age_days` is the age of the older of
    the two times in whole days, None if neither is known.
    """

    swept: datetime | None
    answered: datetime | None
    age_days: int | None


class FetchResult(NamedTuple):
    """How the fetch before a check ended: its exit code, and why packages were not updated, for each cause one line.

    Without causes all packages were updated. What a rate limit deferred was not, although the exit code is 0.
    """

    exit_code: int
    causes: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """Return ``complete``, ``incomplete`` where some packages were updated, or ``failed``."""
        return "complete" if not self.causes else "incomplete" if self.exit_code in _STORED else "failed"


class Place(NamedTuple):
    """One place in a file that names a dependency. `pinned` is the one version that it allows, else None."""

    file: str
    line: int
    specifier: str
    pinned: str | None

    @property
    def stated(self) -> str:
        """The specifier, or the version of a lock file as one; "" where any version is allowed."""
        return self.specifier or ("" if self.pinned is None else f"=={self.pinned}")


class Finding(NamedTuple):
    """One rule that applies to one dependency.

    `message` is one sentence with the evidence and its date, without the name of the package and without a period:
    ``1.9.0 is yanked``. `next` is what the reader can do, "" for nothing: ``1.9.1 is out and allows Django 5.2``.
    `ignored` is the reason why it does not fail: that of an exception, or ``in the baseline``; None without one.
    `place` is the place that it is about, None for all.
    """

    rule: str
    severity: Severity
    message: str
    next: str = ""
    ignored: str | None = None
    place: Place | None = None


class Alternative(NamedTuple):
    """A living package to use in place of a dead one. `slug` is its slug, or an address of the user's ``replaced_by``.

    `reason` follows the slug in a sentence: ``3 of 4 former dependents require it now``.
    """

    slug: str
    reason: str


class CheckedPackage(NamedTuple):
    """One dependency that the directory lists, with what the rules found; none where it is fine.

    `name` is the normalized name in the files, `slug` that of the directory. `via` are the sorted names of the
    dependencies that bring it in; it can be `direct` as well. `newest` is the newest release on PyPI, and
    `newest_released` its upload time in whole seconds of UTC with ``Z``. `django` is None without a known release;
    `evidence` states why, with the date: ``2.6 (2026-07-24) declares Django 5.2``. `python` is whether the newest
    release fits the Python asked for, None where that is unknown.
    `is_dead` is whether one of its findings means that it has no future; then no `instead` means "none known",
    or that the replacement that the user noted does not fit, for the reason in `unfit`.
    """

    name: str
    slug: str
    places: tuple[Place, ...]
    direct: bool
    via: tuple[str, ...]
    newest: str | None
    newest_released: str | None
    django: Verdict | None
    python: bool | None
    evidence: str
    findings: tuple[Finding, ...] = ()
    is_dead: bool = False
    instead: tuple[Alternative, ...] = ()
    unfit: str = ""

    @property
    def version(self) -> str:
        """The first pinned version in the files, else the first specifier, else ""."""
        pins = [place.pinned for place in self.places if place.pinned is not None]
        return next(iter([*pins, *(place.specifier for place in self.places if place.specifier)]), "")

    @property
    def severity(self) -> Severity | None:
        """FAIL if any finding fails, NOTE if it has others, None if it is fine."""
        if not self.findings:
            return None
        return Severity.FAIL if any(one.severity is Severity.FAIL for one in self.findings) else Severity.NOTE


class Unlisted(NamedTuple):
    """A dependency that the directory does not list. `looks_like_django` is whether its name suggests a package for
    Django, so that it is named even where the others are counted.
    """

    name: str
    file: str
    line: int
    looks_like_django: bool


class Remark(NamedTuple):
    """A note that belongs to no dependency, such as an exception that no longer applies. `line` is in `file`."""

    file: str
    line: int
    message: str


class Failure(NamedTuple):
    """Why the command could not judge, and the next step."""

    message: str
    hint: str | None = None


class Report(NamedTuple):
    """The whole result. `packages` and `unlisted` are sorted by name; `excluded_by_marker` are names.

    `rules` has every rule in the order of the documentation, with a few words for the heading of a group:
    ``quiet`` -> ``no commit and no release for 2 y``. `files` are those that were read. `failure` is set where the exit
    code is not that of the findings. `fetch` is None without ``--fetch``.
    """

    exit_code: int
    django: Target
    python: Target
    mirror: MirrorAge
    files: tuple[str, ...]
    rules: Mapping[str, str]
    packages: tuple[CheckedPackage, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()
    excluded_by_marker: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    failure: Failure | None = None
    fetch: FetchResult | None = None

    @property
    def required(self) -> int:
        """The number of dependencies for this Python and Linux, listed or not."""
        return len(self.packages) + len(self.unlisted)

    def with_severity(self, severity: Severity | None) -> tuple[CheckedPackage, ...]:
        """Return the dependencies that fail, that have only notes, or (None) that are fine."""
        return tuple(package for package in self.packages if package.severity is severity)

    @property
    def counts(self) -> dict[str, int]:
        """The number of dependencies for each rule that it applies to, whether that fails or not; 0 for the others."""
        found = [rule for package in self.packages for rule in {finding.rule for finding in package.findings}]
        return {rule: found.count(rule) for rule in self.rules}

    def as_json(self) -> dict[str, object]:
        """Return the object that ``--json`` prints."""
        swept = self.mirror.swept
        result: dict[str, object] = {
            "schema": 1,
            "exit": self.exit_code,
            "django": {"version": self.django.version, "why": self.django.why},
            "python": {"version": self.python.version, "why": self.python.why},
            "mirror": {"swept": None if swept is None else format_time(swept), "age_days": self.mirror.age_days},
            "files": list(self.files),
            "packages": [_package_as_json(package) for package in self.packages],
            "unlisted": [one.name for one in self.unlisted],
            "excluded_by_marker": list(self.excluded_by_marker),
            "counts": self.counts,
        }
        if self.fetch is not None:
            result["fetch"] = {"exit": self.fetch.exit_code, "causes": list(self.fetch.causes)}
        if self.failure is not None:
            result["error"] = {"message": self.failure.message, "hint": self.failure.hint}
        return result


def _package_as_json(package: CheckedPackage) -> dict[str, object]:
    return {
        "name": package.name,
        "slug": package.slug,
        "requirements": [
            {"file": place.file, "line": place.line, "specifier": place.specifier, "pinned": place.pinned}
            for place in package.places
        ],
        "direct": package.direct,
        "via": list(package.via),
        "newest": package.newest,
        "newest_released": package.newest_released,
        "django": package.django,
        "python": package.python,
        "evidence": package.evidence,
        "findings": [
            {"rule": one.rule, "severity": one.severity, "message": one.message, "ignored": one.ignored}
            for one in package.findings
        ],
        "instead": [{"slug": one.slug, "reason": one.reason} for one in package.instead],
    }
