"""Parse the words and filters that a user types into a `Query`.

    todo "multi user"        words: all must match, a phrase as a whole
    stars:100..  license:MIT,BSD  updated:6m..  django:5.2  is:active
    -is:archived  ^todo      a leading - or ^ excludes

Any words are a valid query; an invalid filter is a UsageError. Relative times are resolved with `now` while parsing, so
that a `Query` always means the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from djpkg.errors import UsageError
from djpkg.model import fields, state
from djpkg.model.fields import Field, Kind
from djpkg.model.state import State, active_period
from djpkg.query import filters
from djpkg.query.filters import Filter, is_quoted
from djpkg.text import quote_input
from djpkg.times import latest_known

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

_GONE = State("gone", "the repository is gone or blocked, or the PyPI project is gone")
STATES = (
    *(_GONE if one.name == _GONE.name else one for one in state.STATES),
    State("listed", "listed in the catalog"),
    State("edited", "you replaced one of its upstream values"),
    State("tagged", "it has one of your tags"),
)
"""The values of ``is:``, each with its meaning. A package can match several."""

# Enough for typed queries, and below SQLite's own limit (sqlite.org/limits.html: expression depth 1000).
_MAX_TERMS = 200

_FILTER = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*):(.*)", re.DOTALL)
_COMPARISON = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(!=|[<>]=|=[=<>]|[=<>])(.*)", re.DOTALL)
_PIECE = re.compile(r'(?:"[^"]*"|[^\s"])+')
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # SQLite ends a pattern at NUL and rejects lone surrogates

NO_LATEST = "9999-12-31T23:59:59.999999Z"

_SORT_HINT = "for example: --sort stars, --sort +updated"


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
    """A field to sort by, and the direction."""

    field: Field
    descending: bool


def parse_query(terms: Sequence[str], *, now: datetime, words: bool = True) -> Query:
    """Parse the arguments of a query. UsageError on an unknown field or state, or an invalid value.

    Without `words` every term is a filter; ``Note: to self`` is then one with an unknown field.
    """
    texts: list[Word] = []
    found: list[Filter] = []
    conditions: list[Condition] = []
    for argument in terms:
        for token in _split_argument(_UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", argument)):
            term = _parse_term(token, now, words=words)
            if isinstance(term, Word):
                texts.append(term)
            elif isinstance(term, Filter):
                found.append(term)
            elif term is not None:
                conditions.append(term)
    count = len(texts) + sum(len(item.predicates) for item in found) + sum(len(item.names) for item in conditions)
    if count > _MAX_TERMS:
        message = f"too many words and values in the query: {count}; use at most {_MAX_TERMS}"
        raise UsageError(message)
    return Query(tuple(texts), tuple(found), tuple(conditions), latest_known(now))


def is_term(argument: str) -> bool:
    """Return whether an argument is a filter and not the name of a package: ``name:value``, also with - or ^.

    A name with digits or ``-`` must be known. ``stars=100`` is one too, so that its error shows the right form.
    """
    body = _without_sign(argument.strip())
    match = _FILTER.fullmatch(body)
    if match is None:
        comparison = _COMPARISON.fullmatch(body)
        return comparison is not None and _is_known(comparison[1])
    return not match[2].startswith("//") and (match[1].replace("_", "a").isalpha() or _is_known(match[1]))


def _is_known(name: str) -> bool:
    return name.lower() == "is" or fields.find(name) is not None


def parse_sort(specs: Collection[str]) -> tuple[Sort, ...]:
    """Parse ``["stars,+updated"]`` into sorts, most significant first.

    ``-`` is descending, ``+`` ascending; without a sign numbers and times descend, and texts ascend.
    UsageError on an unknown or unsortable field, and if no field is given.
    """
    found: dict[str, Sort] = {}
    for name in (part.strip() for spec in specs for part in spec.split(",")):
        if not name:
            continue
        sign = name[0] if name[0] in "-+" else ""
        field = fields.get(name.removeprefix(sign))
        if not field.sortable:
            message = f"cannot sort by {field.name}"
            raise UsageError(message, hint=_SORT_HINT)
        found.setdefault(field.name, Sort(field, sign == "-" if sign else field.sorts_descending))
    if specs and not found:
        message = "--sort needs at least one field"
        raise UsageError(message, hint=_SORT_HINT)
    return tuple(found.values())


def is_about(name: str, query: Query, sorts: Sequence[Sort]) -> bool:
    """Return whether the query selects or sorts by the field of that name."""
    return name in {item.field.name for item in query.filters} | {item.field.name for item in sorts}


def without_active(query: Query) -> tuple[Query, str] | None:
    """Return the query without ``is:active`` or ``state:active``, to count what it hid, and that term; else None."""
    conditions = tuple(item for item in query.conditions if item.excluded or item.names != ("active",))
    if conditions != query.conditions:
        return query._replace(conditions=conditions), "is:active"
    others = tuple(item for item in query.filters if item.excluded or not _is_active_filter(item))
    return None if others == query.filters else (query._replace(filters=others), "state:active")


def _is_active_filter(item: Filter) -> bool:
    return item.field.name == "state" and item.predicates == (filters.TextMatch("active"),)


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


def _parse_term(token: str, now: datetime, *, words: bool) -> Word | Filter | Condition | None:
    """Parse one term; None for an empty phrase."""
    body = _without_sign(token)
    excluded = body is not token
    if is_quoted(body):
        phrase = body[1:-1].strip()
        return Word(phrase, excluded) if phrase else None
    match = _FILTER.fullmatch(body)
    if match is None:
        comparison = _COMPARISON.fullmatch(body)
        if comparison is not None and _is_known(comparison[1]):
            raise filters.comparison_error(token, *comparison.groups(), excluded=excluded)
    if match is None or match[2].startswith("//"):
        return Word(body, excluded)
    name, values = match[1], match[2]
    if name.lower() == "is":
        return Condition(_parse_states(values), active_period(now)[0], excluded)
    field = fields.find(name)
    if field is None:
        # "Note: to self" and "h2o:x" are words.
        if words and (values[:1].isspace() or any(letter.isdigit() for letter in name)):
            return Word(body, excluded)
        raise fields.unknown_field(name)
    return Filter(field, filters.parse_predicates(name, field, values, now=now), excluded)


def _parse_states(values: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in values.split(",") if name.strip()))
    known = [one.name for one in STATES]
    if not names:
        raise UsageError("is: has no value", hint=f"use is:{', is:'.join(known)}")
    for name in names:
        if name not in known:
            raise filters.unknown_choice(f"unknown state {quote_input(name)}", name, known)
    return names
