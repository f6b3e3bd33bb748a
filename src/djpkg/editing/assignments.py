"""Parse the assignments of `edit` into override values.

Four operators: ``field=text`` (``field=`` clears), ``field:=JSON``, ``field+=text`` and ``field-=text`` for lists.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple, cast

from djpkg.errors import UsageError
from djpkg.model import fields, pypi_project, repository_url
from djpkg.model.fields import Field, Kind
from djpkg.model.overrides import MAX_INTEGER, MAX_TAG, MAX_TEXT, is_tag, may_be_empty, normalize_tag
from djpkg.model.weekly_commits import WEEKS
from djpkg.text import quote_input
from djpkg.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from djpkg.model.merge import StoredValue

_ASSIGNMENT = re.compile(r"\s*([A-Za-z][\w-]*?)\s*(:=|\+=|-=|=)(.*)", re.DOTALL)
# Of a URL; git@ is neither secret nor a name.
_CREDENTIALS = re.compile(r"//(?!git@)[^/\s]*@")
_URL = re.compile(r"https?://[A-Za-z0-9.\-_\[\]:@]+(/\S*|[?#]\S*)?", re.IGNORECASE)
_FULL_TIME = re.compile(r"[0-9-]{10}[T ][0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2})")
_DJANGO_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class KnownNames(NamedTuple):
    """What assignments can refer to.

    The ids of categories and grids by their lower-case names (id, slug and title), the slugs of the other packages by
    their normalized form, and the normalized slug of the package itself.
    """

    categories: Mapping[str, int]
    grids: Mapping[str, int]
    slugs: Mapping[str, str]
    own_slug: str = ""


class Assignment(NamedTuple):
    """One assignment to one field; `operator` is ``=``, ``:=``, ``+=`` or ``-=``."""

    field: Field
    operator: str
    text: str


def parse_assignments(words: Iterable[str]) -> list[Assignment]:
    """Parse assignments in the order typed. UsageError on a malformed one and on a field that cannot be edited."""
    found: list[Assignment] = []
    for word in words:
        match = _ASSIGNMENT.fullmatch(word)
        if match is None:
            raise UsageError(
                f"invalid assignment {quote_input(word)}",
                hint="use field=value, field:=JSON, field+=value or field-=value",
            )
        field = get_editable_field(match[1])
        if match[2] in ("+=", "-=") and field.kind not in (Kind.NAMES, Kind.GRIDS):
            raise UsageError(
                f"{field.name} is not a list of names; it takes {describe_values(field)}", hint=f"use {field.name}=…"
            )
        if match[2] in ("=", ":=") and any(one.field is field for one in found):
            raise UsageError(f"{field.name} is assigned more than once")
        found.append(Assignment(field, match[2], match[3]))
    return found


def get_editable_field(name: str) -> Field:
    """Return the field with that name; UsageError if it is unknown or cannot be edited."""
    field = fields.get(name)
    if not field.editable:
        names = ", ".join(one.name for one in fields.EDITABLE)
        raise UsageError(f"{field.name} cannot be edited", hint=f"editable fields: {names}")
    return field


def apply_assignments(
    assignments: Sequence[Assignment], current: Mapping[str, StoredValue], known: KnownNames
) -> dict[str, StoredValue]:
    """Return the new value of each assigned field; `current` holds the effective values. UsageError if one is invalid.

    ``+=`` and ``-=`` that change nothing create no override.
    """
    values: dict[str, StoredValue] = {}
    for field, operator, text in assignments:
        if operator == "=":
            values[field.name] = value_from_text(field, text, known)
        elif operator == ":=":
            values[field.name] = value_from_json(field, _parse_json(field, text), known)
        else:
            before = values.get(field.name, current[field.name])
            after = _change_list(field, operator, text, before, known)
            if after != before:
                values[field.name] = after
    return values


def value_from_text(field: Field, text: str, known: KnownNames) -> StoredValue:
    """Return a field's value from typed text; UsageError with the field and its valid values if it is invalid."""
    text = text.strip()
    if not text:
        return _empty_value(field)
    match field.kind:
        case Kind.INTEGER:
            if not re.fullmatch(r"[0-9]{1,18}", text):
                raise _invalid_value(field, text)
            return _check_value(field, int(text), known)
        case Kind.COUNTS:
            if not (text := text.strip("[]").strip()):
                return []
            parts = [part.strip() for part in text.split(",")]
            if len(parts) != WEEKS or not all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts):
                raise _invalid_value(field, text)
            return _check_value(field, [int(part) for part in parts], known)
        case Kind.FLAG:
            return _check_value(field, _FLAGS.get(text.lower(), text), known)
        case Kind.NAMES | Kind.GRIDS:
            return _check_value(field, [part.strip() for part in text.split(",") if part.strip()], known)
        case _:
            return _check_value(field, text, known)


def value_from_json(field: Field, value: object, known: KnownNames) -> StoredValue:
    """Return a field's value from JSON; category and grids may also be the URLs of a record."""
    if value is None:
        if not field.nullable:
            raise _invalid_value(field, "null")
        return None
    return _check_value(field, value, known)


def describe_values(field: Field) -> str:
    """Return the valid values of a field as text for error messages."""
    return _VALUES_BY_NAME.get(field.name) or _VALUES_BY_KIND.get(field.kind, "a text")


_VALUES_BY_NAME = {
    "repo_url": "an http or https URL, git@HOST:OWNER/NAME, or OWNER/NAME on GitHub",
    "tags": f"tags of 1 to {MAX_TAG} characters, separated by commas",
    "django_versions": "versions such as 5.2, separated by commas",
    "replaced_by": "the slug of another package of the mirror, or an http or https URL",
}
_VALUES_BY_KIND = {
    Kind.INTEGER: "a whole number, 0 or more",
    Kind.TIME: "a time such as 2026-01-31 or 2026-01-31T12:00:00Z",
    Kind.FLAG: "true or false",
    Kind.URL: "an http or https URL",
    Kind.PROJECT: "the URL or the name of a PyPI project",
    Kind.COUNTS: "52 whole numbers, oldest week first, or nothing",
    Kind.NAMES: "names separated by commas",
    Kind.CATEGORY: "a category's id, slug or title",
    Kind.GRIDS: "ids, slugs or titles of grids, separated by commas",
}


def _check_value(field: Field, value: object, known: KnownNames) -> StoredValue:
    match field.kind:
        case Kind.INTEGER:
            return _check_integer(field, value)
        case Kind.FLAG if isinstance(value, bool):
            return value
        case Kind.COUNTS if isinstance(value, list):
            if value and len(value) != WEEKS:
                raise _invalid_value(field, value)
            return [_check_integer(field, item) for item in value]
        case Kind.NAMES if isinstance(value, list):
            return _check_names(field, value)
        case Kind.GRIDS if isinstance(value, list):
            return list(dict.fromkeys(_find_id(field, item, known.grids) for item in value))
        case Kind.CATEGORY if isinstance(value, str | int):
            return _find_id(field, value, known.categories)
        case Kind.TIME | Kind.URL | Kind.PROJECT | Kind.TEXT if isinstance(value, str):
            return _check_string(field, value, known)
    raise _invalid_value(field, value)


def _check_string(field: Field, text: str, known: KnownNames) -> str | None:
    if field.kind is Kind.TIME:
        return _check_time(field, text)
    if field.kind in (Kind.URL, Kind.PROJECT):
        return _check_url(field, text)
    if field.name == "replaced_by":
        return _check_replacement(field, text, known)
    if not text or (text.isspace() and not may_be_empty(field)):
        return _empty_text(field)
    return _check_text(field, text)


def _check_names(field: Field, items: list[object]) -> list[str]:
    if field.name == "tags":
        return sorted({_check_tag(field, item) for item in items})
    check = _check_version if field.name == "django_versions" else _check_text
    return list(dict.fromkeys(check(field, item) for item in items))


def _check_integer(field: Field, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_INTEGER:
        raise _invalid_value(field, value)
    return value


def _check_text(field: Field, value: object) -> str:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise UsageError(f"invalid value for {field.name}: {len(value):,} characters; use at most {MAX_TEXT:,}")
    if not isinstance(value, str) or re.search("[\0\ud800-\udfff]", value):
        raise _invalid_value(field, value)
    return value


def _check_tag(field: Field, value: object) -> str:
    if not isinstance(value, str) or not value.strip().isprintable() or not is_tag(tag := normalize_tag(value)):
        raise _invalid_value(field, value)
    return tag


def _check_version(field: Field, value: object) -> str:
    if not isinstance(value, str) or not _DJANGO_VERSION.fullmatch(value):
        raise _invalid_value(field, value)
    return value


def _check_replacement(field: Field, text: str, known: KnownNames) -> str | None:
    """Return a URL, or the slug as the catalog spells it."""
    text = _check_text(field, text).strip()
    if not text:
        return None
    if "://" in text:
        return _check_url(field, text)
    name = text.lower().replace("_", "-")
    slug = known.slugs.get(name)
    if slug is None and name == known.own_slug:
        message = f"{field.name}: {quote_input(text)} is the package itself"
        raise UsageError(message, hint=f"use {describe_values(field)}")
    if slug is None:
        near = get_close_matches(text.lower(), known.slugs, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else None
        raise UsageError(f"{field.name}: unknown package {quote_input(text)}; use {describe_values(field)}", hint=hint)
    return slug


def _check_time(field: Field, text: str) -> str:
    """Return a full timestamp unchanged, other times in whole seconds of UTC; a bare date is midnight UTC.

    Python accepts any character between date and time, so unusual spellings are rewritten.
    """
    moment = parse_time(text)
    if moment is None:
        raise _invalid_value(field, text)
    return text if _FULL_TIME.fullmatch(text) else format_time(moment)


def _check_url(field: Field, text: str) -> str:
    if not text:
        return ""
    if _CREDENTIALS.search(text):
        raise UsageError(f"the URL for {field.name} contains a user name or password", hint="leave them out")
    if len(text) <= MAX_TEXT and _URL.fullmatch(text) and text.isprintable():
        return text
    if field.kind is Kind.PROJECT and pypi_project.parse_project_name(text):
        return text
    if field.name == "repo_url" and (url := repository_url.web_address(text)):
        return url
    raise _invalid_value(field, text)


def _find_id(field: Field, item: object, known: Mapping[str, int]) -> int:
    if isinstance(item, str | int) and not isinstance(item, bool) and not _is_huge(item):
        name = str(item).strip().lower()
        url = re.fullmatch(r"https?://\S+/(?:categories|grids)/([^/]+)/?", name)
        found = known.get(url[1] if url else name)
        if found is not None:
            return found
    noun = "category" if field.kind is Kind.CATEGORY else "grid"
    near = get_close_matches(item[:100].strip().lower(), known, n=3, cutoff=0.6) if isinstance(item, str) else []
    raise UsageError(
        f"{field.name}: unknown {noun} {_quote_value(item)}; use {describe_values(field)}",
        hint=f"did you mean {', '.join(near)}?"
        if near
        else "djpkg grids lists grids and categories; djpkg fetch loads new ones",
    )


def _change_list(field: Field, operator: str, text: str, before: StoredValue, known: KnownNames) -> StoredValue:
    """Return the list with the named items appended or removed; UsageError on removing an item that is not in it."""
    named = value_from_text(field, text, known)
    if not isinstance(named, list) or not isinstance(before, list):
        raise _invalid_value(field, text)
    if operator == "+=":
        added = [*before, *(item for item in named if item not in before)]
        return cast("StoredValue", sorted(cast("list[str]", added)) if field.name == "tags" else added)
    for part in text.split(","):
        if any(item not in before for item in cast("list[str | int]", value_from_text(field, part, known))):
            raise UsageError(f"{quote_input(part.strip())} is not in {field.name}")
    return cast("StoredValue", [item for item in before if item not in named])


def _empty_value(field: Field) -> StoredValue:
    if field.kind in (Kind.COUNTS, Kind.NAMES, Kind.GRIDS):
        return []
    if field.kind in (Kind.INTEGER, Kind.CATEGORY):
        raise _invalid_value(field, "")
    return _empty_text(field)


def _empty_text(field: Field) -> str | None:
    """Return null or "", whichever the API has; UsageError for a text that is never empty there."""
    if not may_be_empty(field):
        message = f"{field.name} cannot be empty"
        raise UsageError(message, hint=f"--unset {field.name} removes your value")
    return None if field.nullable else ""


def _parse_json(field: Field, text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{field.name}: invalid JSON {quote_input(text)}", hint=f"use {describe_values(field)}, as JSON"
        ) from error
    return value


def _invalid_value(field: Field, value: object) -> UsageError:
    return UsageError(f"invalid value {_quote_value(value)} for {field.name}; use {describe_values(field)}")


def _is_huge(item: str | int) -> bool:
    return isinstance(item, int) and abs(item) > MAX_INTEGER


def _quote_value(value: object) -> str:
    """Return a text, or another value as JSON, in quotes for a message."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, default=str)  # the editor may have times
    except ValueError:  # Python does not convert integers of more than 4,300 digits
        return "(a very large number)"
    return quote_input(text)
