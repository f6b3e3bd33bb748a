"""``field=value`` as typed for `edit` -> values that can lie over upstream ones, or why not.

Four forms: ``field=text`` (``field=`` clears), ``field:=JSON``, ``field+=text`` and ``field-=text`` for lists.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple, cast

from djpkg.errors import UsageError
from djpkg.model import fields, pypi_project
from djpkg.model.fields import Field, Kind
from djpkg.model.weekly_commits import WEEKS
from djpkg.text import quote_input
from djpkg.times import instant, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from djpkg.model.merge import StoredValue

_FORM = re.compile(r"\s*([A-Za-z][\w-]*?)\s*(:=|\+=|-=|=)(.*)", re.DOTALL)
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\-_\[\]:@]+(/\S*|[?#]\S*)?", re.IGNORECASE)
_COMPLETE_TIME = re.compile(r"[0-9-]{10}[T ][0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2})")
# The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
_MOST = 2**53 - 1
_LONGEST = 64 * 1024


class CategoriesAndGrids(NamedTuple):
    """What categories and grids may be called, lower-case (id, slug, title), and the id of each."""

    categories: Mapping[str, int]
    grids: Mapping[str, int]


class Assignment(NamedTuple):
    """One thing to do to one field; `form` is the operator that was typed."""

    field: Field
    form: str
    text: str


def parse_assignments(words: Iterable[str]) -> list[Assignment]:
    """The assignments in the order typed. UsageError on an unknown or fixed field and on what is no assignment."""
    found: list[Assignment] = []
    for word in words:
        match = _FORM.fullmatch(word)
        if match is None:
            raise UsageError(
                f"{quote_input(word)} assigns nothing",
                hint="write field=value, field:=JSON, field+=value or field-=value",
            )
        field = get_editable(match[1])
        if match[2] in ("+=", "-=") and field.kind not in (Kind.NAMES, Kind.GRIDS):
            raise UsageError(
                f"{field.name} is no list of names: it takes {describe_values(field)}", hint=f"{field.name}=…"
            )
        found.append(Assignment(field, match[2], match[3]))
    return found


def get_editable(name: str) -> Field:
    """The field of that name. UsageError if there is none or if it cannot be edited."""
    field = fields.get(name)
    if not field.editable:
        names = ", ".join(one.name for one in fields.EDITABLE)
        raise UsageError(f"{field.name} cannot be edited", hint=f"editable are {names}")
    return field


def apply_assignments(
    assignments: Sequence[Assignment], current: Mapping[str, StoredValue], places: CategoriesAndGrids
) -> dict[str, StoredValue]:
    """The new value of each assigned field; `current` has the effective ones. UsageError on a malformed value."""
    values: dict[str, StoredValue] = {}
    for field, form, text in assignments:
        if form == "=":
            values[field.name] = value_from_text(field, text, places)
        elif form == ":=":
            values[field.name] = value_from_json(field, _loads(field, text), places)
        else:
            before = values.get(field.name, current[field.name])
            after = _changed_list(field, form, text, before, places)
            if after != before:  # what is there already need not be pinned
                values[field.name] = after
    return values


def value_from_text(field: Field, text: str, places: CategoriesAndGrids) -> StoredValue:
    """A field's value as a person writes it. UsageError names the field and what it takes."""
    text = text.strip()
    if not text:
        return _cleared(field)
    match field.kind:
        case Kind.INTEGER:
            if not re.fullmatch(r"[0-9]{1,18}", text):
                raise _refused(field, text)
            return _checked(field, int(text), places)
        case Kind.COUNTS:
            if not (text := text.strip("[]").strip()):
                return []
            parts = [part.strip() for part in text.split(",")]
            if not all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts):
                raise _refused(field, text)
            return _checked(field, [int(part) for part in parts], places)
        case Kind.NAMES | Kind.GRIDS:
            return _checked(field, [part.strip() for part in text.split(",") if part.strip()], places)
        case _:
            return _checked(field, text, places)


def value_from_json(field: Field, value: object, places: CategoriesAndGrids) -> StoredValue:
    """A field's value as JSON has it; the addresses that the record shows for category and grids are taken too."""
    if value is None:
        if not field.nullable:
            raise _refused(field, "null")
        return None
    return _checked(field, value, places)


def describe_values(field: Field) -> str:
    """What a field takes, for the sentence that refuses something else."""
    match field.kind:
        case Kind.INTEGER:
            return "a whole number from 0 on"
        case Kind.TIME:
            return "a time such as 2026-01-31 or 2026-01-31T12:00:00Z"
        case Kind.ADDRESS:
            return "an http or https address"
        case Kind.PROJECT:
            return "an address or the name of a project on PyPI"
        case Kind.COUNTS:
            return "52 whole numbers, oldest week first, or none"
        case Kind.NAMES:
            return "names with commas between them"
        case Kind.CATEGORY:
            return "a category's id, slug or title"
        case Kind.GRIDS:
            return "ids, slugs or titles of grids with commas between them"
        case _:
            return "a text"


def _checked(field: Field, value: object, places: CategoriesAndGrids) -> StoredValue:
    match field.kind:
        case Kind.INTEGER if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
            return value
        case Kind.COUNTS if isinstance(value, list):
            if value and len(value) != WEEKS:
                raise _refused(field, f"{len(value)} of them")
            return [_checked_count(field, item) for item in value]
        case Kind.NAMES if isinstance(value, list):
            return list(dict.fromkeys(_checked_text(field, item) for item in value))
        case Kind.GRIDS if isinstance(value, list):
            return list(dict.fromkeys(_place(field, item, places.grids) for item in value))
        case Kind.CATEGORY if isinstance(value, str | int):
            return _place(field, value, places.categories)
        case Kind.TIME if isinstance(value, str):
            return _checked_time(field, value)
        case Kind.ADDRESS | Kind.PROJECT if isinstance(value, str):
            return _checked_address(field, value)
        case Kind.TEXT if isinstance(value, str):
            return _checked_text(field, value)
    raise _refused(field, value)


def _checked_count(field: Field, item: object) -> int:
    if not isinstance(item, int) or isinstance(item, bool) or not 0 <= item <= _MOST:
        raise _refused(field, item)
    return item


def _checked_text(field: Field, item: object) -> str:
    if not isinstance(item, str) or len(item) > _LONGEST or re.search("[\0\ud800-\udfff]", item):
        raise _refused(field, item)
    return item


def _checked_time(field: Field, text: str) -> str:
    """As it was typed; a bare date is its midnight in UTC, a time without an offset is UTC.

    Python takes any character between date and time: whatever is not written as usual is written anew.
    """
    moment = instant(text)
    if moment is None:
        raise _refused(field, text)
    return text if _COMPLETE_TIME.fullmatch(text) else stamp(moment)


def _checked_address(field: Field, text: str) -> str:
    if not text:
        return ""
    if len(text) <= _LONGEST and _ADDRESS.fullmatch(text) and text.isprintable():
        return text
    if field.kind is Kind.PROJECT and pypi_project.parse_project_name(text):
        return text
    raise _refused(field, text)


def _place(field: Field, item: object, known: Mapping[str, int]) -> int:
    if isinstance(item, str | int) and not isinstance(item, bool) and not _is_huge(item):
        name = str(item).strip().lower()
        address = re.fullmatch(r"https?://\S+/(?:categories|grids)/([^/]+)/?", name)
        found = known.get(address[1] if address else name)
        if found is not None:
            return found
    raise UsageError(
        f"{field.name}: the mirror knows no {_shown(item)}; it takes {describe_values(field)}",
        hint="djpkg grids lists grids and categories; a fetch names them",
    )


def _changed_list(field: Field, form: str, text: str, before: StoredValue, places: CategoriesAndGrids) -> StoredValue:
    """`before` with what `text` names added at its end, or taken out; an item that is not there is a mistake."""
    named, old = value_from_text(field, text, places), before
    if not isinstance(named, list) or not isinstance(old, list):
        raise _refused(field, text)
    if form == "+=":
        return cast("StoredValue", [*old, *(item for item in named if item not in old)])
    for part in text.split(","):
        if any(item not in old for item in cast("list[str | int]", value_from_text(field, part, places))):
            raise UsageError(f"{field.name} does not hold {quote_input(part.strip())}")
    return cast("StoredValue", [item for item in old if item not in named])


def _cleared(field: Field) -> StoredValue:
    if field.nullable:
        return None
    if field.kind in (Kind.COUNTS, Kind.NAMES, Kind.GRIDS):
        return []
    if field.kind in (Kind.INTEGER, Kind.CATEGORY):
        raise _refused(field, "")
    return ""


def _loads(field: Field, text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{field.name}: {quote_input(text)} is no JSON", hint=f"it takes {describe_values(field)}, as JSON"
        ) from error
    return value


def _refused(field: Field, value: object) -> UsageError:
    return UsageError(f"{field.name} takes {describe_values(field)}, not {_shown(value)}")


def _is_huge(item: str | int) -> bool:
    return isinstance(item, int) and abs(item) > _MOST


def _shown(value: object) -> str:
    try:
        text = str(value)
    except ValueError:  # Python writes out no whole number of more than 4,300 digits
        return "a number that large"
    return quote_input(text)
