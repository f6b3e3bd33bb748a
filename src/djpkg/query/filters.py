"""Parse the values of filters: ``stars:``, ``updated:``, ``license:`` and so on."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from djpkg.errors import UsageError
from djpkg.model import fields, state
from djpkg.model.fields import Field, Kind
from djpkg.model.overrides import normalize_tag
from djpkg.query import date_ranges
from djpkg.source_name import FORGES, SourceName
from djpkg.text import quote_input
from djpkg.times import format_sortable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_SOURCES = tuple(source.value for source in SourceName)
# The possible values of fields with a fixed set of them.
CHOICES: dict[str, tuple[str, ...]] = {
    "state": state.NAMES,
    "forge": tuple(forge.value for forge in FORGES),
    "repo_state": ("ok", "moved", "gone", "blocked", "empty", "unsupported", "none"),
    "pypi_state": ("ok", "gone", "none"),
    "catalog_state": ("listed", "removed"),
    "checked": _SOURCES,
    "failed": _SOURCES,
}
# Numbers that may be negative.
_SIGNED = frozenset({"stars_90d", "stars_1y"})
VERSION_LISTS = frozenset({"python_versions", "django_versions"})

# Texts that begin with a comparison, such as ">=3.8".
_SPECIFIERS = frozenset({"requires_python", "django_requires"})

_VALUE = re.compile(r'(?:"[^"]*"|[^,"]|")+?(?=,|\Z)')
_NUMBER = re.compile(r"[0-9]{1,18}")
_SIGNED_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NUMBER_RANGE = re.compile(r"[0-9]*\.\.[0-9]*")
_TEXT_RANGE = re.compile(r"(?:[0-9][\w.+-]*)?\.\.(?:[0-9][\w.+-]*)?")
_VERSION = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,4}))?")
_MISSING = frozenset({"none", "null"})
_OPERATOR = re.compile(r"(!=|[<>]=|=[=<>]|[=<>])\s*(.*)", re.DOTALL)
_MAX_SUGGESTIONS = 3
_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"no", "false", "0"})
Bound = TypeVar("Bound", int, str)


class TextMatch(NamedTuple):
    """The value equals or contains the text, depending on the field (see `where_clause`)."""

    text: str


class Range(NamedTuple):
    """The value is between `low` and `high`, inclusive; None is no limit.

    Numbers and lengths are numbers, flags 0 or 1, times the mirror's UTC texts, versions `version_number`.
    """

    low: int | str | None
    high: int | str | None


class Presence(NamedTuple):
    """The field has a value, or none (null or empty)."""

    present: bool


class Undeclared(NamedTuple):
    """The newest release on PyPI declares no version of that kind."""


Predicate = TextMatch | Range | Presence | Undeclared


class Filter(NamedTuple):
    """A field that must match any of the predicates."""

    field: Field
    predicates: tuple[Predicate, ...]
    excluded: bool = False


def parse_predicates(name: str, field: Field, values: str, *, now: datetime) -> tuple[Predicate, ...]:
    """Parse the values of ``name:values``; commas separate alternatives.

    `name` is what the user typed for `field`. UsageError on an invalid value, and without one: a shell takes what
    follows an unquoted ``>``.
    """
    parts = split_values(values)
    if not parts:
        message = f"{name}: has no value"
        raise UsageError(message, hint=f"for example: {field.example}; {name}:none finds packages without one")
    return tuple(_parse_value(name, field, part, now) for part in parts)


def split_values(values: str) -> list[str]:
    """Return the values between commas, without empty ones; a comma in quotes does not separate."""
    return [part for part in (value.strip() for value in _VALUE.findall(values)) if part]


def comparison_error(
    token: str, field: Field | None, comparison: tuple[str, str, str], *, now: datetime, excluded: bool = False
) -> UsageError:
    """Return the error for ``stars=100`` and ``is=active``, which shows the right form, else an example.

    `comparison` is the name that was typed, the operator and the value; `field` is None for ``is``.
    """
    name, operator, value = comparison
    sign = "^" if excluded is not (operator == "!=") else ""
    value = _right_value(operator, value.strip().lstrip("<>=! "), with_range=field is not None and _takes_ranges(field))
    hint = f"use {sign}{name}:{value}"
    if field is None:
        if not value:
            hint = f"use {sign}is:active"
    else:
        try:
            parse_predicates(name, field, value, now=now)
        except UsageError:
            hint = f"for example: {field.example}"
    return UsageError(f"{quote_input(token)} is not a term", hint=hint)


def _right_value(operator: str, value: str, *, with_range: bool) -> str:
    """Return the value of a filter for what was typed after an operator."""
    if not value or is_quoted(value):
        return value
    if with_range and ".." not in value and operator in (">", ">=", "=>"):
        return "" if "," in value else f"{value}.."
    if with_range and ".." not in value and operator in ("<", "<=", "=<"):
        return "" if "," in value else f"..{value}"
    return f'"{value}"' if re.search(r"\s", value) else value


def unknown_choice(message: str, name: str, known: Sequence[str]) -> UsageError:
    """Return the error for a word that is none of the known ones, with the nearest."""
    near = get_close_matches(name, known, n=_MAX_SUGGESTIONS, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}?" if near else None
    return UsageError(f"{message}; use {', '.join(known)}", hint=hint)


def _takes_ranges(field: Field) -> bool:
    return field.kind in (Kind.INTEGER, Kind.COUNTS, Kind.TIME) or field.name in VERSION_LISTS


def version_number(major: int, minor: int) -> int:
    """Return a version of two parts as one number with the same order."""
    return major * 10_000 + minor


def is_quoted(text: str) -> bool:
    """Return whether the text is in double quotes."""
    return len(text) > 1 and text[0] == text[-1] == '"'


def _parse_value(name: str, field: Field, value: str, now: datetime) -> Predicate:
    comparison = _OPERATOR.fullmatch(value)
    if comparison is not None and field.name not in _SPECIFIERS:
        raise comparison_error(f"{name}:{value}", field, (name, comparison[1], comparison[2]), now=now)
    keyword = _parse_keyword(name, field, value)
    if keyword is not None:
        return keyword
    if field.kind in (Kind.INTEGER, Kind.COUNTS):
        return _parse_number(name, value, signed=field.name in _SIGNED)
    if field.kind is Kind.TIME:
        return _parse_time(name, value, now)
    if field.kind is Kind.FLAG:
        return _parse_flag(name, value)
    if field.name in VERSION_LISTS:
        return _parse_version(name, field, value)
    return _parse_text(name, field, value)


def _parse_keyword(name: str, field: Field, value: str) -> Predicate | None:
    """Parse none, any, undeclared, and the fixed values of a field; None for everything else."""
    word = value.lower()
    choices = CHOICES.get(field.name, ())
    if word in _MISSING:
        return Presence(present=False)
    if word == "undeclared" and field.name in VERSION_LISTS:
        return Undeclared()
    if word in choices:
        return TextMatch(word)
    if word == "any":
        return Presence(present=True)
    if choices:
        raise unknown_choice(f"invalid value {quote_input(value)} for {name}", word, choices)
    return None


def _parse_text(name: str, field: Field, value: str) -> Predicate:
    """Parse a text, with or without quotes; for lists also a range of lengths."""
    if field.kind in (Kind.NAMES, Kind.GRIDS) and _NUMBER_RANGE.fullmatch(value):
        return _parse_number(name, value)
    if _TEXT_RANGE.fullmatch(value):
        raise _invalid_value(name, value, f'a text such as {field.example}, not a range; quote it: {name}:"{value}"')
    text = value[1:-1] if is_quoted(value) else value
    if field.name == "edited":
        text = fields.get(text).name
    elif field.name == "tags":
        text = normalize_tag(text)
    return TextMatch(text) if text else Presence(present=False)


def _parse_number(name: str, value: str, *, signed: bool = False) -> Predicate:
    low, dots, high = value.partition("..")
    number = _SIGNED_NUMBER if signed else _NUMBER
    if any(bound and not number.fullmatch(bound) for bound in (low, high)):
        accepted = f"a number or a range such as {name}:10, {name}:100.., {name}:..500, {name}:10..20"
        raise _invalid_value(name, value, accepted)
    return _range(name, value, int(low) if low else None, int(high if dots else low) if high or not dots else None)


def _parse_time(name: str, value: str, now: datetime) -> Predicate:
    low, dots, high = value.partition("..")
    first = date_ranges.parse_date_range(low, now=now)
    last = date_ranges.parse_date_range(high if dots else low, now=now)
    if (first is None and low) or (last is None and high):
        raise _invalid_value(name, value, f"a time or a range FROM..TO: {date_ranges.DATE_FORMATS}")
    if last is not None and last.is_span and not dots:  # "6m" alone means the last six months
        last = None
    earliest = format_sortable(first.first) if first else None
    return _range(name, value, earliest, format_sortable(last.last) if last else None)


def _parse_flag(name: str, value: str) -> Predicate:
    word = value.lower()
    if word not in _YES | _NO:
        raise _invalid_value(name, value, "yes or no, or none for unknown values")
    return Range(int(word in _YES), int(word in _YES))


def _parse_version(name: str, field: Field, value: str) -> Predicate:
    """Parse ``5.2`` or ``5`` as a text, a range as numbers; an upper limit of ``4`` includes every 4.x."""
    low, dots, high = value.partition("..")
    matches = [_VERSION.fullmatch(bound) for bound in (low, high)]
    if any(text and not match for text, match in zip((low, high), matches, strict=True)):
        accepted = f"a version or a range such as {field.example}, {field.example}.., or {name}:undeclared"
        raise _invalid_value(name, value, accepted)
    if not dots:
        return TextMatch(value)
    lowest, highest = matches
    return _range(
        name,
        value,
        version_number(int(lowest[1]), int(lowest[2] or 0)) if lowest else None,
        version_number(int(highest[1]), int(highest[2] or 9_999)) if highest else None,
    )


def _range(name: str, value: str, low: Bound | None, high: Bound | None) -> Predicate:
    """Return the range; ``..`` alone matches any value. UsageError if nothing can match."""
    if low is None and high is None:
        return Presence(present=True)
    if low is not None and high is not None and low > high:
        first, _, second = value.partition("..")
        message = f"{name}:{value} is an empty range"
        raise UsageError(message, hint=f"did you mean {name}:{second}..{first}?")
    return Range(low, high)


def _invalid_value(name: str, value: str, accepted: str) -> UsageError:
    return UsageError(f"invalid value {quote_input(value)} for {name}; use {accepted}")
