"""Exceptions of a project: ``[tool.djpkg.check]`` in its ``pyproject.toml``, and an earlier report as a baseline."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from djpkg.check.report import Remark
from djpkg.errors import UsageError
from djpkg.text import is_text, quote_input

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from djpkg.requirements.toml_file import TomlFile

_TABLE = ("tool", "djpkg", "check")
_KEYS = ("package", "rule", "reason", "until")
BASELINE_REASON = "in the baseline"


class Ignored(NamedTuple):
    """One entry of `ignore`: a rule that does not fail for a package, up to and including the day `until`."""

    package: str
    rule: str
    reason: str
    until: date | None
    file: str
    line: int


class FindingKey(NamedTuple):
    """What identifies a finding in a baseline: `release` is the yanked release, None for other rules."""

    package: str
    rule: str
    direct: bool
    release: str | None = None


class Judged(NamedTuple):
    """What a check judged, which shows whether an exception is stale.

    `found` are the package and rule of all findings, `answered` the packages that all their sources have answered
    about, and `required` all dependencies. Without `whole_project`, other files may require more.
    """

    found: Collection[tuple[str, str]]
    answered: Collection[str]
    required: Collection[str]
    whole_project: bool


class Exceptions(NamedTuple):
    """All exceptions: those of the project, and the findings in the baseline."""

    ignored: tuple[Ignored, ...] = ()
    baseline: frozenset[FindingKey] = frozenset()

    def reason(self, finding: FindingKey, *, today: date) -> str | None:
        """Return why a finding does not fail, None if it may."""
        for one in self.ignored:
            if (one.package, one.rule) == finding[:2] and (one.until is None or today <= one.until):
                return one.reason
        return BASELINE_REASON if finding in self.baseline else None

    def stale(self, judged: Judged, *, today: date) -> Iterator[Remark]:
        """Yield a remark for each entry that is past its day or certainly no longer applies."""
        for one in self.ignored:
            entry = f"exception for {one.package}, {one.rule}"
            if one.until is not None and one.until < today:
                yield Remark(one.file, one.line, f"{entry}: ended on {one.until}; renew or remove it")
            elif not judged.whole_project:
                continue
            elif one.package not in judged.required:
                yield Remark(one.file, one.line, f"{entry}: {one.package} is not required; remove it")
            elif one.package in judged.answered and (one.package, one.rule) not in judged.found:
                yield Remark(one.file, one.line, f"{entry}: the rule no longer applies; remove it")


def parse_ignored(file: TomlFile, rules: Collection[str]) -> tuple[Ignored, ...]:
    """Return the entries of `ignore`; UsageError with file and line for an invalid one."""
    for key in file.table(*_TABLE[:-1]):
        if key != _TABLE[-1]:
            raise file.error("is unknown; use check", *_TABLE[:-1], key)
    for key in file.table(*_TABLE):
        if key != "ignore":
            raise file.error("is unknown; use ignore", *_TABLE, key)
    return tuple(_parse_entry(file, entry, index, rules) for index, entry in enumerate(file.list(*_TABLE, "ignore")))


def parse_baseline(name: str, text: str) -> frozenset[FindingKey]:
    """Return the findings in the output of ``check --json``; UsageError for other texts and for a failed check."""
    hint = "make one with djpkg check --json > REPORT.json"
    try:
        report: object = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{name}:{error.lineno}: invalid JSON: {error.msg} (column {error.colno})"
        raise UsageError(message, hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: invalid JSON", hint=hint) from error
    if isinstance(report, dict) and "error" in report:
        raise UsageError(f"{name}: the report of a check that could not judge", hint=hint)
    packages = report.get("packages") if isinstance(report, dict) and report.get("schema") == 1 else None
    try:
        return frozenset(
            _finding_key(_text(package["name"]), package["direct"], _text(finding["rule"]), _text(finding["message"]))
            for package in _list(packages)
            for finding in _list(package["findings"])
        )
    except (KeyError, TypeError) as error:
        raise UsageError(f"{name}: not the output of check --json", hint=hint) from error


def _finding_key(package: str, direct: object, rule: str, message: str) -> FindingKey:
    """Return a finding of a report; the message of a yanked release begins with its version."""
    if not isinstance(direct, bool):
        raise TypeError
    return FindingKey(package, rule, direct, re.split("[, ]", message, maxsplit=1)[0] if rule == "yanked" else None)


def unknown_rule(name: str, rules: Collection[str]) -> UsageError:
    """Return the error for an unknown rule, with the nearest name."""
    from difflib import get_close_matches  # noqa: PLC0415 - only after a typing error

    near = get_close_matches(name.strip().lower(), rules, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"use some of: {', '.join(rules)}"
    return UsageError(f"unknown rule {quote_input(name)}", hint=hint)


def _parse_entry(file: TomlFile, entry: object, index: int, rules: Collection[str]) -> Ignored:
    from djpkg.requirements.toml_file import normalize_name  # noqa: PLC0415 - few projects have exceptions

    path = (*_TABLE, "ignore", index)
    if not isinstance(entry, dict):
        raise file.error("is not a table", *path)
    package = entry.get("package")
    line = file.lines.line_of_string((*path, "package"), package) if is_text(package) else file.line(*path)
    place = f"{file.name}:{line}"
    for key in entry:
        if key not in _KEYS:
            message = f"{place}: unknown key {quote_input(str(key))} in an exception"
            raise UsageError(message, hint=f"use {', '.join(_KEYS)}")
    for key in ("package", "rule", "reason"):
        if not is_text(entry.get(key)) or not entry[key].strip():
            raise UsageError(f"{place}: an exception has no {key}", hint=_example())
    rule = entry["rule"].strip()
    if rule not in rules:
        error = unknown_rule(rule, rules)
        raise UsageError(f"{place}: {error}", hint=error.hint)
    until = _parse_day(entry.get("until"), place)
    return Ignored(normalize_name(entry["package"], place), rule, entry["reason"].strip(), until, file.name, line)


def _parse_day(value: object, place: str) -> date | None:
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
    except ValueError:
        pass
    raise UsageError(f"{place}: until is not a day such as 2027-01-31")


def _example() -> str:
    return 'for example: {package = "django-x", rule = "archived", reason = "we maintain a fork", until = 2027-01-31}'


def _list(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
