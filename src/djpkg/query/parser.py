"""The words and filters that a person types, as a `Query`.

    todo "multi user"        words: all must be found, a phrase as it stands
    stars:100..  license:MIT,BSD  updated:6m..  django:5.2  is:active
    -is:archived  ^todo      a leading - or ^ excludes

Any text is a legal query as far as it is made of words; what looks like a filter and is none is a UsageError. `now` is
taken in while reading, so that a `Query` means the same at any later time.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.model.fields import Field, Kind
from djpkg.query import filters
from djpkg.query.filters import Filter, quote_value
from djpkg.times import sortable_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

ACTIVE_DAYS = 365
ACTIVE_RULE = (
    "listed in the catalog, its repository neither archived nor gone, and a commit on the default branch or a release"
    f" within the last {ACTIVE_DAYS} days"
)


class State(NamedTuple):
    """A name that `is:` takes, and when a package is that."""

    name: str
    about: str


STATES = (
    State("active", ACTIVE_RULE),
    State("stale", "not active"),
    State("archived", "its repository is archived"),
    State("gone", "its repository or its project on PyPI is gone, or the repository is blocked"),
    State("moved", "its repository is now elsewhere"),
    State("yanked", "its newest release is yanked"),
    State("listed", "the catalog lists it"),
    State("removed", "the catalog no longer lists it"),
    State("edited", "you edited a field of it"),
)

# More than a person types, and below SQLite's own limit (sqlite.org/limits.html: expression depth 1000).
_MOST_TESTS = 200

_FILTER = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*):(.*)", re.DOTALL)
_PIECE = re.compile(r'(?:"[^"]*"|[^\s"])+')
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # SQLite ends a pattern at NUL and takes no lone surrogate


class Word(NamedTuple):
    """A word or phrase to be found."""

    text: str
    excluded: bool = False


class Condition(NamedTuple):
    """``is:``: any of the named states must hold; `since` is where activity begins, as the mirror's UTC text."""

    names: tuple[str, ...]
    since: str
    excluded: bool = False


class Query(NamedTuple):
    """What must hold of a package, all of it."""

    words: tuple[Word, ...] = ()
    filters: tuple[Filter, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The words that must be found."""
        return tuple(word.text for word in self.words if not word.excluded)


class Sort(NamedTuple):
    """One field to order by. `natural` is its own direction: most, newest, A first."""

    field: Field
    natural: bool = True


def parse_query(terms: Sequence[str], *, now: datetime) -> Query:
    """The query that the arguments state at `now`. UsageError on a filter whose field, name or value makes no sense."""
    words: list[Word] = []
    found: list[Filter] = []
    conditions: list[Condition] = []
    for argument in terms:
        for token in _tokens(_UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", argument)):
            term = _term(token, now)
            if isinstance(term, Word):
                words.append(term)
            elif isinstance(term, Filter):
                found.append(term)
            elif term is not None:
                conditions.append(term)
    asked = len(words) + sum(len(item.tests) for item in found) + sum(len(item.names) for item in conditions)
    if asked > _MOST_TESTS:
        message = f"a query takes at most {_MOST_TESTS} words and values, this one has {asked}"
        raise UsageError(message)
    return Query(tuple(words), tuple(found), tuple(conditions))


def parse_sort(specs: Collection[str]) -> tuple[Sort, ...]:
    """``["stars,-updated"]`` -> what to order by, in turn; nothing without any.

    UsageError on an unknown field or one without an order, and where no field is named.
    """
    found: dict[str, Sort] = {}
    for name in (part.strip() for spec in specs for part in spec.split(",")):
        if not name:
            continue
        field = fields.get(name.removeprefix("-"))
        if not field.sortable:
            message = f"{field.name} has no order"
            raise UsageError(message, hint="for example: --sort stars, --sort -updated")
        found.setdefault(field.name, Sort(field, natural=not name.startswith("-")))
    if specs and not found:
        message = "--sort names no field"
        raise UsageError(message, hint="for example: --sort stars, --sort -updated")
    return tuple(found.values())


def without_active(query: Query) -> Query | None:
    """The same query without ``is:active``, to count what it hid; None where it asks for no such thing."""
    others = tuple(item for item in query.conditions if item.excluded or item.names != ("active",))
    return None if others == query.conditions else query._replace(conditions=others)


def _tokens(argument: str) -> Iterator[str]:
    """The terms in one argument.

    The shell took the quotes off, so an argument that holds a blank is one phrase or one filter (``title:django
    todo``), unless it is visibly a whole query: with quotes of its own, or a filter that is not first or that takes no
    blank.
    """
    text = argument.strip()
    pieces = _PIECE.findall(text) if text.count('"') % 2 == 0 else []
    if len(pieces) > 1 and any(_stands_alone(piece, first=not place) for place, piece in enumerate(pieces)):
        yield from pieces
    elif text:
        yield text


def _stands_alone(piece: str, *, first: bool) -> bool:
    body = _unsigned(piece)
    if body.startswith('"'):
        return True
    match = _FILTER.fullmatch(body)
    if match is None:
        return False
    field = fields.find(match[1])
    if field is None:
        return match[1].lower() == "is"
    return not first or field.kind in (Kind.INTEGER, Kind.TIME, Kind.FLAG, Kind.COUNTS)


def _unsigned(token: str) -> str:
    return token[1:] if len(token) > 1 and token[0] in "-^" else token


def _term(token: str, now: datetime) -> Word | Filter | Condition | None:
    """What one term asks for; None for an empty phrase."""
    body = _unsigned(token)
    excluded = body is not token
    if quote_value(body):
        phrase = body[1:-1].strip()
        return Word(phrase, excluded) if phrase else None
    match = _FILTER.fullmatch(body)
    if match is None or match[2].startswith("//"):
        return Word(body, excluded)
    name, rest = match[1], match[2]
    if name.lower() == "is":
        return Condition(_states(rest), sortable_instant(now - timedelta(days=ACTIVE_DAYS)), excluded)
    field = fields.find(name)
    if field is None:
        if rest[:1].isspace() or any(letter.isdigit() for letter in name):  # "Note: to self", "h2o:x" are words
            return Word(body, excluded)
        raise fields.unknown_field(name)
    return Filter(field, filters.parse_tests(name, field, rest, now=now), excluded)


def _states(rest: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in rest.split(",") if name.strip()))
    known = [state.name for state in STATES]
    for name in names or ("",):
        if name not in known:
            message = f"there is no is:{name}; there are {', '.join(known)}"
            raise UsageError(message)
    return names
