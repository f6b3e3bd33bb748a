from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.query import filters, parser
from djpkg.query.filters import Filter, Presence, Range, Text, Undeclared
from djpkg.query.parser import Condition, Sort, Word

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
SINCE = "2025-03-31T12:00:00.000000Z"


def parse(*terms: str) -> parser.Query:
    return parser.parse_query(terms, now=NOW)


def values_of(term: str) -> tuple[filters.Test, ...]:
    (found,) = parse(term).filters
    return found.tests


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("todo", [Word("todo")]),
        ("todo app", [Word("todo app")]),
        ('"todo app"', [Word("todo app")]),
        ('"todo app" forms', [Word("todo app"), Word("forms")]),
        ("-todo", [Word("todo", excluded=True)]),
        ("^todo", [Word("todo", excluded=True)]),
        ('-"todo app"', [Word("todo app", excluded=True)]),
        ('"-todo"', [Word("-todo")]),
        ('"stars:5"', [Word("stars:5")]),
        ('"todo', [Word('"todo')]),
        ('to"do', [Word('to"do')]),
        ("-", [Word("-")]),
        ("^", [Word("^")]),
        ('"', [Word('"')]),
        ("", []),
        ("   ", []),
        ('""', []),
        ("https://github.com/shacker", [Word("https://github.com/shacker")]),
        ("Note: to self", [Word("Note: to self")]),
        ("c++", [Word("c++")]),
        ("h2o:x", [Word("h2o:x")]),
        ("10:30", [Word("10:30")]),
        ("a\0b\udcff", [Word("a\ufffdb\ufffd")]),
    ],
)
def test_words_and_phrases(term: str, words: list[Word]) -> None:
    assert parse(term) == parser.Query(words=tuple(words))


def test_an_argument_that_is_visibly_a_whole_query_is_read_as_one() -> None:
    stars = Filter(fields.get("stars"), (Range(100, None),))
    assert parse("todo app stars:100..") == parser.Query((Word("todo"), Word("app")), (stars,))
    assert parse("stars:100.. todo") == parser.Query((Word("todo"),), (stars,))
    assert parse("todo is:edited").conditions == (Condition(("edited",), SINCE),)


def test_an_argument_that_holds_a_blank_may_be_one_filter() -> None:
    assert parse("title:django todo").filters == (Filter(fields.get("title"), (Text("django todo"),)),)
    assert parse('title:"django todo"').filters == (Filter(fields.get("title"), (Text("django todo"),)),)
    assert parse("license: MIT").filters == (Filter(fields.get("license"), (Text("MIT"),)),)


def test_a_minus_or_a_caret_excludes_any_term() -> None:
    assert parse("-stars:..5").filters == (Filter(fields.get("stars"), (Range(None, 5),), excluded=True),)
    assert parse("^is:archived").conditions == (Condition(("archived",), SINCE, excluded=True),)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("stars:0", [Range(0, 0)]),
        ("stars:100..", [Range(100, None)]),
        ("stars:..500", [Range(None, 500)]),
        ("stars:10..20", [Range(10, 20)]),
        ("stars:1,5,10..20", [Range(1, 1), Range(5, 5), Range(10, 20)]),
        ("STARS:7", [Range(7, 7)]),
        ("stars:", [Presence(present=False)]),
        ("stars:none", [Presence(present=False)]),
        ("stars:NULL", [Presence(present=False)]),
        ("stars:any", [Presence(present=True)]),
        ("stars:..", [Presence(present=True)]),
        ("repo-watchers:3", [Range(3, 3)]),
        ("commits_over_52:1..", [Range(1, None)]),
        ("updated:6m..", [Range("2025-09-30T12:00:00.000000Z", None)]),
        ("updated:-6m..", [Range("2025-09-30T12:00:00.000000Z", None)]),
        ("updated:6m", [Range("2025-09-30T12:00:00.000000Z", None)]),
        ("updated:..1y", [Range(None, "2025-03-31T12:00:00.000000Z")]),
        ("updated:1y..6m", [Range("2025-03-31T12:00:00.000000Z", "2025-09-30T12:00:00.000000Z")]),
        ("released:2025", [Range("2025-01-01T00:00:00.000000Z", "2025-12-31T23:59:59.999999Z")]),
        ("released:2024..2025-01", [Range("2024-01-01T00:00:00.000000Z", "2025-01-31T23:59:59.999999Z")]),
        ("created:2025-01-01T10:00:00Z..", [Range("2025-01-01T10:00:00.000000Z", None)]),
        ("archived:yes", [Range(1, 1)]),
        ("archived:False", [Range(0, 0)]),
        ("archived:none", [Presence(present=False)]),
        ("license:MIT,BSD", [Text("MIT"), Text("BSD")]),
        ('title:"a, b",c', [Text("a, b"), Text("c")]),
        ('participant:"none"', [Text("none")]),
        ('title:""', [Presence(present=False)]),
        ("title:a..b", [Text("a..b")]),
        ('title:"1..2"', [Text("1..2")]),
        ("participants:5..", [Range(5, None)]),
        ("grids:2..3", [Range(2, 3)]),
        ("grid:53", [Text("53")]),
        ("forge:GitHub", [Text("github")]),
        ("repo_state:none", [Presence(present=False)]),
        ("django:5.2", [Text("5.2")]),
        ("django:none", [Presence(present=False)]),
        ("django:undeclared", [Undeclared()]),
        ("django:4.2..", [Range(40_002, None)]),
        ("django:..4", [Range(None, 49_999)]),
        ("python:3.9..3.13", [Range(30_009, 30_013)]),
        ("edited:docs", [Text("documentation_url")]),
        ("failed:github", [Text("github")]),
    ],
)
def test_values_of_filters(term: str, expected: list[filters.Test]) -> None:
    assert values_of(term) == tuple(expected)


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("stars:many", ["stars", "number", "'many'"]),
        ("stars:-5", ["stars", "number"]),
        ("stars:1..2..3", ["stars", "number"]),
        ("stars:٣", ["stars", "number"]),
        ("stars:" + "9" * 30, ["stars", "number"]),
        ("stars:20..10", ["stars:20..10", "empty range"]),
        ("updated:yesterday", ["updated", "time", "6m"]),
        ("updated:6m..1y", ["updated:6m..1y", "empty range"]),
        ("archived:perhaps", ["archived", "yes or no"]),
        ("django:five", ["django", "version", "undeclared"]),
        ("django:5.2.1", ["django", "version"]),
        ("version:2..", ["version", "text", "version:2.5.0", "no range", "'2..'"]),
        ("requires_python:3.8..3.12", ["requires_python", "no range"]),
        ("docs:..2", ["docs", "no range"]),
        ("category:1..2", ["category", "no range"]),
        ("forge:sourceforge", ["forge", "github", "forgejo"]),
        ("checked:twitter", ["checked", "catalog"]),
        ("is:dead", ["is:dead", "active", "removed"]),
        ("is:", ["active"]),
        ("edited:nothing", ["'nothing'"]),
        ("strs:5", ["'strs'"]),
        ("foo:", ["'foo'"]),
    ],
)
def test_a_filter_that_makes_no_sense_says_what_would(term: str, told: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse(term)
    assert [part for part in told if part not in str(caught.value)] == []


def test_hints_name_what_was_meant() -> None:
    with pytest.raises(UsageError) as mistyped:
        parse("strs:5")
    with pytest.raises(UsageError) as turned:
        parse("updated:6m..1y")
    assert (mistyped.value.hint, turned.value.hint) == ("did you mean stars?", "did you mean updated:1y..6m?")


def test_every_example_of_the_register_is_a_query() -> None:
    for field in fields.FIELDS:
        parsed = parse(field.example)
        assert len(parsed.filters) + len(parsed.conditions) == 1, field.example
        assert not parsed.words, field.example


def test_every_state_can_be_asked_for() -> None:
    assert parse("is:active,Gone").conditions == (Condition(("active", "gone"), SINCE),)
    for state in parser.STATES:
        assert parse(f"is:{state.name}").conditions == (Condition((state.name,), SINCE),)


def test_more_than_a_person_types_is_refused() -> None:
    assert len(parse(*["a"] * 200).words) == 200
    with pytest.raises(UsageError, match="at most 200"):
        parse(*["a"] * 150, "id:" + ",".join("1" * 51))
    with pytest.raises(UsageError, match="at most 200"):
        parse("id:" + ",".join(str(number) for number in range(201)))


def test_without_active_drops_that_condition_alone() -> None:
    asked = parse("todo", "is:active", "-is:archived")
    rest = parser.without_active(asked)
    assert rest == parse("todo", "-is:archived")
    assert parser.without_active(parse("todo", "-is:active", "is:active,edited")) is None


def test_sorting_takes_several_fields_in_either_direction() -> None:
    stars, updated, slug = fields.get("stars"), fields.get("updated"), fields.get("slug")
    assert parser.parse_sort(["stars,-updated", "-slug", "stars"]) == (
        Sort(stars),
        Sort(updated, natural=False),
        Sort(slug, natural=False),
    )
    assert parser.parse_sort([]) == ()
    assert parser.parse_sort(["", "stars,"]) == (Sort(stars),)
    for nothing in ("", ",", " "):
        with pytest.raises(UsageError, match="--sort names no field"):
            parser.parse_sort([nothing])
    with pytest.raises(UsageError, match="no field 'starz'"):
        parser.parse_sort(["starz"])
    with pytest.raises(UsageError, match="checked has no order"):
        parser.parse_sort(["-checked"])


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
PIECES += ["//", "\0", "\udcff", "active", "none", "%", "_", "\\", "*", "\n", "(", "=", "id", "2025", "license", "MIT"]


@pytest.mark.campaign
def test_thousands_of_random_strings_are_queries_or_usage_errors() -> None:
    dice = random.Random(20)  # noqa: S311 - a fixed seed, no secret
    legal = 0
    for _ in range(20_000):
        terms = ["".join(dice.choices(PIECES, k=dice.randint(0, 7))) for _ in range(dice.randint(0, 3))]
        with suppress(UsageError):
            parser.parse_query(terms, now=NOW)
            legal += 1
    assert 2_000 < legal < 20_000


@given(st.lists(st.text(), max_size=4))
@settings(max_examples=300)
def test_any_text_is_a_query_or_a_usage_error(terms: list[str]) -> None:
    try:
        parsed = parser.parse_query(terms, now=NOW)
    except UsageError:
        return
    assert "\0" not in "".join(word.text for word in parsed.words)


@given(st.text(st.characters(blacklist_characters=':"', blacklist_categories=["Cs"])))
def test_words_alone_are_never_refused(text: str) -> None:
    assert parse(text).filters == ()
