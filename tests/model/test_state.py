from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.mirror import listing
from djpkg.mirror.connection import create_in_memory
from djpkg.mirror.read import get_values
from djpkg.model import fields
from djpkg.model.state import BY_LIVELINESS, NAMES, matching_states
from djpkg.query import parser
from djpkg.times import format_time, to_sortable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from djpkg.model.package import Value

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ALIVE: dict[str, Value] = {"catalog_state": "listed", "repo_state": "ok", "pypi_state": "ok"}
RECENT, OLD = "2026-09-01T00:00:00Z", "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"last_updated": RECENT}, "active"),
        ({"released": RECENT, "last_updated": OLD}, "active"),
        ({"released": OLD, "last_updated": None}, "stale"),
        ({}, "unknown"),
        ({"repo_state": None, "pypi_state": None}, "unknown"),
        ({"repo_state": "none", "pypi_state": "none"}, "unknown"),
        ({"last_updated": "once"}, "unknown"),
        # A date in the future is unknown, not active.
        ({"last_updated": "2031-01-01T00:00:00Z"}, "unknown"),
        ({"last_updated": "2031-01-01T00:00:00Z", "released": OLD}, "stale"),
        ({"last_updated": "2026-11-24T11:59:59Z"}, "active"),
        # The time zone counts.
        ({"last_updated": "2025-11-23T11:30:00-01:00"}, "active"),
        ({"last_updated": "2025-11-23T12:30:00+01:00"}, "stale"),
        ({"repo_state": "gone"}, "gone"),
        ({"repo_state": "gone", "moved_to": "https://github.com/a/b", "last_updated": OLD}, "gone moved stale"),
        ({"repo_state": "none", "pypi_state": "gone"}, "gone"),
        ({"repo_state": "ok", "pypi_state": "gone", "last_updated": RECENT}, "active"),
        ({"repo_state": None, "pypi_state": "gone"}, "unknown"),
        ({"repo_state": "blocked", "archived": True, "released": RECENT}, "blocked archived active"),
        ({"archived": True, "yanked": True, "last_updated": OLD}, "archived yanked stale"),
        ({"repo_state": "moved", "released": RECENT}, "moved active"),
        ({"repo_state": "empty", "released": RECENT}, "empty active"),
        ({"catalog_state": "removed"}, "removed unknown"),
        ({"catalog_state": "removed", "repo_state": "gone"}, "removed gone"),
    ],
)
def test_the_first_word_that_applies_is_shown(changes: dict[str, Value], words: str) -> None:
    values = ALIVE | changes
    assert matching_states(values, now=NOW) == tuple(words.split())


TIMES = (
    None,
    OLD,
    RECENT,
    "2027-01-01T00:00:00Z",
    *(format_time(NOW + d) for d in (timedelta(days=-365), timedelta(1))),
)
COMBINATIONS: tuple[dict[str, Any], ...] = tuple(
    {
        "catalog_state": catalog,
        "repo_state": repository,
        "pypi_state": project,
        "archived": archived,
        "yanked": yanked,
        "moved_to": moved,
        "last_updated": updated,
        "released": released,
    }
    for catalog, repository, project, (archived, yanked, moved), updated, released in product(
        ("listed", "removed"),
        (None, "ok", "moved", "gone", "blocked", "empty", "unsupported", "none"),
        (None, "ok", "gone", "none"),
        (
            (None, None, None),
            (False, False, ""),
            (True, True, None),
            (None, True, ""),
            (False, False, "https://github.com/a/b"),
        ),
        TIMES,
        TIMES,
    )
)


@cache
def all_words() -> list[tuple[str, ...]]:
    return [matching_states(one, now=NOW) for one in COMBINATIONS]


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    with closing(create_in_memory()) as connection:
        connection.executemany(
            "INSERT INTO packages (id, slug, title, catalog_state, repo_state, pypi_state, archived, yanked, moved_to,"
            " last_updated, released, last_updated_utc, released_utc) VALUES (?, ?, 'x', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    number,
                    f"p{number}",
                    *one.values(),
                    to_sortable(one["last_updated"]),
                    to_sortable(one["released"]),
                )
                for number, one in enumerate(COMBINATIONS)
            ],
        )
        yield connection


def test_the_mirror_shows_the_same_words_for_all_combinations(db: sqlite3.Connection) -> None:
    columns = fields.parse_columns("id,state")
    shown = {row["id"]: row["state"] for row in listing.get_rows(db, list(range(len(COMBINATIONS))), columns, now=NOW)}
    expected = {number: words[0] for number, words in enumerate(all_words())}
    assert shown == expected
    assert set(expected.values()) == set(NAMES)
    assert get_values(db, 7, columns, now=NOW)["state"] == expected[7]


@pytest.mark.parametrize("name", NAMES)
def test_filters_find_what_is_shown_and_what_applies(db: sqlite3.Connection, name: str) -> None:
    def find(term: str) -> set[int]:
        return set(listing.find_ids(db, parser.parse_query([term], now=NOW), (), now=NOW))

    words = all_words()
    assert find(f"state:{name}") == {number for number, found in enumerate(words) if found[0] == name}
    applies = {number for number, found in enumerate(words) if name in found}
    if name == "gone":
        applies |= {
            n for n, one in enumerate(COMBINATIONS) if one["repo_state"] == "blocked" or one["pypi_state"] == "gone"
        }
    assert find(f"is:{name}") == applies
    assert find(f"-is:{name}") == set(range(len(COMBINATIONS))) - applies


def test_state_sorts_the_living_first(db: sqlite3.Connection) -> None:
    assert sorted(BY_LIVELINESS) == sorted(NAMES)
    for sort, order in (("state", BY_LIVELINESS), ("-state", BY_LIVELINESS[::-1])):
        ids = listing.find_ids(db, parser.Query(), parser.parse_sort([sort]), now=NOW)
        rows = listing.get_rows(db, ids, fields.parse_columns("state"), now=NOW)
        assert tuple(dict.fromkeys(row["state"] for row in rows)) == order


def test_the_state_depends_on_the_clock_of_the_reader(db: sqlite3.Connection) -> None:
    number = next(n for n, one in enumerate(COMBINATIONS) if matching_states(one, now=NOW)[0] == "active")
    columns = fields.parse_columns("state")
    assert get_values(db, number, columns, now=NOW)["state"] == "active"
    assert get_values(db, number, columns, now=NOW + timedelta(days=3_650))["state"] == "stale"
