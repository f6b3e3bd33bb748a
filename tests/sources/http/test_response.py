"""Responses and credentials."""

from __future__ import annotations

import pytest

from djpkg.sources.http.response import Authorization, Response, to_single_line

CANARY = "glpat-canary"


def response(**headers: str) -> Response:
    return Response(status=200, headers=headers, body=b"", url="https://api.example/v1/things?page=1")


@pytest.mark.parametrize("etag", ['"a"', 'W/"a"', "x" * 256, "!~"])
def test_a_valid_etag_is_returned(etag: str) -> None:
    assert response(etag=etag).etag == etag


@pytest.mark.parametrize("etag", ["", '"é"', '"a b"', '"a"\n', "\x7f", "x" * 257])
def test_an_invalid_etag_is_none(etag: str) -> None:
    assert response(etag=etag).etag is None


def test_the_repr_of_an_authorization_hides_the_token() -> None:
    assert CANARY not in repr(Authorization(value=f"Bearer {CANARY}", origin="GITLAB_TOKEN"))


def test_text_of_a_server_becomes_one_short_line() -> None:
    assert to_single_line(" a\x1b[31m\n\tb\u202ec\x9b ") == "a [31m b c"
    assert to_single_line("x" * 10**6) == "x" * 199 + "…"
