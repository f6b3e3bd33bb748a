from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.errors import UsageError
from djpkg.query import parser
from djpkg.query import where_clause as where_clause_module
from djpkg.query.grid_names import GridNames
from djpkg.query.where_clause import where_clause
from tests.query.mirror import ALL_SLUGS, CATEGORIES, NOW, ROWS, Row, find_slugs, find_slugs_in, memory_mirror

if TYPE_CHECKING:
    from collections.abc import Iterator

    from djpkg.query.filters import Range


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    with closing(memory_mirror(ROWS)) as connection:
        yield connection


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("", ALL_SLUGS),
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
        ("-todo", {"bare_thing", "old"}),
        ("^todo ^old", {"bare_thing"}),
        # Numbers, and unknown values.
        ("stars:845", {"django-todo"}),
        ("stars:100..", {"django-todo", "django-allauth"}),
        ("stars:..845", {"django-todo", "old"}),
        ("-stars:..845", {"django-allauth", "bare_thing"}),
        ("stars:3,9000", {"django-allauth", "old"}),
        ("stars:none", {"bare_thing"}),
        ("stars:any", ALL_SLUGS - {"bare_thing"}),
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
        ("is:active", {"django-allauth", "old"}),
        ("is:stale", {"django-todo"}),
        ("-is:active", {"django-todo", "bare_thing"}),
        ("is:unknown", {"bare_thing"}),
        ("state:active", {"django-allauth"}),
        ("state:stale,unknown", {"django-todo", "bare_thing"}),
        ("-state:REMOVED", ALL_SLUGS - {"old"}),
        ("is:archived", {"old"}),
        ("-is:archived", ALL_SLUGS - {"old"}),
        ("is:gone", {"old"}),
        ("is:moved", {"old"}),
        ("is:removed", {"old"}),
        ("is:listed", ALL_SLUGS - {"old"}),
        ("is:yanked", {"old"}),
        ("is:edited", {"django-todo"}),
        ("is:edited,active", {"django-todo", "django-allauth", "old"}),
        ("is:tagged", {"django-todo"}),
        ("-is:tagged", ALL_SLUGS - {"django-todo"}),
        ("tag:PROD", {"django-todo"}),
        ("tags:pro", set()),
        ("tag:billing,prod", {"django-todo"}),
        ('tag:"to do"', {"django-todo"}),
        ("-tag:prod", ALL_SLUGS - {"django-todo"}),
        ("tag:2..", {"django-todo"}),
        ("note:billing", {"django-todo"}),
        ("note:any", {"django-todo"}),
        ("note:none", ALL_SLUGS - {"django-todo"}),
        ("billing", set()),
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
        ("forge:none", ALL_SLUGS - {"django-todo"}),
        ("repo_state:gone,ok", ALL_SLUGS - {"bare_thing"}),
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
        ("-django:5", ALL_SLUGS - {"django-allauth"}),
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
def test_queries_match_packages(db: sqlite3.Connection, terms: str, expected: set[str]) -> None:
    arguments = [terms] if '"' in terms else terms.split()
    assert set(find_slugs(db, *arguments)) == expected


LICENSES = {
    "gpl": "GNU General Public License v3 (GPLv3)",
    "gpl-plus": "GPLv2+",
    "gpl-only": "GPL-3.0-only",
    "lgpl": "GNU Lesser General Public License v3 (LGPLv3)",
    "agpl": "GNU Affero General Public License v3 or later (AGPLv3+)",
    "bsd": "BSD-3-Clause",
    "bsd-any": "BSD License",
    "both": "MIT OR Apache-2.0",
    "own": "Licence of Mara",
}


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("license:GPL", {"gpl", "gpl-plus", "gpl-only"}),
        ("license:gplv3", {"gpl", "gpl-only"}),
        ("license:GPL-2.0-or-later", {"gpl-plus"}),
        ('license:"GNU General Public License"', {"gpl", "gpl-plus", "gpl-only"}),
        ("license:LGPL", {"lgpl"}),
        ("license:AGPL", {"agpl"}),
        ("license:LGPL,AGPL-3.0", {"lgpl", "agpl"}),
        ("license:BSD", {"bsd", "bsd-any"}),
        ("license:bsd-3-clause", {"bsd"}),
        ("license:Apache", {"both"}),
        ("license:mara", {"own"}),
        ("-license:GPL", {"lgpl", "agpl", "bsd", "bsd-any", "both", "own", "unknown"}),
        ("license:GPL -license:GPLv3", {"gpl-plus"}),
    ],
)
def test_a_license_is_found_in_every_spelling(term: str, expected: set[str]) -> None:
    rows: list[Row] = [{"slug": slug, "title": "x", "license": text} for slug, text in LICENSES.items()]
    terms = [term] if '"' in term else term.split()
    assert set(find_slugs_in([*rows, {"slug": "unknown", "title": "x"}], *terms)) == expected


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("is:active", ["tomorrow", "now"]),
        ("-is:active", ["old", "future", "never"]),
        ("updated:2020..", ["tomorrow", "now"]),
        ("updated:2030..", []),
        ("updated:..2050", ["tomorrow", "now", "old"]),
        ("-updated:2020..", ["old", "future", "never"]),
        ("updated:any", ["tomorrow", "now", "old"]),
        ("updated:none", ["future", "never"]),
        ("-updated:none", ["tomorrow", "now", "old"]),
    ],
)
@pytest.mark.parametrize("name", ["last_updated", "released"])
def test_a_time_more_than_a_day_ahead_is_unknown(terms: str, expected: list[str], name: str) -> None:
    times = {"future": "2026-04-01T12:00:01", "tomorrow": "2026-04-01T12:00:00", "now": "2026-03-31T12:00:00"}
    times["old"] = "2019-01-01T00:00:00"
    rows: list[Row] = [{"slug": slug, "title": "x", f"{name}_utc": f"{time}.000000Z"} for slug, time in times.items()]
    rows.append({"slug": "never", "title": "x"})
    term = terms.replace("updated:", f"{name}:")
    assert find_slugs_in(rows, term, sort=name) == expected


@pytest.mark.parametrize("sort", ["updated", "-updated"])
def test_a_time_in_the_future_is_last_in_both_directions(sort: str) -> None:
    times = {"far": "2050-01-01", "new": "2026-03-01", "old": "2019-01-01"}
    rows: list[Row] = [
        {"slug": slug, "title": "x", "last_updated_utc": f"{day}T00:00:00.000000Z"} for slug, day in times.items()
    ]
    for terms in ((), ("title:x",)):
        assert find_slugs_in(rows, *terms, sort=sort)[-1] == "far"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("工单", {"chinese"}),
        ("系统", {"chinese"}),
        ("单系", {"chinese"}),
        ("Django工单", {"chinese"}),
        ("管理画面", {"japanese"}),
        ("チケット", {"japanese"}),
        ("ﾁｹｯﾄ", {"half-width"}),
        ("티켓", {"korean"}),
        ("ตั๋ว", {"thai"}),
        ("工票", set()),
        ("^工单", {"japanese", "half-width", "korean", "thai", "latin"}),
        ("ticket", set()),
        ("ticket*", {"latin"}),
        ("TICK*", {"latin"}),
        ("icket*", set()),
        ('"multi user tick*"', {"latin"}),
        ('"multi ticket*"', set()),
        ("^ticket*", {"chinese", "japanese", "half-width", "korean", "thai"}),
        ("lat*", {"latin"}),
        ("ати*", set()),
        ("систем*", {"latin"}),
        ("*", set()),
        ("**", set()),
        ("-*", set()),
        ('"% *"', set()),
    ],
)
def test_words_are_found_inside_scripts_without_spaces_and_by_their_beginning(words: str, expected: set[str]) -> None:
    descriptions = {
        "chinese": "一个基于Django工单系统的应用",
        "japanese": "管理画面でチケットを扱うアプリ",
        "half-width": "管理ﾁｹｯﾄを扱う",
        "korean": "티켓을 관리하는 앱",
        "thai": "ระบบตั๋วสำหรับ",
        "latin": "A multi-user ticketing system, Системы",
    }
    rows: list[Row] = [{"slug": slug, "title": "x", "repo_description": text} for slug, text in descriptions.items()]
    if words == "-*":
        expected = set(descriptions)
    assert set(find_slugs_in(rows, words)) == expected


def test_descriptions_in_scripts_without_spaces_have_an_index(db: sqlite3.Connection) -> None:
    condition, values = where_clause(parser.parse_query(["工单"], now=NOW), GridNames())
    plan = db.execute(f"EXPLAIN QUERY PLAN SELECT id FROM packages WHERE {condition}", values).fetchall()
    assert any("USING COVERING INDEX packages_unspaced" in row[3] for row in plan)


def test_undeclared_needs_a_release_on_pypi_and_none_does_not() -> None:
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
    assert find_slugs_in(rows, "python:undeclared") == ["declares-nothing"]
    assert find_slugs_in(rows, "python:none") == ["declares-nothing", "never-asked"]
    assert find_slugs_in(rows, "-python:undeclared") == ["declares", "never-asked"]


def test_a_category_without_a_name_is_not_missing() -> None:
    rows: list[Row] = [
        {"slug": "in-seven", "title": "x", "category": 7},
        {"slug": "in-none", "title": "x", "category": None},
        {"slug": "in-apps", "title": "x", "category": 1},
    ]
    with closing(memory_mirror(rows, categories=[*CATEGORIES, (7, None, None)])) as db:
        assert find_slugs(db, "category:none") == ["in-none"]
        assert find_slugs(db, "category:any") == ["in-apps", "in-seven"]
        assert find_slugs(db, "category:7") == ["in-seven"]
        assert find_slugs(db, "category_slug:none") == find_slugs(db, "category_title:none") == ["in-none", "in-seven"]
        assert find_slugs(db, sort="category") == ["in-apps", "in-none", "in-seven"]


def test_a_quote_inside_a_name_does_not_start_another_name() -> None:
    rows: list[Row] = [
        {"slug": "bob", "title": "x", "participants": '["bob","x"]'},
        {"slug": "last", "title": "x", "participants": '["x","bob"]'},
        {
            "slug": "quoted",
            "title": "x",
            "participants": json.dumps(['x"bob', 'x,"bob', '["bob'], separators=(",", ":")),
        },
    ]
    assert find_slugs_in(rows, "participant:bob") == ["bob", "last"]
    assert find_slugs_in(rows, 'participant:x"bob') == ["quoted"]


def test_numbers_in_requires_python_match_as_a_whole() -> None:
    rows: list[Row] = [
        {"slug": f"p{place}", "title": "x", "requires_python": text}
        for place, text in enumerate((">=3.10", ">=3.1,<4", ">=3.1.4", "==13.1", "~=2.3.1"))
    ]
    assert find_slugs_in(rows, "requires_python:3.1") == ["p1", "p2"]
    assert find_slugs_in(rows, "requires_python:>=3.1") == ["p1", "p2"]
    assert find_slugs_in(rows, "requires_python:<4") == ["p1"]
    assert find_slugs_in(rows, "requires_python:>=3") == ["p0", "p1", "p2"]


def test_a_repository_is_found_by_url() -> None:
    at = {"repository": "shacker/django-todo", "repository_key": "github.com/shacker/django-todo"}
    rows: list[Row] = [
        {"slug": "todo", "title": "x", **at},
        {"slug": "fork", "title": "x", "repository": "x/y", "repository_key": "gitlab.com/shacker/django-todo"},
    ]
    for url in ("https://github.com/shacker/django-todo", "git@github.com:Shacker/django-todo.git"):
        assert find_slugs_in(rows, f"repo:{url}") == ["todo"]
    assert find_slugs_in(rows, "repo:SHACKER/") == ["todo"]
    assert find_slugs_in(rows, "repo:https://nowhere/") == []


def test_names_ignore_case_and_the_kind_of_word_break() -> None:
    rows: list[Row] = [{"slug": "x", "title": "x", "grids": "[62]"}]
    for term in ("TASK", '"todo lists"', "Todo-Lists", "todo_lists", "grid_slugs:TODO-LISTS", "grid:TASK"):
        assert find_slugs_in(rows, term) == ["x"], term
    for term in ("ask", "odo", "grid_slugs:todo", "grid_slugs:62"):
        assert find_slugs_in(rows, term) == [], term


def test_very_long_words_match_nothing(db: sqlite3.Connection) -> None:
    for size in (1_001, 60_000):
        assert find_slugs(db, "a" * size) == []
        assert find_slugs(db, "title:" + "%" * size, "license:" + "b" * size) == []
        assert set(find_slugs(db, "-" + "a" * size)) == ALL_SLUGS
    assert find_slugs(db, "%" * 1_000, "license:" + "*" * 1_000) == []


def test_the_maximum_number_of_terms_can_be_executed(db: sqlite3.Connection) -> None:
    assert find_slugs(db, *["django"] * 200) == ["django-allauth", "django-todo"]
    assert find_slugs(db, "grid:" + ",".join(f"g{number}" for number in range(199)) + ",forms") == ["django-todo"]


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


def execute_random_queries(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many of 10,000 random queries were executed, and how many of them found something but not all."""
    rng = random.Random(21)  # noqa: S311 - a fixed seed, no secret
    executed = selective = 0
    for _ in range(10_000):
        terms = ["".join(rng.choices(PIECES, k=rng.randint(0, 6))) for _ in range(rng.randint(1, 3))]
        with suppress(UsageError):
            found = set(find_slugs(db, *terms))
            assert found <= ALL_SLUGS
            executed += 1
            selective += set() < found < ALL_SLUGS
    return executed, selective


@pytest.mark.campaign
def test_random_queries_are_executed_or_rejected(db: sqlite3.Connection) -> None:
    executed, selective = execute_random_queries(db)
    assert executed > 1_000
    assert selective > 100


@pytest.mark.nightly
def test_without_quotes_random_words_would_be_read_as_fts_syntax(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where_clause_module, "_FTS_MATCH", where_clause_module._FTS_MATCH.replace("?", "trim(?, '\"')"))
    with pytest.raises(sqlite3.OperationalError):
        execute_random_queries(db)


@given(st.text(st.characters(blacklist_characters='"'), max_size=40))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_any_phrase_can_be_executed(text: str) -> None:
    assert find_slugs_in([], f'"x {text}"') == []


# The same rules in plain Python, compared on small random mirrors.
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
    """Return the words as FTS5's unicode61 does, without accents and case, for the letters used here."""
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


RULES = settings(derandomize=True, max_examples=200, deadline=None, report_multiple_bugs=False, database=None)


def check_words() -> int:
    """Compare random words with the rules, and return how many selected some packages and not others."""
    selective = 0

    @RULES
    @given(
        PACKAGES, st.lists(st.tuples(st.text(LETTERS, min_size=1, max_size=4), st.booleans()), min_size=1, max_size=3)
    )
    def check(rows: list[Row], words: list[tuple[str, bool]]) -> None:
        nonlocal selective
        words = [(word.strip(), excluded) for word, excluded in words if word.strip()]
        terms = [f'{"-" if excluded else ""}"{word}"' for word, excluded in words]
        expected = [
            row["slug"] for row in rows if all(word_matches(word, row) is not excluded for word, excluded in words)
        ]
        selective += 0 < len(expected) < len(rows)
        assert sorted(find_slugs_in(rows, *terms)) == sorted(map(str, expected))

    check()
    return selective


@pytest.mark.campaign
def test_words_match_like_the_rules_in_python() -> None:
    assert check_words() >= 5


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "replacement"),
    [
        ("_negate", lambda part, **_: part),
        ("contains", lambda column, text: (f"{column} LIKE ?", (f"%{text}%",))),
    ],
)
def test_wrong_conditions_for_words_would_differ_from_the_rules(
    name: str, replacement: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where_clause_module, name, replacement)
    with pytest.raises(AssertionError):
        check_words()


BOUNDS = st.none() | st.integers(0, 5)


def check_ranges() -> int:
    """Compare random ranges with the rules, and return how many selected some packages and not others."""
    selective = 0

    @RULES
    @given(PACKAGES, st.tuples(BOUNDS, BOUNDS), st.tuples(BOUNDS, BOUNDS), st.booleans())
    def check(
        rows: list[Row],
        stars: tuple[int | None, int | None],
        years: tuple[int | None, int | None],
        excluded: bool,  # noqa: FBT001 - drawn by hypothesis
    ) -> None:
        nonlocal selective

        def bound_text(value: int | None, prefix: str = "") -> str:
            return "" if value is None else f"{prefix}{value}"

        def within(value: object, low: int | None, high: int | None) -> bool:
            if value is None:
                return False
            number = value if isinstance(value, int) else int(str(value)[3])
            return (low is None or low <= number) and (high is None or number <= high)

        (least, most), (first, last) = stars, years
        terms = [
            f"{'-' if excluded else ''}stars:{bound_text(least)}..{bound_text(most)}",
            f"updated:{bound_text(first, '202')}..{bound_text(last, '202')}",
        ]
        if any(low is not None and high is not None and low > high for low, high in (stars, years)):
            with pytest.raises(UsageError, match="empty range"):
                find_slugs_in(rows, *terms)
            return
        expected = [
            row["slug"]
            for row in rows
            # No forge counted these stars, so that 0 means unknown.
            if within(row["repo_watchers"] or None, *stars) is not excluded and within(row["last_updated_utc"], *years)
        ]
        selective += 0 < len(expected) < len(rows)
        assert sorted(find_slugs_in(rows, *terms)) == sorted(map(str, expected))

    check()
    return selective


@pytest.mark.campaign
def test_ranges_match_like_the_rules_in_python() -> None:
    assert check_ranges() >= 5


@pytest.mark.nightly
def test_exclusive_ranges_would_differ_from_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    def exclusive(expression: str, bounds: Range) -> tuple[str, tuple[object, ...]]:
        sql, values = range_sql(expression, bounds)
        return sql.replace(">=", ">"), values

    range_sql = where_clause_module._range_sql
    monkeypatch.setattr(where_clause_module, "_range_sql", exclusive)
    with pytest.raises(AssertionError):
        check_ranges()
