"""A `Query` as SQL over the mirror's ``packages``: the condition, and the order.

Texts are bound, never written into the SQL. Nothing here needs a function of ours in SQLite, so the same conditions
work in any program that opens the file. `LIKE` and `NOCASE` fold ASCII letters alone; whole words are found in any case
and without regard to accents, because they are looked up in ``packages_fts``. Names of categories and grids are
resolved here (`named`): asking for them anew for each row is slow.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.model.fields import Field, Kind
from djpkg.query import grid_names
from djpkg.query.columns import column_sql, comparable_sql
from djpkg.query.filters import CHOICES, VERSION_LISTS, Presence, Range, Text, Undeclared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from djpkg.query.filters import Filter, Test
    from djpkg.query.grid_names import GridName, GridNames
    from djpkg.query.parser import Condition, Query, Sort

    SqlValue: TypeAlias = str | int | None
    Sql: TypeAlias = tuple[str, tuple[SqlValue, ...]]

# SQLite refuses a longer pattern (sqlite.org/limits.html: 50,000 bytes), and no value that is worth finding is as long.
_LONGEST = 1_000

# SQLite's max() takes at least 100 arguments (same page).
_RANKED = 50

# A word of these is met at its limits: BSD in "BSD-3-Clause", stable in "5 - Production/Stable".
_BY_WORD = frozenset({"license", "development_status"})
_LIMIT = f"[{grid_names.WORD_BREAKS}]"
_DIGITS = frozenset("0123456789")

_NEVER = "0"

# Contents of JSON texts that stand there as they are, and cannot be met across two elements.
_PLAIN_JSON = re.compile(r"[A-Za-z0-9_.@+\[\]-]+")

# + keeps SQLite from going through the wide rows one by one by their ids (measured).
_IN_ANY_GRID = "+packages.id IN (SELECT package_id FROM package_grids)"
_BY_FTS = "+packages.id IN (SELECT rowid FROM packages_fts WHERE packages_fts MATCH ?)"

_GONE = "packages.repo_state IN ('gone', 'blocked')"
_ACTIVE = (
    f"(packages.catalog_state = 'listed' AND coalesce(packages.archived, 0) = 0 AND NOT coalesce({_GONE}, 0)"
    " AND (packages.last_updated_utc >= ? OR packages.released_utc >= ?))"
)
_STATES = {
    "active": _ACTIVE,
    "stale": f"NOT coalesce({_ACTIVE}, 0)",
    "archived": "packages.archived = 1",
    "gone": f"({_GONE} OR packages.pypi_state = 'gone')",
    "moved": "(packages.repo_state = 'moved' OR packages.moved_to <> '')",
    "yanked": "packages.yanked = 1",
    "listed": "packages.catalog_state = 'listed'",
    "removed": "packages.catalog_state = 'removed'",
    "edited": "packages.edited <> '[]'",
}


# The fields that are compared by columns of the index `packages_lookup`, or by the numbers of category and grids.
IN_LOOKUP = frozenset(
    (
        "repo_watchers", "slug", "id", "title", "category", "category_slug", "category_title", "grids", "grid_slugs",
        "catalog_state", "repo_state", "archived", "last_updated", "released", "pypi_state", "forge", "license",
        "commits_last_year", "commits_over_52", "participant_count", "repo_forks", "yanked", "moved_to",
        "django_versions", "python_versions",
    )
)  # fmt: skip


VERSION = "pypi_version"
VERSION_PLACE = "version_place"
"""The function of SQL that gives a version's place among all; `order_by` takes it for defined."""


def where(query: Query, names: GridNames) -> Sql:
    """The condition that a row of ``packages`` must meet, and its values in order; `names` are those of the mirror."""
    # SQLite looks at them in this order, and words take it longest.
    parts = [_signed(_condition(item), excluded=item.excluded) for item in query.conditions]
    parts += [_signed(_filter(item, names), excluded=item.excluded) for item in query.filters]
    parts += [_signed(_word(word.text, names), excluded=word.excluded) for word in query.words]
    return _joined(" AND ", parts) if parts else ("1", ())


def order_by(sorts: Sequence[Sort], query: Query, names: GridNames) -> Sql:
    """What follows ORDER BY, and its values: the sorts, else the best match, else stars; nulls last, then the slug."""
    sql: list[str] = []
    values: tuple[SqlValue, ...] = ()
    if not sorts and query.wanted:
        rank, values = _rank(query.wanted, names)
        sql.append(rank)
    # An index that gives the order pays where nothing else of the rows is looked at; + keeps SQLite off it (measured).
    keep_off = "" if not any(query) or (not sorts and is_narrow(query)) else "+"
    sql += [f"{keep_off}{_sorted(item, names)}" for item in sorts] or [f"{keep_off}packages.repo_watchers DESC"]
    if all(item.field.name != "slug" for item in sorts):
        sql.append("packages.slug")
    return ", ".join([*sql, "packages.id"]), values


def unknown_names(query: Query, names: GridNames) -> list[tuple[Field, str]]:
    """The values of filters that name no category or grid of the mirror, each with its field."""
    return [
        (item.field, test.text)
        for item in query.filters
        for test in item.tests
        if isinstance(test, Text) and (item.field.of_category or item.field.of_grids)
        if not _named(item.field, test.text, names)
    ]


def is_narrow(query: Query) -> bool:
    """Whether the index `packages_lookup` holds all that the filters look at."""
    edited = any("edited" in item.names for item in query.conditions)
    return not edited and all(item.field.name in IN_LOOKUP for item in query.filters)


def _sorted(item: Sort, names: GridNames) -> str:
    # SQLite takes null for less than any value, so that it is last in a descending order by itself, and by an index.
    down = item.field.descends is item.natural
    return f"{_orderable(item.field, names)} {'DESC' if down else 'ASC NULLS LAST'}"


def _orderable(field: Field, names: GridNames) -> str:
    """What orders the field; an empty text, like an empty list, is no value."""
    if field.of_category:
        return _category_place(field, names.categories)
    if field.name == VERSION:
        return f"{VERSION_PLACE}({column_sql(field)})"
    if field.kind in (Kind.TEXT, Kind.ADDRESS, Kind.PROJECT):
        return f"nullif({column_sql(field)}, '') COLLATE NOCASE"
    if field.kind in (Kind.NAMES, Kind.GRIDS):
        return f"nullif({comparable_sql(field)}, 0)"
    return comparable_sql(field)


def _category_place(field: Field, categories: Sequence[GridName]) -> str:
    """The place of the package's category among all by name, null where it has none."""
    name = {
        one.id: grid_names.lower_ascii(_category_text(field, one)) for one in categories if _category_text(field, one)
    }
    places = {text: place for place, text in enumerate(sorted(set(name.values())))}
    cases = "".join(f" WHEN {number:d} THEN {places[text]:d}" for number, text in name.items())
    return f"CASE packages.category{cases} END" if cases else "NULL"


def _category_text(field: Field, one: GridName) -> str:
    return (one.title if field.name == "category_title" else one.slug) or ""


def _rank(words: Sequence[str], names: GridNames) -> Sql:
    """0 for the slug itself, then where the worst placed word is found: slug, title, name of category or grid, text."""
    whole = re.sub(r"[\s_-]+", "-", " ".join(words))[:_LONGEST]
    ranks: list[str] = []
    values: list[SqlValue] = [whole, whole]
    for word in words[:_RANKED]:
        in_slug, in_title = (_contains(column, word) for column in ("packages.slug", "packages.title"))
        in_names = _in_names(word, names)
        ranks.append(f"CASE WHEN {in_slug[0]} THEN 2 WHEN {in_title[0]} THEN 3 WHEN {in_names[0]} THEN 4 ELSE 5 END")
        values += [*in_slug[1], *in_title[1], *in_names[1]]
    itself = "WHEN packages.slug = ? COLLATE NOCASE THEN 0 WHEN packages.slug = 'django-' || ? COLLATE NOCASE THEN 1"
    return f"CASE {itself} ELSE max(2, {', '.join(ranks)}) END", tuple(values)


def _joined(operator: str, parts: Sequence[Sql]) -> Sql:
    values = tuple(value for part in parts for value in part[1])
    return "(" + operator.join(sql for sql, _ in parts) + ")", values


def _signed(part: Sql, *, excluded: bool) -> Sql:
    """The condition or its opposite, in which a row whose value is unknown stays."""
    return (f"NOT coalesce({part[0]}, 0)", part[1]) if excluded else part


def _contains(column: str, text: str, form: str = "%{}%") -> Sql:
    if len(text) > _LONGEST:
        return _NEVER, ()
    return f"{column} LIKE ? ESCAPE '\\'", (form.format(_escaped(text)),)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _word(text: str, names: GridNames) -> Sql:
    """Anywhere in slug and title, whole in the description, or where a word begins in a name of category or grid."""
    if len(text) > _LONGEST:
        return _NEVER, ()
    phrase = '"' + text.replace('"', '""') + '"'  # an FTS5 string; one without a letter or digit finds nothing
    in_names = _in_names(text, names)
    parts = [_contains("packages.slug", text), _contains("packages.title", text), in_names, (_BY_FTS, (phrase,))]
    if in_names[0] == _NEVER:  # most words name nothing, and each part costs time on every row
        parts.remove(in_names)
    return _joined(" OR ", parts)


def _in_names(text: str, names: GridNames) -> Sql:
    categories, grids = (grid_names.find_by_word_start(some, text) for some in (names.categories, names.grids))
    parts = ([_in_categories(categories)] if categories else []) + ([_in_grids(grids)] if grids else [])
    return _joined(" OR ", parts) if parts else (_NEVER, ())


def _in_categories(categories: Iterable[GridName]) -> Sql:
    return f"packages.category IN {_numbers(categories)}", ()


def _in_grids(grids: Iterable[GridName]) -> Sql:
    return f"packages.id IN (SELECT package_id FROM package_grids WHERE grid_id IN {_numbers(grids)})", ()


def _numbers(found: Iterable[GridName]) -> str:
    return f"({', '.join(f'{one.id:d}' for one in found)})"


def _holds_word(column: str, text: str) -> Sql:
    """Whether the text stands there between limits of words. LIKE, which is quick, leaves few for GLOB to look at."""
    if len(text) > _LONGEST:
        return _NEVER, ()
    near = "".join("_" if letter in grid_names.WORD_BREAKS else _escaped(letter) for letter in text)
    exact = f"*{_LIMIT}{_globbed(text)}{_LIMIT}*"
    return f"({column} LIKE ? ESCAPE '\\' AND ' ' || {column} || ' ' GLOB ?)", (f"%{near}%", exact)


def _globbed(text: str) -> str:
    """A GLOB pattern for the text in any case (of ASCII letters), with any limit of words for each that it holds."""
    return "".join(
        f"[{letter.upper()}{letter.lower()}]"
        if letter.isascii() and letter.isalpha()
        else _LIMIT
        if letter in grid_names.WORD_BREAKS
        else f"[{letter}]"
        if letter in "*?["
        else letter
        for letter in text
    )


def _condition(item: Condition) -> Sql:
    parts = [(_STATES[name], (item.since,) * _STATES[name].count("?")) for name in item.names]
    return _joined(" OR ", parts)


def _filter(item: Filter, names: GridNames) -> Sql:
    return _joined(" OR ", [_test(item.field, test, names) for test in item.tests])


def _test(field: Field, test: Test, names: GridNames) -> Sql:
    if isinstance(test, Presence):
        missing = _missing(field, names)
        return (f"NOT {missing}" if test.present else missing), ()
    if isinstance(test, Undeclared):  # as `list` and `show` say it: of what PyPI has answered for with a release
        return f"({_missing(field, names)} AND packages.released_utc IS NOT NULL)", ()
    if isinstance(test, Range):
        return _version_range(field, test) if field.name in VERSION_LISTS else _between(comparable_sql(field), test)
    return _text(field, test, names)


def _missing(field: Field, names: GridNames) -> str:
    """Null or empty, as an SQL condition that is never null itself."""
    if field.of_grids:
        return f"(NOT {_IN_ANY_GRID})"
    if field.of_category and field.kind is Kind.TEXT:
        with_text = _numbers(one for one in names.categories if _category_text(field, one))
        return f"(NOT coalesce(packages.category IN {with_text}, 0))"
    if field.kind is Kind.NAMES:
        return f"(coalesce({column_sql(field)}, '[]') = '[]')"
    if field.kind is Kind.MAPPING:
        return f"(coalesce({column_sql(field)}, '{{}}') = '{{}}')"
    if "none" in CHOICES.get(field.name, ()):
        return f"(coalesce({column_sql(field)}, 'none') = 'none')"
    if field.kind in (Kind.TEXT, Kind.ADDRESS, Kind.PROJECT):
        return f"(coalesce({column_sql(field)}, '') = '')"
    return f"({comparable_sql(field)} IS NULL)"


def _between(comparable: str, test: Range) -> Sql:
    bounds = [
        (f"{comparable} {sign} ?", (bound,))
        for sign, bound in ((">=", test.low), ("<=", test.high))
        if bound is not None
    ]
    return _joined(" AND ", bounds)


def _version_range(field: Field, test: Range) -> Sql:
    """Whether any declared version lies within; CAST reads the part before the point.

    There are few different lists, so each is read once and not once for each package.
    """
    number = "(CAST(value AS INTEGER) * 10000 + CAST(substr(value, instr(value || '.', '.') + 1) AS INTEGER))"
    condition, values = _between(number, test)
    lists = f"SELECT DISTINCT {column_sql(field)} AS list FROM packages"
    return f"{column_sql(field)} IN (SELECT list FROM ({lists}), json_each(list) WHERE {condition})", values


def _text(field: Field, test: Text, names: GridNames) -> Sql:
    text = test.text
    if field.name in VERSION_LISTS:
        return _joined(
            " OR ", [_contains(column_sql(field), text, '%"{}"%'), _contains(column_sql(field), text, '%"{}.%')]
        )
    if field.kind is Kind.MAPPING:
        return _contains(column_sql(field), text, '%"{}":%')
    if field.of_category:
        return _in_categories(_named(field, text, names))
    if field.of_grids:
        return _in_grids(_named(field, text, names))
    if field.kind is Kind.NAMES:
        return _element(column_sql(field), text)
    return _plain_text(field, text)


def _named(field: Field, text: str, names: GridNames) -> list[GridName]:
    """The categories or grids that a value of the field means."""
    wanted = grid_names.lower_ascii(text)
    match field.name:
        case "category":
            return grid_names.find_exact(names.categories, text)
        case "category_slug":
            return [one for one in names.categories if wanted == grid_names.lower_ascii(one.slug or "")]
        case "category_title":
            return [one for one in names.categories if wanted in grid_names.lower_ascii(one.title or "")]
        case "grids":
            return grid_names.find_grids(names.grids, text)
        case _:
            return [
                one
                for one in names.grids
                if wanted == grid_names.lower_ascii(str(one.id) if one.slug is None else one.slug)
            ]


def _element(column: str, text: str) -> Sql:
    """Whether a JSON list holds the text. Reading the list is slow; most names stand in it as they are.

    An element begins behind the bracket or a comma: a quote within a name follows a backslash.
    """
    if _PLAIN_JSON.fullmatch(text) and len(text) <= _LONGEST:
        return _joined(" OR ", [_contains(column, text, '["{}"%'), _contains(column, text, '%,"{}"%')])
    return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = ? COLLATE NOCASE)", (text,)


def _plain_text(field: Field, text: str) -> Sql:
    if field.name in CHOICES:
        return f"{column_sql(field)} = ? COLLATE NOCASE", (text,)
    if field.name in _BY_WORD:
        return _holds_word(column_sql(field), text)
    if field.name == "pypi_version":
        return _joined(" OR ", [_contains(column_sql(field), text, "{}"), _contains(column_sql(field), text, "{}.%")])
    if field.name == "requires_python":
        return _holds_number(column_sql(field), text)
    if field.name == "pypi_name":  # kept normalised (PEP 503)
        return _contains(column_sql(field), re.sub(r"[-_.]+", "-", text))
    if field.name == "repository":
        return _repository(column_sql(field), text)
    return _contains(column_sql(field), text)


def _holds_number(column: str, text: str) -> Sql:
    """Whether the text stands there, and its numbers are whole: 3.1 is not in ">=3.10"."""
    if len(text) > _LONGEST:
        return _NEVER, ()
    before = "[^0-9.]" if text[0] in _DIGITS else ""
    after = "[^0-9]" if text[-1] in _DIGITS else ""
    return f"' ' || {column} || ' ' GLOB ?", (f"*{before}{_globbed(text)}{after}*",)


def _repository(column: str, text: str) -> Sql:
    """The repository at that address, or those whose path holds the text."""
    if "://" in text or text.startswith("git@"):
        from djpkg.model import repository_url  # noqa: PLC0415 - an address is rare

        place = repository_url.parse_repository_url(text, repository_url.NO_FORGES)
        if isinstance(place, repository_url.Repository):
            return "packages.repository_key = ?", (place.coordinate,)
    return _contains(column, text)
