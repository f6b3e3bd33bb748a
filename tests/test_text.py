"""Text for messages."""

from __future__ import annotations

import pytest

from djpkg.text import pluralize, quote_input, strip_credentials


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("https://user:secret@example.org/a", "https://example.org/a"),
        ("https://user:s@cr@t@example.org/a@v1", "https://example.org/a@v1"),
        ("https://token@example.org", "https://example.org"),
        ("//user:s@cret@example.org/a", "//example.org/a"),
        ("git+ssh://git@example.org:a/b and https://x:y@z.org", "git+ssh://example.org:a/b and https://z.org"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("https://user:se#cr?t@example.org/a", "https://example.org/a"),
        ("git@example.org:a/b", "git@example.org:a/b"),
        ("django-todo", "django-todo"),
    ],
)
def test_credentials_are_removed_from_urls(text: str, stripped: str) -> None:
    assert strip_credentials(text) == stripped


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("forms", "'forms'"),
        ("a\x1b[31m\n", r"'a\x1b[31m\n'"),
        ("x" * 60, f"'{'x' * 60}'"),
        ("x" * 61, f"'{'x' * 60}…'"),
        ("https://user:secret@example.org/a", "'https://example.org/a'"),
    ],
)
def test_quoted_input_is_escaped_shortened_and_without_credentials(text: str, quoted: str) -> None:
    assert quote_input(text) == quoted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 requests"), (1, "1 request"), (2, "2 requests"), (1200, "1,200 requests")]
)
def test_only_one_is_singular(number: int, text: str) -> None:
    assert pluralize(number, "request") == text
