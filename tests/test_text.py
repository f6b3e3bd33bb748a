"""Text for messages."""

from __future__ import annotations

import time

import pytest

from djpkg.text import join_some, pluralize, quote_input, strip_credentials


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
        ("git@example.org:a/b@v1 git@example.org:a/b", "git@example.org:a/b@v1 git@example.org:a/b"),
        ("https://user:pa/ss@example.org/a", "https://example.org/a"),
        ("https://user:pa//ss@example.org", "https://example.org"),
        ("git+https://user:a@b/c@example.org:8443/x.git@v1.0", "git+https://example.org:8443/x.git@v1.0"),
        ("https://user:pa/ss@localhost/x", "https://localhost/x"),
        ("https://user:pa/ss@intranet", "https://intranet"),
        ("https://user:12/34@example.org/x", "https://example.org/x"),
        ("git+https://example.org:8443/a/b.git@v1.0", "git+https://example.org:8443/a/b.git@v1.0"),
        ("git+https://example.org/a/b.git@release/1", "git+https://example.org/a/b.git@release/1"),
        ("u:s3cretpass@h/x.txt", "h/x.txt"),
        ("--in=user:s@cret@example.org/x.txt 'me:pw@h'", "--in=example.org/x.txt 'h'"),
        ("me:pa/ss@example.org/x.txt", "example.org/x.txt"),
        ("pkg:pypi/django@4.2 docs:=a@b C:/x@y C:\\x@y", "pkg:pypi/django@4.2 docs:=a@b C:/x@y C:\\x@y"),
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


@pytest.mark.parametrize("piece", ["//:@", "//a:b", "a:", ":@", "u:p@h/", "//u:p/", "a:,", "a:/,"])
def test_long_texts_take_no_quadratic_time(piece: str) -> None:
    def seconds(number: int) -> float:
        started = time.process_time()
        quote_input(piece * 40 * number)
        strip_credentials(piece * number)
        return time.process_time() - started

    # Quadratic work takes 2,500 times as long for 50 times the text.
    assert seconds(50_000) < 400 * max(seconds(1_000), 0.001)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 requests"), (1, "1 request"), (2, "2 requests"), (1200, "1,200 requests")]
)
def test_only_one_is_singular(number: int, text: str) -> None:
    assert pluralize(number, "request") == text


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b and 1 more"), (["a"] * 1202, "a, a and 1,200 more")],
)
def test_some_of_many_names_are_examples(names: list[str], text: str) -> None:
    assert join_some(names, 2) == text
