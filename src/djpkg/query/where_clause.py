"""Turn a `Query` into the WHERE condition over the mirror's ``packages``.

The conditions use no custom SQL function, so they work in any program that opens the file. Whole words are found in any
case and without accents through ``packages_fts``; see `text_match` for other text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from djpkg.model import license_names
from djpkg.model.fields import Field, Kind
from djpkg.query import grid_names, states
from djpkg.query.columns import column_sql, comparable_sql, valid_json
from djpkg.query.dependents import requires_any
from djpkg.query.filters import CHOICES, VERSION_LISTS, Presence, Range, TextMatch, Undeclared
from djpkg.query.text_match import (
    MAX_PATTERN,
    NEVER,
    contains,
    contains_element,
    contains_number,
    contains_word,
    join_sql,
    split_star,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from djpkg.query.filters import Filter, Predicate
    from djpkg.query.grid_names import GridName, GridNames
    from djpkg.query.parser import Condition, Query
    from djpkg.query.text_match import Sql

# Matched by words: stable matches "5 - Production/Stable". A license also by its name, in any spelling.
_MATCHED_BY_WORD = frozenset({"license", "development_status"})

# Scripts that are written without spaces between words, or with endings attached to them: Thai, Lao, Tibetan, Myanmar,
# Khmer, kana, Bopomofo, Han, Hangul, and their compatibility and half-width forms. For `re` and for GLOB.
_UNSPACED_LETTER = (
    "[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)
# The condition of the index `packages_unspaced`, which is used only where a query repeats it.
_UNSPACED = f"packages.repo_description GLOB '*{_UNSPACED_LETTER}*'"

REQUIRES_FIELD = "requires"
"""The field whose filter values are packages of the mirror."""

_IN_ANY_GRID = "packages.id IN (SELECT package_id FROM package_grids)"
_FTS_MATCH = "packages.id IN (SELECT rowid FROM packages_fts WHERE packages_fts MATCH ?)"


def where_clause(query: Query, names: GridNames, *, today: str = "now") -> Sql:
    """Return the condition for rows of ``packages`` and its values in order; `names` are those of the mirror.

    `today` is the time, in SQLite's terms, on which spans such as "in the last 90 days" end.
    """
    # SQLite evaluates the parts in this order; words are the slowest.
    parts = [_negate(_state_sql(item, query.latest), excluded=item.excluded) for item in query.conditions]
    parts += [_negate(_filter_sql(item, names, query.latest, today), excluded=item.excluded) for item in query.filters]
    parts += [_negate(_word_sql(word.text, names), excluded=word.excluded) for word in query.words]
    return join_sql(" AND ", parts) if parts else ("1", ())


def unknown_names(query: Query, names: GridNames) -> list[tuple[Field, str]]:
    """Return the filter values that match no category, grid or package of the mirror, each with its field."""
    return [
        (item.field, predicate.text)
        for item in query.filters
        for predicate in item.predicates
        if isinstance(predicate, TextMatch) and _is_unknown(item.field, predicate.text, names)
    ]


def _is_unknown(field: Field, text: str, names: GridNames) -> bool:
    if field.name == REQUIRES_FIELD:
        return text not in names.required
    return (field.holds_category or field.holds_grids) and not grid_names.find_by_field(field, text, names)


def required_texts(query: Query) -> list[str]:
    """Return the packages that filters of ``requires:`` name, as typed."""
    filters = [item for item in query.filters if item.field.name == REQUIRES_FIELD]
    return [one.text for item in filters for one in item.predicates if isinstance(one, TextMatch)]


def name_match_sql(text: str, names: GridNames) -> Sql:
    """Match packages in a category or grid with a word that starts with the text."""
    categories, grids = (grid_names.find_by_word_start(group, text) for group in (names.categories, names.grids))
    parts = ([_in_categories(categories)] if categories else []) + ([_in_grids(grids)] if grids else [])
    return join_sql(" OR ", parts) if parts else (NEVER, ())


def _negate(part: Sql, *, excluded: bool) -> Sql:
    """Return the condition, or its opposite, which also matches unknown values."""
    return (f"NOT coalesce({part[0]}, 0)", part[1]) if excluded else part


def _word_sql(word: str, names: GridNames) -> Sql:
    """Match anywhere in slug and title, as whole words in the description, or by the name of category or grid.

    ``ticket*`` also matches the beginnings of words in the description.
    """
    if len(word) > MAX_PATTERN:
        return NEVER, ()
    in_slug, in_title, *in_description = _own_text_parts(word)
    by_name = name_match_sql(split_star(word)[0], names)
    # False for most words, and each part costs time on every row.
    in_names = [] if by_name[0] == NEVER else [by_name]
    return join_sql(" OR ", [in_slug, in_title, *in_names, *in_description])


def own_text_sql(word: str) -> Sql:
    """Match the word as `where_clause` does, but not by the name of category or grid."""
    return (NEVER, ()) if len(word) > MAX_PATTERN else join_sql(" OR ", _own_text_parts(word))


def _own_text_parts(word: str) -> list[Sql]:
    text, star = split_star(word)
    phrase = '"' + text.replace('"', '""') + '"'  # an FTS5 string; without any letter or digit it matches nothing
    parts = [contains("packages.slug", text), contains("packages.title", text), (_FTS_MATCH, (phrase + star,))]
    if re.search(_UNSPACED_LETTER, text):  # to FTS5 a whole sentence of these scripts is one word
        condition, values = contains("packages.repo_description", text)
        parts.append((f"packages.id IN (SELECT id FROM packages WHERE {_UNSPACED} AND {condition})", values))
    return parts


def _in_categories(categories: Iterable[GridName]) -> Sql:
    return f"packages.category IN {_id_list(categories)}", ()


def _in_grids(grids: Iterable[GridName]) -> Sql:
    return f"packages.id IN (SELECT package_id FROM package_grids WHERE grid_id IN {_id_list(grids)})", ()


def _id_list(named: Iterable[GridName]) -> str:
    return f"({', '.join(f'{one.id:d}' for one in named)})"


def _state_sql(item: Condition, latest: str) -> Sql:
    return join_sql(" OR ", [states.condition_sql(name, since=item.since, latest=latest) for name in item.names])


def _filter_sql(item: Filter, names: GridNames, latest: str, today: str) -> Sql:
    parts = [_predicate_sql(item.field, predicate, names, latest, today) for predicate in item.predicates]
    return join_sql(" OR ", parts)


def _predicate_sql(field: Field, predicate: Predicate, names: GridNames, latest: str, today: str) -> Sql:
    if field.kind is Kind.TIME:
        return _time_sql(comparable_sql(field), predicate, latest)
    if isinstance(predicate, Presence):
        missing = _missing_sql(field, names, today)
        return (f"NOT {missing}" if predicate.present else missing), ()
    if isinstance(predicate, Undeclared):
        return f"({_missing_sql(field, names, today)} AND packages.released_utc IS NOT NULL)", ()
    if isinstance(predicate, TextMatch):
        return _text_sql(field, predicate.text, names, today)
    if field.name in VERSION_LISTS:
        return _version_range_sql(field, predicate)
    return _range_sql(comparable_sql(field, today=today), predicate)


def _missing_sql(field: Field, names: GridNames, today: str) -> str:
    """Match null and empty values; the condition itself is never null."""
    if field.holds_grids:
        return f"(NOT {_IN_ANY_GRID})"
    if field.holds_category and field.kind is Kind.TEXT:
        with_text = _id_list(one for one in names.categories if grid_names.category_text(field, one))
        return f"(NOT coalesce(packages.category IN {with_text}, 0))"
    if field.kind is Kind.NAMES:
        return f"(coalesce({column_sql(field)}, '[]') = '[]')"
    if field.kind is Kind.MAPPING:
        return f"(coalesce({column_sql(field)}, '{{}}') = '{{}}')"
    if "none" in CHOICES.get(field.name, ()):
        return f"(coalesce({column_sql(field)}, 'none') = 'none')"
    if field.kind in (Kind.TEXT, Kind.URL, Kind.PROJECT):
        return f"(coalesce({column_sql(field, today=today)}, '') = '')"
    return f"({comparable_sql(field, today=today)} IS NULL)"


def _time_sql(expression: str, predicate: Predicate, latest: str) -> Sql:
    """Match a range of times, or whether there is a time; times after `latest` are unknown."""
    if isinstance(predicate, Range):
        return join_sql(" AND ", [_range_sql(expression, predicate), (f"{expression} <= ?", (latest,))])
    present = isinstance(predicate, Presence) and predicate.present
    return (f"coalesce({expression} <= ?, 0)" if present else f"NOT coalesce({expression} <= ?, 0)"), (latest,)


def _range_sql(expression: str, bounds: Range) -> Sql:
    limits = ((">=", bounds.low), ("<=", bounds.high))
    return join_sql(" AND ", [(f"{expression} {sign} ?", (limit,)) for sign, limit in limits if limit is not None])


def _version_range_sql(field: Field, bounds: Range) -> Sql:
    """Match lists with any declared version in the range; CAST reads the part before the point.

    There are few distinct lists, so each is parsed once, not once per package.
    """
    number = "(CAST(value AS INTEGER) * 10000 + CAST(substr(value, instr(value || '.', '.') + 1) AS INTEGER))"
    condition, values = _range_sql(number, bounds)
    lists = f"SELECT DISTINCT {valid_json(column_sql(field))} AS list FROM packages"
    return f"{column_sql(field)} IN (SELECT list FROM ({lists}), json_each(list) WHERE {condition})", values


def _text_sql(field: Field, text: str, names: GridNames, today: str) -> Sql:
    column = column_sql(field, today=today)
    if field.name in VERSION_LISTS:
        return join_sql(" OR ", [contains(column, text, '%"{}"%'), contains(column, text, '%"{}.%')])
    if field.kind is Kind.MAPPING:
        return contains(column, text, '%"{}":%')
    if field.holds_category:
        return _in_categories(grid_names.find_by_field(field, text, names))
    if field.holds_grids:
        return _in_grids(grid_names.find_by_field(field, text, names))
    if field.name == REQUIRES_FIELD:
        return requires_any(names.required.get(text, ()))
    if field.kind is Kind.NAMES:
        return contains_element(column, text)
    if field.name == "license" and (wanted := license_names.find_licenses(text)):
        found = [name for name in names.licenses if license_names.names_all(name, wanted)]
        return f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(found),)
    return _single_text_sql(field, column, text)


def _single_text_sql(field: Field, column: str, text: str) -> Sql:
    if field.name in CHOICES:
        return f"{column} = ? COLLATE NOCASE", (text,)
    if field.name in _MATCHED_BY_WORD:
        return contains_word(column, text)
    if field.name == "pypi_version":
        return join_sql(" OR ", [contains(column, text, "{}"), contains(column, text, "{}.%")])
    if field.name == "requires_python":
        return contains_number(column, text)
    if field.name == "pypi_name":  # stored normalized (PEP 503)
        return contains(column, re.sub(r"[-_.]+", "-", text))
    return _repository_sql(column, text) if field.name == "repository" else contains(column, text)


def _repository_sql(column: str, text: str) -> Sql:
    """Match the repository at that URL, else paths that contain the text."""
    if "://" in text or text.startswith("git@"):
        from djpkg.model import repository_url  # noqa: PLC0415 - URLs are rare

        found = repository_url.parse_repository_url(text, repository_url.NO_FORGES)
        if isinstance(found, repository_url.Repository):
            return "packages.repository_key = ?", (found.coordinate,)
    return contains(column, text)
