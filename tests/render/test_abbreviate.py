from __future__ import annotations

import pytest

from djpkg.render.abbreviate import safe_link, short_count, short_requirement, short_url, short_versions
from djpkg.render.glyphs import ASCII, UNICODE


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (845, "845"),
        (999, "999"),
        (1000, "1.0k"),
        (5112, "5.1k"),
        (9949, "9.9k"),
        (9950, "10k"),
        (88_400, "88k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (2_000_000_000, "2.0G"),
        (10**14, "100000G"),
    ],
)
def test_numbers_are_shortened(number: int, shown: str) -> None:
    assert short_count(number) == shown


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        ([], ""),
        (["5.2"], "5.2"),
        (["6.0", "4.2", "5.10"], "4.2–6.0"),  # noqa: RUF001 - the dash is meant
        (["1.11", "2.2", "3.0"], "≤3.0"),
        (["1.8"], "1.8"),
        (["x", "5.2", "5.1\x1b"], "5.2"),
        (["5." + "9" * 5000, "4.2", "5.0"], "4.2–5." + "9" * 5000),  # noqa: RUF001 - the dash is meant
        (["5.2", "4.2"], "4.2, 5.2"),
        (["1.11", "2.0"], "≤2.0"),
    ],
)
def test_three_or_more_declared_versions_become_a_range(declared: list[str], shown: str) -> None:
    assert short_versions(declared, UNICODE) == shown


def test_up_to_three_versions_are_listed_where_there_is_room() -> None:
    assert short_versions(["4.2", "5.2", "6.0"], UNICODE, is_wide=True) == "4.2, 5.2, 6.0"
    assert short_versions(["1.8", "2.0", "3.0", "3.1"], ASCII, is_wide=True) == "1.8-3.1"


def test_requires_python_is_shown_with_mathematical_signs() -> None:
    assert short_requirement(">=3.8,<4, !=3.9.*", UNICODE) == "≥3.8, <4, !=3.9.*"
    assert short_requirement(">=3.8", ASCII) == ">=3.8"
    assert short_requirement("", UNICODE) == ""


def test_a_url_is_shown_without_its_scheme() -> None:
    assert short_url("HTTPS://github.com/a/b/") == "github.com/a/b"


@pytest.mark.parametrize(
    "url", ["https://github.com/a/b", "http://a.example:8080/?q=1#x", "https://a.example", "https://a.example/a;b"]
)
def test_a_plain_url_is_a_link(url: str) -> None:
    assert safe_link(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://a.example/",
        "https://github.com@evil.example/",
        "https://a.example/\x1b\\",
        "https://a.example/ b",
        "https://a.example/é",
        "https://а.example/",  # noqa: RUF001 - a Cyrillic letter
        "https://",
        "https:///a",
        "https://a.example\\@evil.example",
        "https://a.example/" + "x" * 3000,
        "https://a.example/\n",
        "",
    ],
)
def test_other_urls_are_not_links(url: str) -> None:
    assert safe_link(url) is None
