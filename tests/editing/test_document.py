"""The document for the editor, and the changes read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from djpkg.editing.assignments import KnownNames
from djpkg.editing.document import is_blank, read_document, with_error, write_document
from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.model.merge import merge
from tests.seed import seed_facts

IDS = KnownNames(
    {"1": 1, "2": 2, "apps": 1, "frameworks": 2},
    {"53": 53, "62": 62, "forms": 53, "7": 7, "pottery": 7},
    {"django-pots": "django-pots"},
)
VALUES = {**merge([seed_facts()], {}).values}
BEFORE = write_document("django-todo", VALUES, {}, IDS)


def line(name: str, source: str = BEFORE) -> str:
    return next(one for one in source.splitlines() if one.startswith(f"{name} = "))


def edited(name: str, literal: str, source: str = BEFORE) -> str:
    return source.replace(line(name, source), f"{name} = {literal}")


def test_an_untouched_document_changes_nothing() -> None:
    assert read_document(BEFORE, BEFORE, IDS) == {}
    assert BEFORE.endswith("\n")


def test_there_is_one_line_per_editable_field() -> None:
    assigned = [one.partition(" = ")[0] for one in BEFORE.splitlines() if one and not one.startswith("#")]
    assert assigned == [field.name for field in fields.EDITABLE]


def test_categories_and_grids_are_slugs_or_numbers_if_unknown() -> None:
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
    "archived": ("true", True),
    "django_versions": ('["5.2"]', ["5.2"]),
    "license": ('"MIT"', "MIT"),
    "note": ('"""two\nlines"""', "two\nlines"),
    "tags": ('["prod", "billing"]', ["billing", "prod"]),
    "replaced_by": ('"Django_Pots"', "django-pots"),
}


@pytest.mark.parametrize("name", [field.name for field in fields.EDITABLE])
def test_each_field_can_be_changed(name: str) -> None:
    literal, stored = CHANGED[name]
    assert read_document(BEFORE, edited(name, literal), IDS) == {name: stored}


def test_removing_moving_or_commenting_a_line_changes_nothing() -> None:
    without = BEFORE.replace(line("title") + "\n", "").replace(line("repo_url"), "# " + line("repo_url"))
    assert read_document(BEFORE, without + line("title") + "\n", IDS) == {}
    assert read_document(BEFORE, without, IDS) == {}


def test_aliases_are_accepted() -> None:
    assert read_document(BEFORE, 'docs = "https://a.example/"\nstars = 3\n', IDS) == {
        "documentation_url": "https://a.example/",
        "repo_watchers": 3,
    }


@pytest.mark.parametrize(
    ("literal", "stored"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00:00+02:00", "2026-01-31T12:00:00+02:00"),
        ('""', None),
    ],
)
def test_times_may_be_quoted_or_toml_dates(literal: str, stored: str | None) -> None:
    assert read_document(BEFORE, edited("last_updated", literal), IDS) == {"last_updated": stored}


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
def test_an_error_names_its_field(name: str, literal: str) -> None:
    with pytest.raises(UsageError, match=name):
        read_document(BEFORE, edited(name, literal), IDS)


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
def test_invalid_toml_is_an_error(typed: str) -> None:
    with pytest.raises(UsageError, match="invalid TOML"):
        read_document(BEFORE, typed, IDS)


@pytest.mark.parametrize("typed", ["slug = 'x'", "id = 5", "nothing = 1", "[table]\na = 1", "pypi_name = 'x'"])
def test_a_field_that_cannot_be_edited_is_an_error(typed: str) -> None:
    with pytest.raises(UsageError):
        read_document(BEFORE, typed, IDS)


def test_an_edited_field_shows_its_upstream_value() -> None:
    edited_values = {**VALUES, "title": "Mine", "category": 2, "documentation_url": None}
    shown = write_document(
        "t", edited_values, {"title": "Theirs\n# x = 1", "category": 1, "documentation_url": None}, IDS
    )
    assert '# title is edited; upstream: "Theirs\\n# x = 1"\ntitle = "Mine"' in shown
    assert '# category is edited; upstream: "apps"\ncategory = "frameworks"' in shown
    assert '# documentation_url is edited; upstream: ""\n' in shown
    assert read_document(shown, shown, IDS) == {}


HOSTILE = (
    'quotes " \' """ \\ \\u0041 \t\r\n \b\f \x00'.replace("\x00", ""),
    "".join(map(chr, range(1, 32))),
    "\x7f\x80\x85\x9b\u2028\u2029\u202e\ufeff\u200b",
    "👩\u200d💻 🏳️\u200d🌈 \U0010ffff é e\u0301",
    '# not = "a comment"',
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_odd_characters_survive_a_round_trip_and_an_error(hostile: str) -> None:
    shown = write_document(hostile, {**VALUES, "title": hostile, "participants": [hostile]}, {"title": hostile}, IDS)
    assert read_document(shown, shown, IDS) == {}
    again = edited("repo_forks", "1", with_error(shown, f"first\n{hostile}"))
    assert read_document(shown, again, IDS) == {"repo_forks": 1}
    plain = edited("participants", "[]", edited("title", '"plain"', shown))
    assert read_document(plain, shown, IDS) == {"title": hostile, "participants": [hostile]}


def test_the_document_has_only_printable_characters() -> None:
    shown = write_document("x", {**VALUES, "title": "".join(HOSTILE)}, {}, IDS)
    assert all(character.isprintable() or character in "\n\u200d" for character in shown)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
@example("\u2028x = 1")
def test_any_text_survives_a_round_trip_and_errors(value: str) -> None:
    shown = write_document("x", {**VALUES, "repo_description": value}, {}, IDS)
    twice = with_error(with_error(shown, value), value)
    assert read_document(shown, twice, IDS) == {}
    assert read_document(edited("repo_description", '"-"', shown), twice, IDS) == (
        {} if value == "-" else {"repo_description": value}
    )


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_unicode_line_separators_are_allowed_in_a_value(mark: str) -> None:
    typed = edited("title", f'"a{mark}b"')
    assert read_document(BEFORE, with_error(typed, "first"), IDS) == {"title": f"a{mark}b"}


def test_an_error_is_the_first_line_and_replaces_an_earlier_one() -> None:
    once = with_error(BEFORE, "first\nerror")
    assert once == f"# ERROR: first error\n{BEFORE}"
    assert with_error(once, "second") == f"# ERROR: second\n{BEFORE}"


@pytest.mark.parametrize(
    ("document", "blank"),
    [("", True), ("\n \n", True), ("# title = 1\n  # x\n", True), (BEFORE, False), ("x", False)],
)
def test_a_document_of_comments_is_blank(document: str, *, blank: bool) -> None:
    assert is_blank(document) is blank


def test_windows_line_endings_change_nothing() -> None:
    assert read_document(BEFORE, BEFORE.replace("\n", "\r\n"), IDS) == {}


def test_a_long_list_survives_a_round_trip() -> None:
    many = [f"person-{number}" for number in range(5000)]
    shown = write_document("x", {**VALUES, "participants": many}, {}, IDS)
    assert read_document(BEFORE, shown, IDS) == {"participants": many}
    assert json.loads(line("participants", shown).partition(" = ")[2]) == many


def test_private_values_are_apart_and_have_no_upstream_value() -> None:
    values = {**VALUES, "note": "mine", "tags": ["prod"]}
    document = write_document("django-todo", values, {"note": None, "tags": []}, IDS)
    own = document.partition("# Your own fields: no source has them.\n")[2]
    assert own == 'note = "mine"\ntags = ["prod"]\nreplaced_by = ""\n'
    assert read_document(document, document, IDS) == {}
