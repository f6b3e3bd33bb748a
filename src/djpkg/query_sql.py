"""A `Query` as SQL over the mirror's ``packages``: the condition, and the order.

Values are bound, never written into the SQL. Nothing here needs a function of ours in SQLite, so the same conditions
work in any program that opens the file. `LIKE` and `NOCASE` fold ASCII letters alone; whole words are found in any case
and without regard to accents, because they are looked up in ``packages_fts``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from djpkg.fields import Field, Kind
from djpkg.filters import CHOICES, VERSION_LISTS, Presence, Range, Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from djpkg.filters import Filter, Test
    from djpkg.query import Condition, Query, Sort

    SqlValue: TypeAlias = str | int | None
    Sql: TypeAlias = tuple[str, tuple[SqlValue, ...]]

# SQLite refuses a longer pattern (sqlite.org/limits.html: 50,000 bytes), and no value that is worth finding is as long.
_LONGEST = 1_000

# SQLite's max() takes at least 100 arguments (same page).
_RANKED = 50

# A word of these is met at its limits: BSD in "BSD-3-Clause", stable in "5 - Production/Stable".
_BY_WORD = frozenset({"license", "development_status"})
_LIMITS = " \t\n_/,;:()-"
_LIMIT = f"[{_LIMITS}]"
_WHOLE = frozenset({"category_slug"})

# Contents of JSON texts that stand there as they are, and cannot be met across two elements.
_PLAIN_JSON = re.compile(r"[A-Za-z0-9_.@+\[\]-]+")

_IN_CATEGORIES = "packages.category IN (SELECT id FROM categories WHERE {})"
_IN_GRIDS = "packages.id IN (SELECT package_id FROM package_grids WHERE grid_id IN (SELECT id FROM grids WHERE {}))"
_BY_FTS = "packages.id IN (SELECT rowid FROM packages_fts WHERE packages_fts MATCH ?)"

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
    "edited": "json_array_length(packages.edited) > 0",
}


# The fields whose keys are columns of the index `packages_lookup`.
_IN_LOOKUP = frozenset(
    (
        "repo_watchers", "slug", "title", "category", "catalog_state", "repo_state", "archived", "last_updated",
        "released", "pypi_state", "forge", "license", "commits_last_year", "participant_count", "repo_forks", "yanked",
        "moved_to", "django_versions", "python_versions",
    )
)  # fmt: skip


def where(query: Query) -> Sql:
    """The condition that a row of ``packages`` must meet, and its values in order."""
    parts = [_signed(_word(word.text), excluded=word.excluded) for word in query.words]
    parts += [_signed(_filter(item), excluded=item.excluded) for item in query.filters]
    parts += [_signed(_condition(item), excluded=item.excluded) for item in query.conditions]
    return _joined(" AND ", parts) if parts else ("1", ())


def order_by(sorts: Sequence[Sort], query: Query) -> Sql:
    """What follows ORDER BY, and its values: the sorts, else the best match, else stars; nulls last, then the slug."""
    sql: list[str] = []
    values: tuple[SqlValue, ...] = ()
    if not sorts and query.wanted:
        rank, values = _rank(query.wanted)
        sql.append(rank)
    # An index that gives the order pays where nothing else of the rows is looked at; + keeps SQLite off it (measured).
    keep_off = "" if not any(query) or (not sorts and _is_narrow(query)) else "+"
    sql += [f"{keep_off}{_sorted(item)}" for item in sorts] or [f"{keep_off}packages.repo_watchers DESC"]
    if all(item.field.name != "slug" for item in sorts):
        sql.append("packages.slug")
    return ", ".join([*sql, "packages.id"]), values


def _is_narrow(query: Query) -> bool:
    """Whether the index `packages_lookup` holds all that the filters look at."""
    return all(item.field.name in _IN_LOOKUP for item in query.filters)


def _sorted(item: Sort) -> str:
    # SQLite takes null for less than any value, so that it is last in a descending order by itself, and by an index.
    down = item.field.descends is item.natural
    return f"{_orderable(item.field)} {'DESC' if down else 'ASC NULLS LAST'}"


def _orderable(field: Field) -> str:
    """The field's key; an empty text, like an empty list, is no value."""
    if field.kind in (Kind.TEXT, Kind.ADDRESS, Kind.PROJECT):
        return f"nullif({field.column}, '') COLLATE NOCASE"
    if field.kind in (Kind.NAMES, Kind.GRIDS):
        return f"nullif({field.key}, 0)"
    return field.key


def _rank(words: Sequence[str]) -> Sql:
    """0 for the slug itself, then where the worst placed word is found: slug, title, name of category or grid, text."""
    whole = re.sub(r"[\s_-]+", "-", " ".join(words))[:_LONGEST]
    ranks: list[str] = []
    values: list[SqlValue] = [whole, whole]
    for word in words[:_RANKED]:
        in_slug, in_title = (_contains(column, word) for column in ("packages.slug", "packages.title"))
        in_names = _in_names(word)
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
        return "0", ()
    return f"{column} LIKE ? ESCAPE '\\'", (form.format(_escaped(text)),)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _word(text: str) -> Sql:
    """Anywhere in slug and title, whole in the description, or where a word begins in a name of category or grid."""
    if len(text) > _LONGEST:
        return "0", ()
    phrase = '"' + text.replace('"', '""') + '"'  # an FTS5 string; one without a letter or digit finds nothing
    parts = (_contains("packages.slug", text), _contains("packages.title", text), _in_names(text), (_BY_FTS, (phrase,)))
    return _joined(" OR ", parts)


def _in_names(text: str) -> Sql:
    parts = [_begins_word(name, text) for name in ("slug", "title")]
    condition, values = _joined(" OR ", parts)
    return f"({_IN_CATEGORIES.format(condition)} OR {_IN_GRIDS.format(condition)})", values * 2


def _begins_word(column: str, text: str) -> Sql:
    return f"' ' || {column} GLOB ?", (f"*{_LIMIT}{_globbed(text)}*",)


def _holds_word(column: str, text: str) -> Sql:
    """Whether the text stands there between limits of words. LIKE, which is quick, leaves few for GLOB to look at."""
    if len(text) > _LONGEST:
        return "0", ()
    near = "".join("_" if letter in _LIMITS else _escaped(letter) for letter in text)
    exact = f"*{_LIMIT}{_globbed(text)}{_LIMIT}*"
    return f"({column} LIKE ? ESCAPE '\\' AND ' ' || {column} || ' ' GLOB ?)", (f"%{near}%", exact)


def _globbed(text: str) -> str:
    """A GLOB pattern for the text in any case (of ASCII letters), with any limit of words for each that it holds."""
    return "".join(
        f"[{letter.upper()}{letter.lower()}]"
        if letter.isascii() and letter.isalpha()
        else _LIMIT
        if letter in _LIMITS
        else f"[{letter}]"
        if letter in "*?["
        else letter
        for letter in text
    )


def _condition(item: Condition) -> Sql:
    parts = [(_STATES[name], (item.since,) * _STATES[name].count("?")) for name in item.names]
    return _joined(" OR ", parts)


def _filter(item: Filter) -> Sql:
    return _joined(" OR ", [_test(item.field, test) for test in item.tests])


def _test(field: Field, test: Test) -> Sql:
    if isinstance(test, Presence):
        missing = _missing(field)
        return (f"NOT {missing}" if test.present else missing), ()
    if isinstance(test, Range):
        return _version_range(field, test) if field.name in VERSION_LISTS else _between(field.key, test)
    return _text(field, test)


def _missing(field: Field) -> str:
    """Null or empty, as an SQL condition that is never null itself."""
    if field.kind in (Kind.NAMES, Kind.GRIDS):
        return f"(coalesce({field.column}, '[]') = '[]')"
    if field.kind is Kind.MAPPING:
        return f"(coalesce({field.column}, '{{}}') = '{{}}')"
    if "none" in CHOICES.get(field.name, ()):
        return f"(coalesce({field.column}, 'none') = 'none')"
    if field.kind in (Kind.TEXT, Kind.ADDRESS, Kind.PROJECT):
        return f"(coalesce({field.column}, '') = '')"
    return f"({field.key} IS NULL)"


def _between(key: str, test: Range) -> Sql:
    bounds = [
        (f"{key} {sign} ?", (bound,)) for sign, bound in ((">=", test.low), ("<=", test.high)) if bound is not None
    ]
    return _joined(" AND ", bounds)


def _version_range(field: Field, test: Range) -> Sql:
    """Whether any declared version lies within; CAST reads the part before the point.

    There are few different lists, so each is read once and not once for each package.
    """
    number = "(CAST(value AS INTEGER) * 10000 + CAST(substr(value, instr(value || '.', '.') + 1) AS INTEGER))"
    condition, values = _between(number, test)
    lists = f"SELECT DISTINCT {field.column} AS list FROM packages"
    return f"{field.column} IN (SELECT list FROM ({lists}), json_each(list) WHERE {condition})", values


def _text(field: Field, test: Text) -> Sql:
    text = test.text
    if field.name in VERSION_LISTS:
        return _joined(" OR ", [_contains(field.column, text, '%"{}"%'), _contains(field.column, text, '%"{}.%')])
    if field.kind is Kind.MAPPING:
        return _contains(field.column, text, '%"{}":%')
    if field.kind is Kind.CATEGORY:
        named = "slug = ? COLLATE NOCASE OR title = ? COLLATE NOCASE OR CAST(id AS TEXT) = ?"
        return _IN_CATEGORIES.format(named), (text,) * 3
    if field.kind is Kind.GRIDS:
        return _grid(text)
    if field.kind is Kind.NAMES:
        return _element(field.column, text)
    return _plain_text(field, text)


def _grid(text: str) -> Sql:
    """The grid of that slug or number; where there is none, those whose slug or title holds the text."""
    exact = "slug = ? COLLATE NOCASE OR CAST(id AS TEXT) = ?"
    parts, values = _joined(" OR ", [_contains("slug", text), _contains("title", text)])
    condition = f"({exact}) OR (NOT EXISTS (SELECT 1 FROM grids WHERE {exact}) AND {parts})"
    return _IN_GRIDS.format(condition), (text, text, text, text, *values)


def _element(column: str, text: str) -> Sql:
    """Whether a JSON list holds the text. Reading the list is slow; most names stand in it as they are."""
    if _PLAIN_JSON.fullmatch(text) and len(text) <= _LONGEST:
        return _contains(column, text, '%"{}"%')
    return f"EXISTS (SELECT 1 FROM json_each({column}) WHERE value = ? COLLATE NOCASE)", (text,)


def _plain_text(field: Field, text: str) -> Sql:
    if field.name in CHOICES or field.name in _WHOLE:
        return f"{field.column} = ? COLLATE NOCASE", (text,)
    if field.name in _BY_WORD:
        return _holds_word(field.column, text)
    if field.name == "pypi_version":
        return _joined(" OR ", [_contains(field.column, text, "{}"), _contains(field.column, text, "{}.%")])
    if field.name == "pypi_name":  # kept normalised (PEP 503)
        return _contains(field.column, re.sub(r"[-_.]+", "-", text))
    return _contains(field.column, text)
