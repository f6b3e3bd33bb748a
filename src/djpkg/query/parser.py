"""Parse the words and filters that a user types into a `Query`.

    todo "multi user"        words: all must match, a phrase as a whole
    stars:100..  license:MIT,BSD  updated:6m..  django:5.2  is:active
    -is:archived  ^todo      a leading - or ^ excludes

Any words are a valid query; an invalid filter is a UsageError. Relative times are resolved with `now` while parsing, so
that a `Query` always means the same.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.model.fields import Field, Kind
from djpkg.query import filters
from djpkg.query.filters import Filter, is_quoted
from djpkg.text import quote_input
from djpkg.times import format_sortable, latest_known

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

ACTIVE_DAYS = 365
ACTIVE_RULE = (
    "listed in the catalog, repository neither archived nor gone, and a commit on the default branch or a release"
    f" within the last {ACTIVE_DAYS} days"
)


class State(NamedTuple):
    """A value of `is:` and its meaning."""

    name: str
    about: str


STATES = (
    State("active", ACTIVE_RULE),
    State("stale", "not active"),
    State("archived", "the repository is archived"),
    State("gone", "the repository or the PyPI project is gone, or the repository is blocked"),
    State("moved", "the repository has moved"),
    State("yanked", "the newest release is yanked"),
    State("listed", "listed in the catalog"),
    State("removed", "no longer listed in the catalog"),
    State("edited", "you replaced one of its upstream values"),
    State("tagged", "it has one of your tags"),
)

# Enough for typed queries, and below SQLite's own limit (sqlite.org/limits.html: expression depth 1000).
_MAX_TERMS = 200

_FILTER = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*):(.*)", re.DOTALL)
_PIECE = re.compile(r'(?:"[^"]*"|[^\s"])+')
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # SQLite ends a pattern at NUL and rejects lone surrogates

NO_LATEST = "9999-12-31T23:59:59.999999Z"

_SORT_HINT = "for example: --sort stars, --sort -updated"


class Word(NamedTuple):
    """A word or phrase to find."""

    text: str
    excluded: bool = False


class Condition(NamedTuple):
    """The filter ``is:``: any of the states must apply. `since` is the start of the active period (UTC text)."""

    names: tuple[str, ...]
    since: str
    excluded: bool = False


class Query(NamedTuple):
    """Words, filters and conditions that a package must match, all of them.

    Times after `latest` (UTC text) count as unknown: a commit may be dated years ahead.
    """

    words: tuple[Word, ...] = ()
    filters: tuple[Filter, ...] = ()
    conditions: tuple[Condition, ...] = ()
    latest: str = NO_LATEST

    @property
    def has_terms(self) -> bool:
        """Whether the query selects packages; without terms it matches all."""
        return bool(self.words or self.filters or self.conditions)

    @property
    def included_words(self) -> tuple[str, ...]:
        """The words that must be found."""
        return tuple(word.text for word in self.words if not word.excluded)


class Sort(NamedTuple):
    """A field to sort by, in its natural order (highest, newest, or A first) or the reverse."""

    field: Field
    natural: bool = True


def parse_query(terms: Sequence[str], *, now: datetime) -> Query:
    """Parse the arguments of a query. UsageError on an unknown field or state, or an invalid value."""
    words: list[Word] = []
    found: list[Filter] = []
    conditions: list[Condition] = []
    for argument in terms:
        for token in _split_argument(_UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", argument)):
            term = _parse_term(token, now)
            if isinstance(term, Word):
                words.append(term)
            elif isinstance(term, Filter):
                found.append(term)
            elif term is not None:
                conditions.append(term)
    count = len(words) + sum(len(item.predicates) for item in found) + sum(len(item.names) for item in conditions)
    if count > _MAX_TERMS:
        message = f"too many words and values in the query: {count}; use at most {_MAX_TERMS}"
        raise UsageError(message)
    return Query(tuple(words), tuple(found), tuple(conditions), latest_known(now))


def parse_sort(specs: Collection[str]) -> tuple[Sort, ...]:
    """Parse ``["stars,-updated"]`` into sorts, most significant first.

    UsageError on an unknown or unsortable field, and if no field is given.
    """
    found: dict[str, Sort] = {}
    for name in (part.strip() for spec in specs for part in spec.split(",")):
        if not name:
            continue
        field = fields.get(name.removeprefix("-"))
        if not field.sortable:
            message = f"cannot sort by {field.name}"
            raise UsageError(message, hint=_SORT_HINT)
        found.setdefault(field.name, Sort(field, natural=not name.startswith("-")))
    if specs and not found:
        message = "--sort needs at least one field"
        raise UsageError(message, hint=_SORT_HINT)
    return tuple(found.values())


def without_active(query: Query) -> Query | None:
    """Return the query without ``is:active``, to count what it hid; None if it has no such condition."""
    others = tuple(item for item in query.conditions if item.excluded or item.names != ("active",))
    return None if others == query.conditions else query._replace(conditions=others)


def _split_argument(argument: str) -> Iterator[str]:
    """Split one argument into terms.

    The shell has removed quotes, so an argument with a space is one phrase or one filter (``title:django todo``) unless
    it is clearly a whole query: with quotes of its own, or with a filter that is not first or takes no spaces.
    """
    text = argument.strip()
    pieces = _PIECE.findall(text) if text.count('"') % 2 == 0 else []
    if len(pieces) > 1 and any(_is_separate_term(piece, first=not index) for index, piece in enumerate(pieces)):
        yield from pieces
    elif text:
        yield text


def _is_separate_term(piece: str, *, first: bool) -> bool:
    body = _without_sign(piece)
    if body.startswith('"'):
        return True
    match = _FILTER.fullmatch(body)
    if match is None:
        return False
    field = fields.find(match[1])
    if field is None:
        return match[1].lower() == "is"
    return not first or field.kind in (Kind.INTEGER, Kind.TIME, Kind.FLAG, Kind.COUNTS)


def _without_sign(token: str) -> str:
    return token[1:] if len(token) > 1 and token[0] in "-^" else token


def _parse_term(token: str, now: datetime) -> Word | Filter | Condition | None:
    """Parse one term; None for an empty phrase."""
    body = _without_sign(token)
    excluded = body is not token
    if is_quoted(body):
        phrase = body[1:-1].strip()
        return Word(phrase, excluded) if phrase else None
    match = _FILTER.fullmatch(body)
    if match is None or match[2].startswith("//"):
        return Word(body, excluded)
    name, values = match[1], match[2]
    if name.lower() == "is":
        return Condition(_parse_states(values), format_sortable(now - timedelta(days=ACTIVE_DAYS)), excluded)
    field = fields.find(name)
    if field is None:
        if values[:1].isspace() or any(letter.isdigit() for letter in name):  # "Note: to self" and "h2o:x" are words
            return Word(body, excluded)
        raise fields.unknown_field(name)
    return Filter(field, filters.parse_predicates(name, field, values, now=now), excluded)


def _parse_states(values: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in values.split(",") if name.strip()))
    known = [state.name for state in STATES]
    for name in names or ("",):
        if name not in known:
            message = f"unknown state {quote_input(name)}; use {', '.join(known)}"
            raise UsageError(message)
    return names
