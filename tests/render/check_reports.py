"""Invented reports of ``djpkg check``, built from values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from djpkg.check.report import (
    Alternative,
    CheckedPackage,
    Failure,
    Finding,
    MirrorAge,
    Place,
    Remark,
    Report,
    Severity,
    Target,
    Unlisted,
    Verdict,
)
from djpkg.check.rules import RULES
from djpkg.render.check_github import render_github
from djpkg.render.check_markdown import render_markdown
from djpkg.render.check_text import Screen, render_text
from djpkg.render.check_tsv import render_tsv
from tests.render.samples import hostile_text

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RENDERERS = {"text": render_text, "tsv": render_tsv, "markdown": render_markdown, "github": render_github}
RULE_TITLES = {rule.name: rule.about.format(django="5.2", python="3.12", quiet_after="2y") for rule in RULES}


def finding(
    rule: str, message: str = "", step: str = "", *, fails: bool = False, ignored: str | None = None
) -> Finding:
    """Return a finding, by default a note without a next step."""
    return Finding(rule, Severity.FAIL if fails else Severity.NOTE, message or f"about {rule}", step, ignored)


def package(
    name: str,
    *findings: Finding,
    version: str = "1.0",
    line: int = 3,
    places: Sequence[Place] = (),
    via: Sequence[str] = (),
    django: Verdict | None = Verdict.DECLARED,
    dead: bool = False,
    instead: Sequence[Alternative] = (),
) -> CheckedPackage:
    """Return a dependency in ``uv.lock``, direct unless another brings it in."""
    return CheckedPackage(
        name=name,
        slug=name,
        places=tuple(places) or (Place("uv.lock", line, f"=={version}", version),),
        direct=not via,
        via=tuple(via),
        newest="2.0",
        newest_released="2026-07-24T00:00:00Z",
        django=django,
        python=True,
        evidence="2.0 (2026-07-24) declares Django 5.2",
        findings=findings,
        is_dead=dead,
        instead=tuple(instead),
    )


def unlisted(*names: str) -> tuple[Unlisted, ...]:
    """Return dependencies that the directory does not list; names with ``django`` in them look like its packages."""
    return tuple(Unlisted(name, "uv.lock", 9, "django" in name) for name in names)


def report(
    *packages: CheckedPackage,
    others: Sequence[Unlisted] = (),
    remarks: Sequence[Remark] = (),
    failure: Failure | None = None,
    files: Sequence[str] = ("uv.lock",),
    django: Target | None = None,
    excluded: Sequence[str] = (),
) -> Report:
    """Return a report on these dependencies, with a mirror that was swept 14 hours ago."""
    fails = any(one.severity is Severity.FAIL for one in packages)
    return Report(
        exit_code=5 if failure is not None else int(fails),
        django=django or Target("5.2", "uv.lock:12 pins 5.2.8", "5.2.8"),
        python=Target("3.12", "uv.lock:2 requires Python >=3.12", "3.12"),
        mirror=MirrorAge(datetime(2026, 11, 22, 22, tzinfo=UTC), datetime(2026, 11, 23, 10, tzinfo=UTC), 0),
        files=tuple(files),
        rules=RULE_TITLES,
        packages=tuple(sorted(packages)),
        unlisted=tuple(others),
        excluded_by_marker=tuple(excluded),
        remarks=tuple(remarks),
        failure=failure,
    )


def render(
    shown: Report,
    name: str = "text",
    *,
    width: int = 80,
    colour: bool = False,
    ascii_only: bool = False,
    verbose: bool = False,
) -> str:
    """Return a report in one of the formats."""
    return RENDERERS[name](shown, Screen(width, colour, ascii_only, verbose, NOW))


OLDFORMS = package(
    "django-oldforms",
    finding("yanked", "1.9.0 was yanked on 2026-10-03", "1.9.1 is out and declares Django 5.2", fails=True),
    finding("outdated", "1.9.0 is in use; 1.9.1 is out (2026-10-04)"),
    version="1.9.0",
    line=611,
)
GONEQUEUE = package(
    "django-gonequeue",
    finding("archived", "the repository was archived on 2024-03-02", "replace it, or maintain a fork"),
    version="0.8",
    line=702,
    via=("wagtail-bakery",),
    django=Verdict.UNPROVEN,
    dead=True,
)
QUIET = tuple(
    package(f"django-{letter}", finding("quiet", f"last commit 2020-01-0{number}"))
    for number, letter in enumerate("abc", start=1)
)
FINE = tuple(package(f"django-fine-{number}") for number in range(30))


def sample() -> Report:
    """Return a report with every section."""
    return report(
        OLDFORMS, GONEQUEUE, *QUIET, *FINE, others=unlisted("django-inhouse", *(f"lib{number}" for number in range(99)))
    )


def crowded() -> Report:
    """Return a report with many findings of every rule, alternatives, exceptions and remarks."""
    packages = []
    for number in range(120):
        rules = list(RULE_TITLES)[number % 13 :: 5]
        packages.append(
            package(
                f"django-package-with-a-long-name-{number:03}",
                *(
                    finding(
                        rule,
                        f"evidence of {rule} for this package, with a day (2026-10-03)",
                        f"what to do about {rule}",
                        fails=rule in ("yanked", "gone"),
                        ignored=None if number % 7 or rule in ("yanked", "gone") else "we maintain a fork",
                    )
                    for rule in rules
                ),
                version=f"{number}.10.20.dev{number}",
                via=[f"wagtail-parent-{parent}" for parent in range(number % 6)],
                dead="archived" in rules,
                instead=[Alternative("django-living", "3 of 4 former dependents require it now")] * (number % 3),
                places=[
                    Place(f"requirements/{file}.txt", number + 1, f"=={file}", None)
                    for file in ("base", "prod")[: number % 3]
                ],
            )
        )
    return report(
        *packages,
        others=unlisted(*(f"django-unlisted-{number}" for number in range(40)), "six"),
        remarks=[Remark("pyproject.toml", 12, "exception for django-x, archived: the rule no longer applies")] * 3,
        files=[f"requirements/{name}.txt" for name in ("base", "dev", "prod", "docs")],
        excluded=["colorama", "pywin32"],
    )


def hostile(seed: int) -> Report:
    """Return a report in which every text is hostile."""
    text = [hostile_text(seed * 20 + number) for number in range(14)]
    return report(
        package(
            text[0],
            finding("yanked", text[1], text[2], fails=True),
            finding("quiet", text[3], ignored=text[4]),
            version=text[5],
            places=[Place(text[6], 1, text[7], text[5]), Place(text[8], 2, text[9], None)],
            dead=True,
            instead=[Alternative(text[10], text[11])],
        ),
        package(text[1], finding("archived", text[2]), finding("quiet", text[5], ignored=text[4]), via=[text[3]]),
        *(package(text[number], finding("quiet", text[number])) for number in range(3)),
        package(text[12]),
        others=[Unlisted(text[13], text[6], 1, looks_like_django=True)],
        remarks=[Remark(text[6], 3, text[7])],
        files=[text[6], text[8]],
        django=Target("5.2", text[9], text[10]),
        excluded=[text[11]],
    )
