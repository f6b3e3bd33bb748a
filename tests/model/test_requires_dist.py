"""What a release requires, from the texts of its metadata."""

from __future__ import annotations

import pytest

from djpkg.model.facts import Requirement
from djpkg.model.requires_dist import django_specifier, is_optional, parse_requirements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Django", ("django", "", None)),
        ("Django (>=1.8)", ("django", ">=1.8", None)),
        ("django<6,>=4.2", ("django", ">=4.2,<6", None)),
        ("Zope.Interface[test]!=5.0,~=5.1", ("zope-interface", "~=5.1,!=5.0", None)),
        ("a_b; python_version<'3.9' and extra=='x'", ("a-b", "", 'python_version < "3.9" and extra == "x"')),
        ("pots @ https://example.org/pots.whl", ("pots", "", None)),
        ("pots (>=1.0,)", ("pots", ">=1.0", None)),
        ("pots >=not a version", ("pots", "", None)),
        ("pots >=not a version; extra == 'x'", ("pots", "", "extra == 'x'")),
    ],
)
def test_a_requirement_is_parsed(text: str, expected: tuple[str, str, str | None]) -> None:
    assert parse_requirements([text]) == (Requirement(*expected),)


@pytest.mark.parametrize("text", ["", "  ", ">=1", "[x]", "-", "\x00"])
def test_a_text_without_a_name_is_dropped(text: str) -> None:
    assert parse_requirements([text, "pots"]) == (Requirement("pots", "", None),)


def test_the_order_and_repetition_of_the_texts_do_not_matter() -> None:
    texts = ["b>=1", "a", 'b>=1; extra == "x"', "B >= 1"]
    assert parse_requirements(texts) == parse_requirements(texts[::-1])
    assert [one.requires for one in parse_requirements(texts)] == ["a", "b", "b"]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), None),
        (("django-filter>=2",), None),
        (("Django>=4.2",), ">=4.2"),
        (("DJANGO",), ""),
        (("django>=5; extra == 'new'",), None),
        (("django>=3.2; python_version < '3.10'", "django>=4.2; python_version >= '3.10'"), ">=3.2 or >=4.2"),
        (("django", "django>=4.2; python_version >= '3.10'"), ""),
    ],
)
def test_the_specifier_of_django(texts: tuple[str, ...], expected: str | None) -> None:
    assert django_specifier(parse_requirements(texts)) == expected


def test_a_requirement_of_an_extra_is_optional() -> None:
    texts = ["a", "b; python_version < '3.9'", "c; extra == 'x'", "d; python_version < '4' and 'x' == extra"]
    assert [is_optional(one) for one in parse_requirements(texts)] == [False, False, True, True]
