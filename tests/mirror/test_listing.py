"""Many packages as JSON and as values, page by page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.mirror import listing
from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.package import get_package
from djpkg.mirror.read import get_values
from djpkg.mirror.write import Writer
from djpkg.model import fields
from djpkg.model.facts import CatalogFacts, Grid
from djpkg.model.repository_url import NO_FORGES
from djpkg.query import parser
from djpkg.times import to_sortable
from tests.mirrors import NOW, catalog_facts, fetched_mirror, filled_mirror

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from djpkg.model.fields import Column

NOTHING = parser.parse_query([], now=NOW)
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
counts = st.integers(0, 2**53 - 1)
times = st.one_of(st.none(), st.datetimes().map(lambda moment: f"{moment.isoformat()}-05:00").filter(to_sortable))
records = st.builds(
    CatalogFacts,
    id=st.integers(1, 2**63 - 1),
    title=texts,
    slug=texts,
    category=st.none() | st.integers(1, 9),
    grids=st.lists(st.integers(1, 9), unique=True, max_size=3).map(tuple),
    repo_url=texts | st.just("https://github.com/mara/pots"),
    pypi_url=texts,
    documentation_url=st.none() | texts,
    created=times,
    modified=times,
    last_updated=times,
    last_fetched=times,
    pypi_version=st.none() | texts,
    repo_forks=st.none() | counts,
    repo_description=texts,
    repo_watchers=st.none() | counts,
    commits_over_52=st.just(()) | st.lists(counts, min_size=52, max_size=52).map(tuple),
    participants=st.lists(texts, max_size=4).map(tuple),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled_mirror(tmp_path / "mirror.db", grids=[Grid(id=3, slug="grün\x7f", title='Grün "\u2028"')])


def printed(db: sqlite3.Connection, ids: Sequence[int], columns: Sequence[Column]) -> list[str]:
    return [line for page in listing.get_json(db, ids, columns) for line in page]


def check_json(path: Path) -> int:
    """Store and print many pages of records, and return how many contain characters outside ASCII."""
    special = 0

    @settings(derandomize=True, deadline=None, max_examples=40, report_multiple_bugs=False, database=None)
    @given(page=st.lists(records, min_size=1, max_size=5, unique_by=lambda one: one.id))
    def check(page: list[CatalogFacts]) -> None:
        nonlocal special
        special += any(not (one.slug + one.title + "".join(one.participants)).isascii() for one in page)
        with open_write(path) as db:
            Writer(db, forges=NO_FORGES).store_catalog(page, now=NOW, report_added=False)
            ids = [one.id for one in page]
            for columns in (fields.RECORD_COLUMNS, fields.ALL_COLUMNS):
                lines = printed(db, ids, columns)
                rows = list(listing.get_rows(db, ids, columns))
                assert lines == [json.dumps(row, separators=(",", ":"), allow_nan=False) for row in rows]
                assert all(line.isascii() and line.isprintable() for line in lines)
            for one, row in zip(page, listing.get_rows(db, ids, fields.RECORD_COLUMNS), strict=True):
                if one.participants:  # an empty list keeps that of an earlier page
                    assert row["participants"] == list(one.participants)
                assert (row["id"], row["slug"], row["created"]) == (one.id, one.slug, one.created)

    check()
    return special


@pytest.mark.campaign
def test_the_json_equals_the_values_and_is_ascii(path: Path) -> None:
    assert check_json(path) >= 10


@pytest.mark.nightly
def test_texts_without_an_encoder_would_break_the_json(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "encode_basestring_ascii", lambda text: f'"{text}"')
    with pytest.raises(AssertionError):
        check_json(path)


def test_all_ways_to_read_give_the_same_record(path: Path) -> None:
    fetched_mirror(path)
    with open_read(path) as db:
        for number in (1, 2, 3, 4):
            (row,) = listing.get_rows(db, [number], fields.ALL_COLUMNS)
            assert row == get_values(db, number, fields.ALL_COLUMNS) == get_package(db, number, forges=NO_FORGES).values
            assert list(row) == [field.name for field in fields.FIELDS]


def test_json_keys_are_the_column_names_as_typed(path: Path) -> None:
    with open_read(path) as db:
        assert printed(db, [1], fields.parse_columns("stars,Repo-Watchers,slug")) == [
            '{"stars":512,"Repo-Watchers":512,"slug":"django-pots"}'
        ]
        odd = (fields.Column('100% "x"', fields.get("id")),)
        assert json.loads(printed(db, [1], odd)[0]) == {'100% "x"': 1}


def test_rows_have_the_order_of_the_ids_and_unknown_ids_are_skipped(path: Path) -> None:
    with open_read(path) as db:
        rows = listing.get_rows(db, [3, 1, 99, 2], fields.parse_columns("id"))
        assert [row["id"] for row in rows] == [3, 1, 2]


def test_versions_are_sorted_as_versions_and_nulls_last(path: Path) -> None:
    versions = {30: "9.5", 31: "10.0.1", 32: None, 33: "10.0", 34: "1.0rc1", 35: "1.0", 36: ""}
    filled_mirror(path, [catalog_facts(n, f"p{n}", pypi_version=text, pypi_url="") for n, text in versions.items()])
    with open_read(path) as db:
        found = [n for n in listing.find_ids(db, NOTHING, parser.parse_sort(["version"])) if n in versions]
        assert found == [34, 35, 30, 33, 31, 32, 36]
        found = [n for n in listing.find_ids(db, NOTHING, parser.parse_sort(["-version"])) if n in versions]
        assert found == [31, 33, 30, 35, 34, 32, 36]


def test_ids_are_sorted_limited_and_counted(path: Path) -> None:
    filled_mirror(path, [catalog_facts(30 + n, f"p{n}", repo_watchers=None if n == 5 else n % 3) for n in range(6)])
    with open_read(path) as db:
        by_stars = listing.find_ids(db, NOTHING, parser.parse_sort(["stars", "slug"]))
        assert by_stars == [1, 4, 2, 32, 31, 34, 3, 30, 33, 35]  # nulls last, the slug breaks ties
        assert listing.find_ids(db, NOTHING, parser.parse_sort(["stars", "slug"]), limit=3) == by_stars[:3]
        assert listing.find_ids(db, NOTHING, parser.parse_sort(["stars", "slug"]), limit=0) == by_stars
        assert listing.count(db, NOTHING) == 10
        assert listing.count(db, parser.parse_query(["pots"], now=NOW)) == 1
        assert listing.find_ids(db, parser.parse_query(["nothing-like-it"], now=NOW), []) == []


def test_a_writer_commits_while_a_reader_pauses_between_pages(path: Path) -> None:
    filled_mirror(path, [catalog_facts(number, f"p{number}") for number in range(1, 301)])
    with open_read(path) as db:
        ids = listing.find_ids(db, NOTHING, parser.parse_sort(["slug"]))
        pages: Iterator[list[str]] = listing.get_json(db, ids, fields.parse_columns("id,title"))
        first = next(pages)
        filled_mirror(path, [catalog_facts(number, f"p{number}", title="later") for number in ids])
        second = next(pages)
        assert next(pages, None) is None
    assert ("later" in str(first), "later" in str(second)) == (False, True)
    assert len(first) + len(second) == 300
