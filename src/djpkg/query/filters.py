"""What a filter asks of its field: the values behind ``stars:``, ``updated:``, ``license:`` and so on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.model.fields import Field, Kind
from djpkg.query import date_ranges
from djpkg.source_name import FORGES, SourceName
from djpkg.text import quote_input
from djpkg.times import sortable_instant

if TYPE_CHECKING:
    from datetime import datetime

_SOURCES = tuple(source.value for source in SourceName)
# Fields whose value is one of a few words.
CHOICES: dict[str, tuple[str, ...]] = {
    "forge": tuple(forge.value for forge in FORGES),
    "repo_state": ("ok", "moved", "gone", "blocked", "empty", "unsupported", "none"),
    "pypi_state": ("ok", "gone", "none"),
    "catalog_state": ("listed", "removed"),
    "checked": _SOURCES,
    "failed": _SOURCES,
}
VERSION_LISTS = frozenset({"python_versions", "django_versions"})

_VALUE = re.compile(r'(?:"[^"]*"|[^,"]|")+?(?=,|\Z)')
_NUMBER = re.compile(r"[0-9]{1,18}")
_LENGTHS = re.compile(r"[0-9]*\.\.[0-9]*")
_TEXT_RANGE = re.compile(r"(?:[0-9][\w.+-]*)?\.\.(?:[0-9][\w.+-]*)?")
_VERSION = re.compile(r"([0-9]{1,4})(?:\.([0-9]{1,4}))?")
_MISSING = frozenset({"", "none", "null"})
_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"no", "false", "0"})
Bound = TypeVar("Bound", int, str)


class Text(NamedTuple):
    """The value is, or holds, that text; which of them is the field's own rule (see `query_sql`)."""

    text: str


class Range(NamedTuple):
    """The value lies between the two, both within; None is no bound.

    Numbers and lengths as such, flags as 0 and 1, times as the mirror's UTC texts, versions as `version_number`.
    """

    low: int | str | None
    high: int | str | None


class Presence(NamedTuple):
    """The field has a value, or has none (null or empty)."""

    present: bool


class Undeclared(NamedTuple):
    """PyPI has answered with a release, and it declares no version of that."""


Test = Text | Range | Presence | Undeclared


class Filter(NamedTuple):
    """A field of which any of the tests must hold."""

    field: Field
    tests: tuple[Test, ...]
    excluded: bool = False


def parse_tests(name: str, field: Field, values: str, *, now: datetime) -> tuple[Test, ...]:
    """The tests that ``name:values`` states, any of which must hold; commas part them.

    `name` is what was typed for `field`. No value asks for what has none. UsageError says what the field takes.
    """
    parts = [value.strip() for value in _VALUE.findall(values)]
    return tuple(_test(name, field, value, now) for value in [part for part in parts if part] or [""])


def version_number(major: int, minor: int) -> int:
    """A version of two parts as one number that orders as versions do."""
    return major * 10_000 + minor


def quote_value(text: str) -> bool:
    """Whether the text stands between quotes."""
    return len(text) > 1 and text[0] == text[-1] == '"'


def _test(name: str, field: Field, value: str, now: datetime) -> Test:
    """One value of the filter `name` on `field`."""
    special = _special(name, field, value)
    if special is not None:
        return special
    if field.kind in (Kind.INTEGER, Kind.COUNTS):
        return _number(name, value)
    if field.kind is Kind.TIME:
        return _time(name, value, now)
    if field.kind is Kind.FLAG:
        return _flag(name, value)
    if field.name in VERSION_LISTS:
        return _version(name, field, value)
    return _literal(name, field, value)


def _special(name: str, field: Field, value: str) -> Test | None:
    """What stands for a value's presence, and the words of a field that has only a few."""
    word = value.lower()
    choices = CHOICES.get(field.name, ())
    if word in _MISSING:
        return Presence(present=False)
    if word == "undeclared" and field.name in VERSION_LISTS:
        return Undeclared()
    if word in choices:
        return Text(word)
    if word == "any":
        return Presence(present=True)
    if choices:
        raise _refuse(name, value, " or ".join(choices))
    return None


def _literal(name: str, field: Field, value: str) -> Test:
    """A text, without the quotes that it was typed in; of lists also how long they are."""
    if field.kind in (Kind.NAMES, Kind.GRIDS) and _LENGTHS.fullmatch(value):
        return _number(name, value)
    if _TEXT_RANGE.fullmatch(value):
        takes = f'a text such as {field.example}, and no range (in quotes, {name}:"{value}", it is a text)'
        raise _refuse(name, value, takes)
    text = value[1:-1] if quote_value(value) else value
    if field.name == "edited":
        text = fields.get(text).name
    return Text(text) if text else Presence(present=False)


def _number(name: str, value: str) -> Test:
    low, dots, high = value.partition("..")
    if any(bound and not _NUMBER.fullmatch(bound) for bound in (low, high)):
        takes = f"a number or a range such as {name}:10, {name}:100.., {name}:..500, {name}:10..20"
        raise _refuse(name, value, takes)
    return _range(name, value, int(low) if low else None, int(high if dots else low) if high or not dots else None)


def _time(name: str, value: str, now: datetime) -> Test:
    low, dots, high = value.partition("..")
    first, last = (
        date_ranges.parse_date_range(low, now=now),
        date_ranges.parse_date_range(high if dots else low, now=now),
    )
    if (first is None and low) or (last is None and high):
        raise _refuse(name, value, f"a time or a range FROM..TO of them: {date_ranges.FORMS}")
    if last is not None and last.back and not dots:  # "6m" alone is the last six months
        last = None
    earliest = sortable_instant(first.first) if first else None
    return _range(name, value, earliest, sortable_instant(last.last) if last else None)


def _flag(name: str, value: str) -> Test:
    word = value.lower()
    if word not in _YES | _NO:
        raise _refuse(name, value, "yes or no (or none, where it is not known)")
    return Range(int(word in _YES), int(word in _YES))


def _version(name: str, field: Field, value: str) -> Test:
    """``5.2`` or ``5`` as text, a range by number; an upper bound of ``4`` takes in every 4.x."""
    low, dots, high = value.partition("..")
    bounds = [_VERSION.fullmatch(bound) for bound in (low, high)]
    if any(text and not bound for text, bound in zip((low, high), bounds, strict=True)):
        takes = f"a version or a range such as {field.example}, {field.example}.., or {name}:undeclared"
        raise _refuse(name, value, takes)
    if not dots:
        return Text(value)
    lowest, highest = bounds
    return _range(
        name,
        value,
        version_number(int(lowest[1]), int(lowest[2] or 0)) if lowest else None,
        version_number(int(highest[1]), int(highest[2] or 9_999)) if highest else None,
    )


def _range(name: str, value: str, low: Bound | None, high: Bound | None) -> Test:
    """The range; ``..`` alone asks for any value. UsageError where nothing can lie within."""
    if low is None and high is None:
        return Presence(present=True)
    if low is not None and high is not None and low > high:
        first, _, second = value.partition("..")
        message = f"{name}:{value} is an empty range"
        raise UsageError(message, hint=f"did you mean {name}:{second}..{first}?")
    return Range(low, high)


def _refuse(name: str, value: str, takes: str) -> UsageError:
    return UsageError(f"{name} takes {takes}, not {quote_input(value)}")
