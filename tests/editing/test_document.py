"""The text that an editor gets, and what of it came back changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from djpkg.editing.assignments import CategoriesAndGrids
from djpkg.editing.document import is_blank, read_document, with_error, write_document
from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.model.merge import merge
from tests.starter import facts

PLACES = CategoriesAndGrids(
    {"1": 1, "2": 2, "apps": 1, "frameworks": 2}, {"53": 53, "62": 62, "forms": 53, "7": 7, "pottery": 7}
)
VALUES = {**merge([facts()], {}).values}
BEFORE = write_document("django-todo", VALUES, {}, PLACES)


def line(name: str, source: str = BEFORE) -> str:
    return next(one for one in source.splitlines() if one.startswith(f"{name} = "))


def edited(name: str, literal: str, source: str = BEFORE) -> str:
    return source.replace(line(name, source), f"{name} = {literal}")


def test_the_text_that_nobody_touched_changes_nothing() -> None:
    assert read_document(BEFORE, BEFORE, PLACES) == {}
    assert BEFORE.endswith("\n")


def test_each_editable_field_stands_on_a_line_of_its_own_and_no_other_field_does() -> None:
    assigned = [one.partition(" = ")[0] for one in BEFORE.splitlines() if one and not one.startswith("#")]
    assert assigned == [field.name for field in fields.EDITABLE]


def test_named_places_stand_by_slug_and_unnamed_ones_by_number() -> None:
    assert line("category") == 'category = "apps"'
    assert line("grids") == 'grids = ["forms", 62]'


CHANGED: dict[str, tuple[str, Any]] = {
    "category": ('"frameworks"', 2),
    "grids": ('["pottery", 53]', [7, 53]),
    "title": ('"Todo"', "Todo"),
    "last_updated": ('"2026-01-31T12:00:00Z"', "2026-01-31T12:00:00Z"),
    "repo_url": ('"https://github.com/a/b"', "https://github.com/a/b"),
    "pypi_version": ('"3.0"', "3.0"),
    "repo_forks": ("7", 7),
    "repo_description": ("'single \"quotes\"'", 'single "quotes"'),
    "pypi_url": ('"todo"', "todo"),
    "documentation_url": ('""', None),
    "repo_watchers": ("1_000", 1000),
    "commits_over_52": (str([3] * 52), [3] * 52),
    "participants": ('[\n  "zoe",\n  "mara",\n]', ["zoe", "mara"]),
}


@pytest.mark.parametrize("name", [field.name for field in fields.EDITABLE])
def test_each_field_can_be_changed_alone(name: str) -> None:
    literal, kept = CHANGED[name]
    assert read_document(BEFORE, edited(name, literal), PLACES) == {name: kept}


def test_a_line_taken_out_moved_or_commented_out_is_no_change() -> None:
    without = BEFORE.replace(line("title") + "\n", "").replace(line("repo_url"), "# " + line("repo_url"))
    assert read_document(BEFORE, without + line("title") + "\n", PLACES) == {}
    assert read_document(BEFORE, without, PLACES) == {}


def test_an_alias_is_taken_too() -> None:
    assert read_document(BEFORE, 'docs = "https://a.example/"\nstars = 3\n', PLACES) == {
        "documentation_url": "https://a.example/",
        "repo_watchers": 3,
    }


@pytest.mark.parametrize(
    ("literal", "kept"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00+02:00", "2026-01-31T12:00:00+02:00"),
        ('""', None),
    ],
)
def test_a_time_may_be_written_with_and_without_quotes(literal: str, kept: str | None) -> None:
    assert read_document(BEFORE, edited("last_updated", literal), PLACES) == {"last_updated": kept}


@pytest.mark.parametrize(
    ("name", "literal"),
    [
        ("repo_watchers", '"many"'),
        ("repo_watchers", "-1"),
        ("repo_watchers", "nan"),
        ("repo_watchers", "true"),
        ("repo_watchers", f"0x{'f' * 4200}"),
        ("repo_watchers", '""'),
        ("last_updated", "12:00:00"),
        ("title", "5"),
        ("title", "{a = 1}"),
        ("grids", '["nowhere"]'),
        ("grids", f"[0x{'f' * 4200}]"),
        ("grids", "[2026-01-01]"),
        ("category", '""'),
        ("commits_over_52", "[1]"),
        ("participants", '["\\u0000"]'),
        ("repo_url", '"nowhere"'),
    ],
)
def test_a_mistake_names_its_field(name: str, literal: str) -> None:
    with pytest.raises(UsageError, match=name):
        read_document(BEFORE, edited(name, literal), PLACES)


@pytest.mark.parametrize(
    "typed",
    [
        "title",
        "title = x",
        'title = "a',
        "title = 1\ntitle = 2",
        "[[",
        "a = 2026-13-45",
        "x = " + "[" * 5000,
        "repo_watchers = " + "9" * 4400,
        "\x00",
        'title = "\\ud800"',
        'title = "\x85',
    ],
)
def test_what_does_not_parse_is_said(typed: str) -> None:
    with pytest.raises(UsageError, match="does not parse"):
        read_document(BEFORE, typed, PLACES)


@pytest.mark.parametrize("typed", ["slug = 'x'", "id = 5", "nothing = 1", "[table]\na = 1", "pypi_name = 'x'"])
def test_a_field_that_cannot_be_edited_is_refused_unless_it_is_as_handed_out(typed: str) -> None:
    with pytest.raises(UsageError):
        read_document(BEFORE, typed, PLACES)


def test_an_edited_field_shows_what_lies_beneath() -> None:
    mine = {**VALUES, "title": "Mine", "category": 2, "documentation_url": None}
    shown = write_document("t", mine, {"title": "Theirs\n# x = 1", "category": 1, "documentation_url": None}, PLACES)
    assert '# title is edited; upstream: "Theirs\\n# x = 1"\ntitle = "Mine"' in shown
    assert '# category is edited; upstream: "apps"\ncategory = "frameworks"' in shown
    assert '# documentation_url is edited; upstream: ""\n' in shown
    assert read_document(shown, shown, PLACES) == {}


HOSTILE = (
    'quotes " \' """ \\ \\u0041 \t\r\n \b\f \x00'.replace("\x00", ""),
    "".join(map(chr, range(1, 32))),
    "\x7f\x80\x85\x9b\u2028\u2029\u202e\ufeff\u200b",
    "👩\u200d💻 🏳️\u200d🌈 \U0010ffff é e\u0301",
    '# not = "a comment"',
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_odd_characters_survive_a_round_trip_and_a_mistake(hostile: str) -> None:
    shown = write_document(hostile, {**VALUES, "title": hostile, "participants": [hostile]}, {"title": hostile}, PLACES)
    assert read_document(shown, shown, PLACES) == {}
    again = edited("repo_forks", "1", with_error(shown, f"first\n{hostile}"))
    assert read_document(shown, again, PLACES) == {"repo_forks": 1}
    plain = edited("participants", "[]", edited("title", '"plain"', shown))
    assert read_document(plain, shown, PLACES) == {"title": hostile, "participants": [hostile]}


def test_no_character_that_a_terminal_would_obey_is_handed_out() -> None:
    shown = write_document("x", {**VALUES, "title": "".join(HOSTILE)}, {}, PLACES)
    assert all(character.isprintable() or character in "\n\u200d" for character in shown)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40))
@example("\u2028x = 1")
def test_any_text_survives_editors_and_mistakes(value: str) -> None:
    shown = write_document("x", {**VALUES, "repo_description": value}, {}, PLACES)
    twice = with_error(with_error(shown, value), value)
    assert read_document(shown, twice, PLACES) == {}
    assert read_document(edited("repo_description", '"-"', shown), twice, PLACES) == (
        {} if value == "-" else {"repo_description": value}
    )


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_marks_that_elsewhere_end_a_line_may_be_typed_into_a_value(mark: str) -> None:
    typed = edited("title", f'"a{mark}b"')
    assert read_document(BEFORE, with_error(typed, "first"), PLACES) == {"title": f"a{mark}b"}


def test_a_mistake_stands_on_top_in_place_of_an_earlier_one() -> None:
    once = with_error(BEFORE, "first\nmistake")
    assert once == f"# MISTAKE: first mistake\n{BEFORE}"
    assert with_error(once, "second") == f"# MISTAKE: second\n{BEFORE}"


@pytest.mark.parametrize(
    ("came_back", "empty"),
    [("", True), ("\n \n", True), ("# title = 1\n  # x\n", True), (BEFORE, False), ("x", False)],
)
def test_nothing_but_comments_is_empty(came_back: str, *, empty: bool) -> None:
    assert is_blank(came_back) is empty


def test_line_ends_of_other_systems_do_no_harm() -> None:
    assert read_document(BEFORE, BEFORE.replace("\n", "\r\n"), PLACES) == {}


def test_the_longest_list_is_handed_out_and_read_back() -> None:
    many = [f"person-{number}" for number in range(5000)]
    shown = write_document("x", {**VALUES, "participants": many}, {}, PLACES)
    assert read_document(BEFORE, shown, PLACES) == {"participants": many}
    assert json.loads(line("participants", shown).partition(" = ")[2]) == many
