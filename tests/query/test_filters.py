from __future__ import annotations

from datetime import UTC, datetime

import pytest

from djpkg.errors import UsageError
from djpkg.query import parser
from djpkg.query.filters import Predicate, Presence, Range, TextMatch, Undeclared

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)


def parse_values(term: str) -> tuple[Predicate, ...]:
    (found,) = parser.parse_query([term], now=NOW).filters
    return found.predicates


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("stars:0", [Range(0, 0)]),
        ("stars:100..", [Range(100, None)]),
        ("stars:..500", [Range(None, 500)]),
        ("stars:10..20", [Range(10, 20)]),
        ("stars:1,5,10..20", [Range(1, 1), Range(5, 5), Range(10, 20)]),
        ("STARS:7", [Range(7, 7)]),
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
        ("license:MIT,BSD", [TextMatch("MIT"), TextMatch("BSD")]),
        ('title:"a, b",c', [TextMatch("a, b"), TextMatch("c")]),
        ('participant:"none"', [TextMatch("none")]),
        ('title:""', [Presence(present=False)]),
        ("title:a..b", [TextMatch("a..b")]),
        ('title:"1..2"', [TextMatch("1..2")]),
        ("participants:5..", [Range(5, None)]),
        ("grids:2..3", [Range(2, 3)]),
        ("grid:53", [TextMatch("53")]),
        ("forge:GitHub", [TextMatch("github")]),
        ("repo_state:none", [Presence(present=False)]),
        ("django:5.2", [TextMatch("5.2")]),
        ("django:none", [Presence(present=False)]),
        ("django:undeclared", [Undeclared()]),
        ("django:4.2..", [Range(40_002, None)]),
        ("django:..4", [Range(None, 49_999)]),
        ("python:3.9..3.13", [Range(30_009, 30_013)]),
        ("edited:docs", [TextMatch("documentation_url")]),
        ("failed:github", [TextMatch("github")]),
    ],
)
def test_filter_values_are_parsed(term: str, expected: list[Predicate]) -> None:
    assert parse_values(term) == tuple(expected)


@pytest.mark.parametrize(
    ("term", "parts"),
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
        ("version:2..", ["version", "text", "version:2.5.0", "not a range", "'2..'"]),
        ("requires_python:3.8..3.12", ["requires_python", "not a range"]),
        ("docs:..2", ["docs", "not a range"]),
        ("category:1..2", ["category", "not a range"]),
        ("forge:sourceforge", ["forge", "github", "forgejo"]),
        ("checked:twitter", ["checked", "catalog"]),
        ("edited:nothing", ["'nothing'"]),
    ],
)
def test_an_invalid_value_shows_valid_ones(term: str, parts: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_values(term)
    assert [part for part in parts if part not in f"{caught.value} {caught.value.hint}"] == []


def test_a_reversed_range_suggests_the_right_order() -> None:
    with pytest.raises(UsageError) as caught:
        parse_values("updated:6m..1y")
    assert caught.value.hint == "did you mean updated:1y..6m?"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("stars=100", "use stars:100"),
        ("stars>100", "use stars:100.."),
        ("stars<=100", "use stars:..100"),
        ("stars<10..20", "use stars:10..20"),
        ("stars>100,200", "for example: stars:100.."),
        ("stars>>>100", "use stars:100.."),
        ("stars:>100", "use stars:100.."),
        ("stars=many", "for example: stars:100.."),
        ("stars!=100", "use ^stars:100"),
        ("-stars>100", "use ^stars:100.."),
        ("license=MIT,BSD", "use license:MIT,BSD"),
        ("^license=MIT,BSD", "use ^license:MIT,BSD"),
        ("title=Hello world", 'use title:"Hello world"'),
        ("title=", 'for example: title:"django todo"'),
        ("archived=maybe", "for example: is:archived"),
        ("updated>soonish", "for example: updated:6m.."),
        ("django>=4.2", "use django:4.2.."),
        ("is=active,stale", "use is:active,stale"),
        ("is=activ", "use is:active"),
        ("is=", "use is:active"),
        (">" * 50, None),
        ("stars" + ">" * 5_000 + "1", "use stars:1.."),
    ],
)
def test_a_comparison_is_an_error_with_a_term_that_is_valid(typed: str, hint: str | None) -> None:
    if hint is None:
        assert parser.parse_query([typed], now=NOW).included_words == (typed,)
        return
    with pytest.raises(UsageError, match="is not a term") as caught:
        parser.parse_query([typed], now=NOW)
    assert caught.value.hint == hint
    assert parser.parse_query([hint.partition(" ")[2].removeprefix("example: ")], now=NOW).has_terms


@pytest.mark.parametrize(
    ("typed", "near"),
    [("starz>100", "stars"), ("-starz>100", "stars"), ("foo>=3", None), ("foo!=3", None), ("licence=MIT", "license")],
)
def test_a_comparison_with_an_unknown_field_is_an_error_with_the_nearest(typed: str, near: str | None) -> None:
    assert parser.is_term(typed)
    with pytest.raises(UsageError, match="unknown field") as caught:
        parser.parse_query([typed], now=NOW)
    assert caught.value.hint == (f"did you mean {near}?" if near else "djpkg fields lists all fields")


@pytest.mark.parametrize("word", ["foo=bar", "h2o>1", "=", "django-todo>=2", "a+b=c"])
def test_other_words_with_an_operator_are_words(word: str) -> None:
    assert parser.parse_query([word], now=NOW).included_words == (word,)
    assert not parser.is_term(word)
