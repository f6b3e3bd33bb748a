"""Answers as the sources see them, and tokens as they are taken in."""

from __future__ import annotations

import pytest

from djpkg.errors import ConfigError
from djpkg.sources.http.response import Authorization, Response, to_single_line

CANARY = "glpat-canary"


def reply(**headers: str) -> Response:
    return Response(status=200, headers=headers, body=b"", url="https://api.example/v1/things?page=1")


@pytest.mark.parametrize("etag", ['"a"', 'W/"a"', "x" * 256, "!~"])
def test_an_etag_that_can_be_sent_back_is_kept(etag: str) -> None:
    assert reply(etag=etag).etag == etag


@pytest.mark.parametrize("etag", ["", '"é"', '"a b"', '"a"\n', "\x7f", "x" * 257])
def test_an_etag_that_cannot_be_sent_back_is_none(etag: str) -> None:
    assert reply(etag=etag).etag is None


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://api.example/v1/things?page=2>; rel="next"', "https://api.example/v1/things?page=2"),
        ("<https://api.example:443/x>; rel=next", "https://api.example:443/x"),
        ('</a>; rel="first", </b>; title="x"; REL="prev Next"', "https://api.example/b"),
        ('<?page=2>; rel="next"', "https://api.example/v1/things?page=2"),
        ('<?a=1,2;3>; rel="next"', "https://api.example/v1/things?a=1,2;3"),
        ("</a>; rel=last", None),
        ("</a>; nonsense", None),
        ("<" * 5000, None),
        ("", None),
    ],
)
def test_the_address_of_a_link_is_found_by_its_relation(header: str, target: str | None) -> None:
    assert reply(link=header).link("next") == target


@pytest.mark.parametrize("target", ["javascript:alert(1)", "https://[/", "/a b", "/é", "", "mailto:a@b"])
def test_a_link_to_what_is_no_address_is_not_taken_for_the_end_of_a_list(target: str) -> None:
    found = reply(link=f'<{target}>; rel="next"').link("next")
    assert found is not None
    assert "://" in found


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("Bearer abc\n", "Bearer abc"),
        ("Bearer  abc ", "Bearer abc"),
        ("token abc", "token abc"),
        ("\tabc\r\n", "abc"),
    ],
)
def test_blanks_around_a_token_are_taken_off(value: str, kept: str) -> None:
    auth = Authorization(header="Authorization", value=value, variable="GH_TOKEN")
    assert (auth.value, auth.token) == (kept, "abc")


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        f"Bearer {CANARY} x",
        f"{CANARY} x",
        f"Bearer {CANARY}\x00",
        f"{CANARY}é",
        f"{CANARY}\nx",
    ],
)
def test_a_token_that_no_header_can_carry_is_named_by_its_variable_alone(value: str) -> None:
    with pytest.raises(ConfigError, match="GITLAB_TOKEN holds no usable token") as caught:
        Authorization(header="PRIVATE-TOKEN", value=value, variable="GITLAB_TOKEN")
    assert CANARY not in str(caught.value)


def test_a_token_is_not_in_a_repr() -> None:
    assert CANARY not in repr(Authorization(header="PRIVATE-TOKEN", value=CANARY, variable="GITLAB_TOKEN"))


def test_foreign_words_become_one_short_line() -> None:
    assert to_single_line(" a\x1b[31m\n\tb\u202ec\x9b ") == "a [31m b c"
    assert to_single_line("x" * 10**6) == "x" * 199 + "…"
