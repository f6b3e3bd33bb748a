from __future__ import annotations

import json
import random
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.errors import UsageError
from djpkg.mirror import listing
from djpkg.mirror.connection import in_memory
from djpkg.model import fields
from djpkg.query import parser, sql
from djpkg.query.columns import column_sql, comparable_sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)

Row = dict[str, object]
Name = tuple[int, str | None, str | None]

CATEGORIES: list[Name] = [(1, "apps", "App"), (2, "frameworks", "Framework")]
GRIDS: list[Name] = [
    (53, "forms", "Forms"),
    (62, "todo-lists", "Task management"),
    (7, "platforms", "Platforms"),
    (9, None, None),
]

TODO: Row = {
    "slug": "django-todo",
    "title": "Django Todo",
    "category": 1,
    "grids": "[53,62]",
    "repo_url": "https://github.com/shacker/django-todo",
    "repo_description": "A multi-user ticketing system. Includes CSV import.",
    "repo_watchers": 845,
    "pypi_version": "2.5.0",
    "participants": '["shacker","dependabot[bot]","Zo\\u00eb","a,b"]',
    "participant_count": 4,
    "last_updated_utc": "2022-01-01T00:00:00.000000Z",
    "released_utc": "2021-06-01T00:00:00.000000Z",
    "archived": 0,
    "forge": "github",
    "repository": "shacker/django-todo",
    "repo_state": "ok",
    "commits_last_year": 0,
    "pypi_name": "django-todo",
    "pypi_state": "ok",
    "yanked": 0,
    "license": "BSD-3-Clause",
    "development_status": "5 - Production/Stable",
    "python_versions": '["3.8","3.13"]',
    "checked": '{"github":"2026-03-01T00:00:00Z"}',
    "edited": '["documentation_url"]',
    "documentation_url": "https://todo.readthedocs.io",
}
ALLAUTH: Row = {
    "slug": "django-allauth",
    "title": "django-allauth",
    "category": 1,
    "grids": "[9]",
    "repo_description": "Addresses authentication, registration. A todo? No: Wörter",
    "repo_watchers": 9_000,
    "last_updated_utc": "2026-03-30T00:00:00.000000Z",
    "archived": 0,
    "repo_state": "ok",
    "commits_last_year": 300,
    "license": "MIT License",
    "django_versions": '["4.2","5.0","5.2"]',
    "requires_python": ">=3.8",
}
BARE: Row = {"slug": "bare_thing", "title": "100% bare", "category": None}
OLD: Row = {
    "slug": "old",
    "title": "Old",
    "category": 2,
    "repo_watchers": 3,
    "archived": 1,
    "repo_state": "gone",
    "pypi_state": "gone",
    "catalog_state": "removed",
    "moved_to": "new/old",
    "yanked": 1,
    "released_utc": "2026-03-01T00:00:00.000000Z",
    "last_updated_utc": "2026-03-01T00:00:00.000000Z",
    "license": "GPLv3 (MIT parts)",
    "django_versions": '["4.10"]',
    "python_versions": '["3"]',
    "failed": '{"github":"say \\"pypi\\": no"}',
}
ROWS = [TODO, ALLAUTH, BARE, OLD]


def filled(rows: Iterable[Row], *, categories: Iterable[Name] = CATEGORIES) -> sqlite3.Connection:
    """A mirror in memory with those packages, numbered from 1."""
    db = in_memory()
    db.executemany("INSERT INTO categories (id, slug, title) VALUES (?, ?, ?)", categories)
    db.executemany("INSERT INTO grids (id, slug, title) VALUES (?, ?, ?)", GRIDS)
    for number, row in enumerate(rows, start=1):
        names = ["id", *row]
        marks = ", ".join("?" * len(names))
        db.execute(f"INSERT INTO packages ({', '.join(names)}) VALUES ({marks})", (number, *row.values()))
        for position, grid in enumerate(json.loads(str(row.get("grids", "[]")))):
            db.execute("INSERT INTO package_grids VALUES (?, ?, ?)", (number, grid, position))
    return db


def slugs(db: sqlite3.Connection, *terms: str, sort: str = "") -> list[str]:
    """The slugs of the packages that the terms find, in order."""
    found = listing.find_ids(db, parser.parse_query(terms, now=NOW), parser.parse_sort([sort] if sort else []))
    return [str(row["slug"]) for row in listing.get_rows(db, found, fields.parse_columns("slug"))]


def found_in(rows: Iterable[Row], *terms: str) -> list[str]:
    """The slugs that the terms find, in order, in a mirror of those packages alone."""
    with closing(filled(rows)) as db:
        return slugs(db, *terms)


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    connection = filled(ROWS)
    yield connection
    connection.close()


EVERY = {"django-todo", "django-allauth", "bare_thing", "old"}


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("", EVERY),
        # Words.
        ("AUTH", {"django-allauth"}),
        ("todo", {"django-todo", "django-allauth"}),
        ("tick", set()),
        ("ticketing", {"django-todo"}),
        ("multi-user", {"django-todo"}),
        ('"user ticketing"', {"django-todo"}),
        ('"ticketing user"', set()),
        ("ticketing todo", {"django-todo"}),
        ("ticketing auth", set()),
        ("worter", {"django-allauth"}),
        ("form", {"django-todo"}),
        ("atform", set()),
        ("management", {"django-todo"}),
        ("lists", {"django-todo"}),
        ("frame", {"old"}),
        ("%", {"bare_thing"}),
        ("e_t", {"bare_thing"}),
        ("?", set()),
        ("*", set()),
        ("[", set()),
        ('"', set()),
        ("-todo", {"bare_thing", "old"}),
        ("^todo ^old", {"bare_thing"}),
        # Numbers, with what is unknown.
        ("stars:845", {"django-todo"}),
        ("stars:100..", {"django-todo", "django-allauth"}),
        ("stars:..845", {"django-todo", "old"}),
        ("-stars:..845", {"django-allauth", "bare_thing"}),
        ("stars:3,9000", {"django-allauth", "old"}),
        ("stars:none", {"bare_thing"}),
        ("stars:any", EVERY - {"bare_thing"}),
        ("commits:0", {"django-todo"}),
        ("commits_over_52:1..", {"django-allauth"}),
        ("commits_over_52:none", {"bare_thing", "old"}),
        ("id:1,3", {"django-todo", "bare_thing"}),
        # Times.
        ("updated:6m..", {"django-allauth", "old"}),
        ("updated:6m", {"django-allauth", "old"}),
        ("updated:..1y", {"django-todo"}),
        ("updated:2022", {"django-todo"}),
        ("updated:2026-03-01", {"old"}),
        ("updated:none", {"bare_thing"}),
        # Flags and states.
        ("archived:yes", {"old"}),
        ("archived:no", {"django-todo", "django-allauth"}),
        ("archived:none", {"bare_thing"}),
        ("is:active", {"django-allauth"}),
        ("is:stale", EVERY - {"django-allauth"}),
        ("-is:active", EVERY - {"django-allauth"}),
        ("is:archived", {"old"}),
        ("-is:archived", EVERY - {"old"}),
        ("is:gone", {"old"}),
        ("is:moved", {"old"}),
        ("is:removed", {"old"}),
        ("is:listed", EVERY - {"old"}),
        ("is:yanked", {"old"}),
        ("is:edited", {"django-todo"}),
        ("is:edited,active", {"django-todo", "django-allauth"}),
        # Texts.
        ("license:MIT", {"django-allauth", "old"}),
        ("license:mi", set()),
        ("license:bsd", {"django-todo"}),
        ("license:bsd-3-clause", {"django-todo"}),
        ("license:3", {"django-todo"}),
        ("license:none", {"bare_thing"}),
        ("-license:MIT", {"django-todo", "bare_thing"}),
        ("development_status:stable", {"django-todo"}),
        ("slug:_", {"bare_thing"}),
        ("title:100%", {"bare_thing"}),
        ("title:TODO", {"django-todo"}),
        ("docs:readthedocs", {"django-todo"}),
        ("repo_url:any", {"django-todo"}),
        ("repo:shacker/", {"django-todo"}),
        ("pypi:Django_Todo", {"django-todo"}),
        ("version:2", {"django-todo"}),
        ("version:2.5.0", {"django-todo"}),
        ("version:2.50", set()),
        ("requires_python:3.8", {"django-allauth"}),
        ("forge:github", {"django-todo"}),
        ("forge:none", EVERY - {"django-todo"}),
        ("repo_state:gone,ok", EVERY - {"bare_thing"}),
        ("repo_state:none", {"bare_thing"}),
        ("catalog_state:removed", {"old"}),
        # Category and grids.
        ("category:apps", {"django-todo", "django-allauth"}),
        ("category:APP", {"django-todo", "django-allauth"}),
        ("category:2", {"old"}),
        ("category:none", {"bare_thing"}),
        ("category_slug:apps", {"django-todo", "django-allauth"}),
        ("category_title:frame", {"old"}),
        ("grid:forms", {"django-todo"}),
        ("grid:Task", {"django-todo"}),
        ("grid:9", {"django-allauth"}),
        ("grid:orms", {"django-todo"}),
        ("grid:none", {"bare_thing", "old"}),
        ("grids:2..", {"django-todo"}),
        ("grid_slugs:forms", {"django-todo"}),
        # Lists.
        ("participant:SHACKER", {"django-todo"}),
        ("participant:dependabot[bot]", {"django-todo"}),
        ("participant:Zoë", {"django-todo"}),
        ('participant:"a,b"', {"django-todo"}),
        ('participant:", "', set()),
        ("participant:shack", set()),
        ("participants:4..", {"django-todo"}),
        ("contributors:4", {"django-todo"}),
        ("django:5.2", {"django-allauth"}),
        ("django:5", {"django-allauth"}),
        ("django:4.1", set()),
        ("django:4.10", {"old"}),
        ("django:4.3..4.9", set()),
        ("django:4.3..", {"django-allauth", "old"}),
        ("django:4.3..4", {"old"}),
        ("django:5..", {"django-allauth"}),
        ("django:none", {"django-todo", "bare_thing"}),
        ("django:undeclared", {"django-todo"}),
        ("-django:5", EVERY - {"django-allauth"}),
        ("python:3.13", {"django-todo"}),
        ("python:3", {"django-todo", "old"}),
        ("python:3.9..", {"django-todo"}),
        ("edited:docs", {"django-todo"}),
        ("edited:title", set()),
        ("checked:github", {"django-todo"}),
        ("failed:github", {"old"}),
        ("failed:pypi", set()),
        ("failed:any", {"old"}),
    ],
)
def test_what_a_query_finds(db: sqlite3.Connection, terms: str, expected: set[str]) -> None:
    arguments = [terms] if '"' in terms else terms.split()
    assert set(slugs(db, *arguments)) == expected


def test_undeclared_is_what_pypi_has_answered_for_and_none_what_has_no_value() -> None:
    rows: list[Row] = [
        {
            "slug": "declares",
            "title": "x",
            "released_utc": "2026-01-01T00:00:00.000000Z",
            "python_versions": '["3.13"]',
        },
        {"slug": "declares-nothing", "title": "x", "released_utc": "2026-01-01T00:00:00.000000Z"},
        {"slug": "never-asked", "title": "x"},
    ]
    assert found_in(rows, "python:undeclared") == ["declares-nothing"]
    assert found_in(rows, "python:none") == ["declares-nothing", "never-asked"]
    assert found_in(rows, "-python:undeclared") == ["declares", "never-asked"]


def test_a_category_that_is_not_named_yet_is_one() -> None:
    rows: list[Row] = [
        {"slug": "in-seven", "title": "x", "category": 7},
        {"slug": "in-none", "title": "x", "category": None},
        {"slug": "in-apps", "title": "x", "category": 1},
    ]
    with closing(filled(rows, categories=[*CATEGORIES, (7, None, None)])) as db:
        assert slugs(db, "category:none") == ["in-none"]
        assert slugs(db, "category:any") == ["in-apps", "in-seven"]
        assert slugs(db, "category:7") == ["in-seven"]
        assert slugs(db, "category_slug:none") == slugs(db, "category_title:none") == ["in-none", "in-seven"]
        assert slugs(db, sort="category") == ["in-apps", "in-none", "in-seven"]


def test_a_quote_in_a_name_begins_no_other_name() -> None:
    rows: list[Row] = [
        {"slug": "bob", "title": "x", "participants": '["bob","x"]'},
        {"slug": "last", "title": "x", "participants": '["x","bob"]'},
        {
            "slug": "quoted",
            "title": "x",
            "participants": json.dumps(['x"bob', 'x,"bob', '["bob'], separators=(",", ":")),
        },
    ]
    assert found_in(rows, "participant:bob") == ["bob", "last"]
    assert found_in(rows, 'participant:x"bob') == ["quoted"]


def test_a_number_in_requires_python_is_a_whole_one() -> None:
    rows: list[Row] = [
        {"slug": f"p{place}", "title": "x", "requires_python": text}
        for place, text in enumerate((">=3.10", ">=3.1,<4", ">=3.1.4", "==13.1", "~=2.3.1"))
    ]
    assert found_in(rows, "requires_python:3.1") == ["p1", "p2"]
    assert found_in(rows, "requires_python:>=3.1") == ["p1", "p2"]
    assert found_in(rows, "requires_python:<4") == ["p1"]
    assert found_in(rows, "requires_python:>=3") == ["p0", "p1", "p2"]


def test_an_address_finds_its_repository() -> None:
    at = {"repository": "shacker/django-todo", "repository_key": "github.com/shacker/django-todo"}
    rows: list[Row] = [
        {"slug": "todo", "title": "x", **at},
        {"slug": "fork", "title": "x", "repository": "x/y", "repository_key": "gitlab.com/shacker/django-todo"},
    ]
    for address in ("https://github.com/shacker/django-todo", "git@github.com:Shacker/django-todo.git"):
        assert found_in(rows, f"repo:{address}") == ["todo"]
    assert found_in(rows, "repo:SHACKER/") == ["todo"]
    assert found_in(rows, "repo:https://nowhere/") == []


def test_names_are_compared_without_case_and_with_any_limit_of_words() -> None:
    rows: list[Row] = [{"slug": "x", "title": "x", "grids": "[62]"}]
    for term in ("TASK", '"todo lists"', "Todo-Lists", "todo_lists", "grid_slugs:TODO-LISTS", "grid:TASK"):
        assert found_in(rows, term) == ["x"], term
    for term in ("ask", "odo", "grid_slugs:todo", "grid_slugs:62"):
        assert found_in(rows, term) == [], term


@pytest.mark.parametrize("name", sorted(sql.IN_LOOKUP))
def test_the_index_for_lookups_holds_what_is_said_to_be_in_it(db: sqlite3.Connection, name: str) -> None:
    asked = parser.parse_query([f"{name}:any"], now=NOW)
    assert sql.is_narrow(asked)
    names = listing.get_names(db)
    (condition, values), (order, more) = sql.where(asked, names), sql.order_by((), asked, names)
    plan = db.execute(
        f"EXPLAIN QUERY PLAN SELECT packages.id FROM packages WHERE {condition} ORDER BY {order}", (*values, *more)
    ).fetchall()
    assert any("SCAN packages USING COVERING INDEX packages_lookup" in row[3] for row in plan)
    assert not any("TEMP B-TREE" in row[3] for row in plan)


def test_every_column_of_the_index_for_lookups_is_known_to_the_query(db: sqlite3.Connection) -> None:
    columns = {row[2] for row in db.execute("PRAGMA index_info(packages_lookup)")}
    looked_at = [fields.get(name) for name in sql.IN_LOOKUP]
    known = {
        sql.removeprefix("packages.")
        for field in looked_at
        for sql in (column_sql(field), comparable_sql(field).split()[0])
    }
    assert columns <= known


def test_words_come_in_the_order_of_where_they_are_found() -> None:
    rows: list[Row] = [
        {"slug": "text", "title": "x", "repo_description": "about forms", "repo_watchers": 900},
        {"slug": "grid", "title": "x", "grids": "[53]", "repo_watchers": 800},
        {"slug": "title", "title": "Reforms", "repo_watchers": 700},
        {"slug": "superforms-b", "title": "x", "repo_watchers": 5},
        {"slug": "superforms-c", "title": "x", "repo_watchers": 600},
        {"slug": "superforms-a", "title": "x", "repo_watchers": None},
        {"slug": "django-forms", "title": "x", "repo_watchers": 1},
        {"slug": "forms", "title": "x", "repo_watchers": 0},
        {"slug": "none", "title": "x", "repo_watchers": 9_999},
    ]
    found = found_in(rows, "forms")
    assert found == [
        *("forms", "django-forms", "superforms-c", "superforms-b", "superforms-a"),
        *("title", "grid", "text"),
    ]


def test_with_several_words_the_worst_placed_one_counts() -> None:
    rows: list[Row] = [
        {"slug": "todo-x", "title": "x", "repo_description": "app", "repo_watchers": 900},
        {"slug": "x-todo", "title": "an app", "repo_watchers": 500},
        {"slug": "app-todo", "title": "x", "repo_watchers": 1},
        {"slug": "todo-app", "title": "x", "repo_watchers": 0},
    ]
    assert found_in(rows, "todo", "app") == ["todo-app", "app-todo", "x-todo", "todo-x"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["django-allauth", "django-todo", "old", "bare_thing"]),
        ("stars", ["django-allauth", "django-todo", "old", "bare_thing"]),
        ("-stars", ["old", "django-todo", "django-allauth", "bare_thing"]),
        ("updated", ["django-allauth", "old", "django-todo", "bare_thing"]),
        ("-updated", ["django-todo", "old", "django-allauth", "bare_thing"]),
        ("slug", ["bare_thing", "django-allauth", "django-todo", "old"]),
        ("-slug", ["old", "django-todo", "django-allauth", "bare_thing"]),
        ("title", ["bare_thing", "Django Todo", "django-allauth", "old"]),
        ("category,-slug", ["django-todo", "django-allauth", "old", "bare_thing"]),
        ("license", ["django-todo", "old", "django-allauth", "bare_thing"]),
        ("-license", ["django-allauth", "old", "django-todo", "bare_thing"]),
        ("repo_url", ["django-todo", "bare_thing", "django-allauth", "old"]),
        ("grids", ["django-todo", "django-allauth", "bare_thing", "old"]),
        ("-grids", ["django-allauth", "django-todo", "bare_thing", "old"]),
        ("archived", ["old", "django-allauth", "django-todo", "bare_thing"]),
        ("commits_over_52", ["django-allauth", "django-todo", "bare_thing", "old"]),
    ],
)
def test_what_is_unknown_comes_last_in_either_direction(db: sqlite3.Connection, sort: str, expected: list[str]) -> None:
    wanted = {"Django Todo": "django-todo"}
    assert slugs(db, sort=sort) == [wanted.get(slug, slug) for slug in expected]


def test_every_field_with_an_order_sorts_and_every_field_takes_its_example(db: sqlite3.Connection) -> None:
    for field in fields.FIELDS:
        if field.sortable:
            assert len(slugs(db, sort=field.name)) == len(slugs(db, sort=f"-{field.name}")) == 4
        present, absent = slugs(db, f"{field.name}:any"), slugs(db, f"{field.name}:none")
        assert sorted([*present, *absent]) == sorted(EVERY), field.name
        assert set(slugs(db, field.example)) <= EVERY


def test_a_longer_word_than_any_value_finds_nothing(db: sqlite3.Connection) -> None:
    for size in (1_001, 60_000):
        assert slugs(db, "a" * size) == []
        assert slugs(db, "title:" + "%" * size, "license:" + "b" * size) == []
        assert set(slugs(db, "-" + "a" * size)) == EVERY
    assert slugs(db, "%" * 1_000, "license:" + "*" * 1_000) == []


def test_as_many_terms_as_are_allowed_can_be_asked(db: sqlite3.Connection) -> None:
    assert slugs(db, *["django"] * 200) == ["django-allauth", "django-todo"]
    assert slugs(db, "grid:" + ",".join(f"g{number}" for number in range(199)) + ",forms") == ["django-todo"]


PIECES = [
    '"',
    ":",
    "..",
    ",",
    "-",
    "^",
    " ",
    "stars",
    "is",
    "grid",
    "django",
    "updated",
    "title",
    "6m",
    "5.2",
    "1",
    "é",
]
PIECES += ["//", "\0", "\udcff", "active", "none", "%", "_", "\\", "*", "\n", "(", "=", "[", "participant", "license"]
PIECES += ["]", "any", "category", "AND", "NEAR(", "'", "a", "todo", "?", "python", "version"]


@pytest.mark.campaign
def test_thousands_of_random_strings_run(db: sqlite3.Connection) -> None:
    dice = random.Random(21)  # noqa: S311 - a fixed seed, no secret
    ran = 0
    for _ in range(5_000):
        terms = ["".join(dice.choices(PIECES, k=dice.randint(0, 6))) for _ in range(dice.randint(1, 3))]
        with suppress(UsageError):
            assert set(slugs(db, *terms)) <= EVERY
            ran += 1
    assert ran > 1_000


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_phrase_runs(text: str) -> None:
    assert found_in([], f'"{text}"') == []


# The same rules once more, in plain Python, over small worlds in which much collides.
LETTERS = "abAB-_% é"
SLUGS = st.text("ab-_", min_size=1, max_size=6)
TEXTS = st.text(LETTERS, max_size=8)
PACKAGES = st.lists(
    st.fixed_dictionaries(
        {
            "slug": SLUGS,
            "title": TEXTS,
            "repo_description": TEXTS,
            "repo_watchers": st.none() | st.integers(0, 4),
            "last_updated_utc": st.none() | st.sampled_from([f"202{year}-01-01T00:00:00.000000Z" for year in range(6)]),
        }
    ),
    max_size=6,
)


def tokens(text: str) -> list[str]:
    """Words as FTS5's unicode61 sees them, without accents and case, for the letters used here."""
    folded = text.lower().replace("é", "e")
    return "".join(letter if letter.isalnum() else " " for letter in folded).split()


def ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def found_as_words(phrase: str, text: str) -> bool:
    wanted, words = tokens(phrase), tokens(text)
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in range(len(words)))


def word_matches(word: str, row: Row) -> bool:
    values = [str(row[name]) for name in ("slug", "title")]
    anywhere = any(ascii_lower(word) in ascii_lower(value) for value in values)
    return anywhere or any(found_as_words(word, value) for value in [*values, str(row["repo_description"])])


@pytest.mark.campaign
@given(PACKAGES, st.lists(st.tuples(st.text(LETTERS, min_size=1, max_size=4), st.booleans()), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_words_find_what_a_plain_reading_finds(rows: list[Row], words: list[tuple[str, bool]]) -> None:
    words = [(word.strip(), excluded) for word, excluded in words if word.strip()]
    terms = [f'{"-" if excluded else ""}"{word}"' for word, excluded in words]
    expected = [row["slug"] for row in rows if all(word_matches(word, row) is not excluded for word, excluded in words)]
    assert sorted(found_in(rows, *terms)) == sorted(map(str, expected))


BOUNDS = st.none() | st.integers(0, 5)


@pytest.mark.campaign
@given(PACKAGES, st.tuples(BOUNDS, BOUNDS), st.tuples(BOUNDS, BOUNDS), st.booleans())
@settings(max_examples=200, deadline=None)
def test_ranges_find_what_a_plain_reading_finds(
    rows: list[Row],
    stars: tuple[int | None, int | None],
    years: tuple[int | None, int | None],
    excluded: bool,  # noqa: FBT001 - drawn
) -> None:
    def written(value: int | None, prefix: str = "") -> str:
        return "" if value is None else f"{prefix}{value}"

    def within(value: object, low: int | None, high: int | None) -> bool:
        if value is None:
            return False
        number = value if isinstance(value, int) else int(str(value)[3])
        return (low is None or low <= number) and (high is None or number <= high)

    (least, most), (first, last) = stars, years
    terms = [
        f"{'-' if excluded else ''}stars:{written(least)}..{written(most)}",
        f"updated:{written(first, '202')}..{written(last, '202')}",
    ]
    if any(low is not None and high is not None and low > high for low, high in (stars, years)):
        with pytest.raises(UsageError, match="empty range"):
            found_in(rows, *terms)
        return
    expected = [
        row["slug"]
        for row in rows
        if within(row["repo_watchers"], *stars) is not excluded and within(row["last_updated_utc"], *years)
    ]
    assert sorted(found_in(rows, *terms)) == sorted(map(str, expected))
