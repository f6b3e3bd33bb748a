from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.query import parser
from djpkg.query.filters import Filter, Range, TextMatch
from djpkg.query.parser import Condition, Sort, Word

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
SINCE = "2025-03-31T12:00:00.000000Z"
LATEST = "2026-04-01T12:00:00.000000Z"


def parse(*terms: str) -> parser.Query:
    query = parser.parse_query(terms, now=NOW)
    assert query.latest == LATEST
    return query._replace(latest=parser.NO_LATEST)


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
        ("Memo: to self", [Word("Memo: to self")]),
        ("c++", [Word("c++")]),
        ("h2o:x", [Word("h2o:x")]),
        ("10:30", [Word("10:30")]),
        ("a\0b\udcff", [Word("a\ufffdb\ufffd")]),
    ],
)
def test_words_and_phrases_are_parsed(term: str, words: list[Word]) -> None:
    assert parse(term) == parser.Query(words=tuple(words))


def test_an_argument_that_is_clearly_a_whole_query_is_split() -> None:
    stars = Filter(fields.get("stars"), (Range(100, None),))
    assert parse("todo app stars:100..") == parser.Query((Word("todo"), Word("app")), (stars,))
    assert parse("stars:100.. todo") == parser.Query((Word("todo"),), (stars,))
    assert parse("todo is:edited").conditions == (Condition(("edited",), SINCE),)


def test_an_argument_with_a_space_may_be_one_filter() -> None:
    assert parse("title:django todo").filters == (Filter(fields.get("title"), (TextMatch("django todo"),)),)
    assert parse('title:"django todo"').filters == (Filter(fields.get("title"), (TextMatch("django todo"),)),)
    assert parse("license: MIT").filters == (Filter(fields.get("license"), (TextMatch("MIT"),)),)


def test_a_minus_or_caret_excludes_a_term() -> None:
    assert parse("-stars:..5").filters == (Filter(fields.get("stars"), (Range(None, 5),), excluded=True),)
    assert parse("^is:archived").conditions == (Condition(("archived",), SINCE, excluded=True),)


@pytest.mark.parametrize(
    ("term", "message", "hint"),
    [
        ("strs:5", "unknown field 'strs'", "did you mean stars?"),
        ("foo:", "unknown field 'foo'", None),
        ("is:dead", "unknown state 'dead'", None),
        ("is:yank", "unknown state 'yank'", None),
        ("is:", "is: has no value", None),
    ],
)
def test_an_unknown_field_or_state_suggests_known_ones(term: str, message: str, hint: str | None) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        parse(term)
    assert hint in (None, caught.value.hint)


def test_every_field_example_is_a_filter() -> None:
    for field in fields.FIELDS:
        parsed = parse(field.example)
        assert len(parsed.filters) + len(parsed.conditions) == 1, field.example
        assert not parsed.words, field.example


def test_every_state_is_accepted() -> None:
    assert parse("is:active,Gone").conditions == (Condition(("active", "gone"), SINCE),)
    for state in parser.STATES:
        assert parse(f"is:{state.name}").conditions == (Condition((state.name,), SINCE),)


def test_a_query_has_at_most_200_words_and_values() -> None:
    assert len(parse(*["a"] * 200).words) == 200
    with pytest.raises(UsageError, match="at most 200"):
        parse(*["a"] * 150, "id:" + ",".join("1" * 51))
    with pytest.raises(UsageError, match="at most 200"):
        parse("id:" + ",".join(str(number) for number in range(201)))


def test_without_active_removes_only_that_condition() -> None:
    rest = parse("todo", "-is:archived")
    assert parser.without_active(parse("todo", "is:active", "-is:archived")) == (rest, "is:active")
    assert parser.without_active(parse("todo", "state:active", "-is:archived")) == (rest, "state:active")
    assert parser.without_active(parse("-is:active", "is:active,edited", "-state:active", "state:active,stale")) is None


def test_several_sort_fields_in_both_directions() -> None:
    stars, updated, slug = fields.get("stars"), fields.get("updated"), fields.get("slug")
    assert parser.parse_sort(["stars,-updated", "-slug", "stars"]) == (
        Sort(stars, descending=True),
        Sort(updated, descending=True),
        Sort(slug, descending=True),
    )
    assert parser.parse_sort(["+stars", "slug"]) == (Sort(stars, descending=False), Sort(slug, descending=False))
    assert parser.parse_sort([]) == ()
    assert parser.parse_sort(["", "stars,"]) == (Sort(stars, descending=True),)
    for nothing in ("", ",", " "):
        with pytest.raises(UsageError, match="--sort needs at least one field"):
            parser.parse_sort([nothing])
    with pytest.raises(UsageError, match="unknown field 'starz'"):
        parser.parse_sort(["starz"])
    with pytest.raises(UsageError, match="cannot sort by checked"):
        parser.parse_sort(["-checked"])


@given(st.lists(st.text(), max_size=4))
@settings(derandomize=True, max_examples=300)
def test_any_text_is_a_query_or_a_usage_error(terms: list[str]) -> None:
    try:
        parsed = parser.parse_query(terms, now=NOW)
    except UsageError:
        return
    assert "\0" not in "".join(word.text for word in parsed.words)


@settings(derandomize=True)
@given(st.text(st.characters(blacklist_characters=':"', blacklist_categories=["Cs"])))
def test_plain_words_are_always_valid(text: str) -> None:
    assert parse(text).filters == ()
