from __future__ import annotations

import pytest

from djpkg.config import is_loopback
from djpkg.text import strip_credentials


@pytest.mark.parametrize(
    ("text", "kept"),
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
def test_who_asks_is_taken_out_of_an_address(text: str, kept: str) -> None:
    assert strip_credentials(text) == kept


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "127.999.1.1", "127.1", "127.0.0.1.example.org", "10.0.0.1", "::2", "localhost."])
def test_nothing_else_is_loopback(host: str) -> None:
    assert not is_loopback(host)
