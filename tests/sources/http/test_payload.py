"""Decoding and validation of JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from djpkg.errors import UnexpectedPayload
from djpkg.source_name import SourceName
from djpkg.sources.http.payload import (
    MAX_COUNT,
    MAX_TEXT,
    Count,
    check_path,
    clean_text,
    decode_json,
    normalize_time,
    parse_moment,
)


class Thing(msgspec.Struct):
    name: str
    stars: Count = 0
    parts: list[msgspec.Raw] = msgspec.field(default_factory=list)


THING = msgspec.json.Decoder(Thing)


def thing(body: bytes) -> Thing:
    return decode_json(THING, body, source="github")


def test_valid_json_is_decoded() -> None:
    assert thing('{"name": "ü", "stars": 3, "more": [{}]}'.encode()) == Thing("ü", 3)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON"),
        (b"<html>", "not valid JSON"),
        (b'{"name": "a"', "not valid JSON"),
        (b'{"name": "a"} x', "not valid JSON"),
        (b'{"name": "a", "x": NaN}', "not valid JSON"),
        (b'{"name": "\xff", "x": NaN}', "not valid JSON"),
        (b'{"name": "\xff", "x": ' + b"1" * 5000 + b"}", "not valid JSON"),
        (b'{"name": 1}', "at `$.name`"),
        (b'{"name": "a", "stars": true}', "at `$.stars`"),
        (b'{"name": "a", "stars": "1"}', "at `$.stars`"),
        (b'{"name": "a", "stars": -1}', "at `$.stars`"),
        (b'{"name": "a", "stars": %d}' % (MAX_COUNT + 1), "at `$.stars`"),
        (b'{"name": "a", "stars": ' + b"9" * 5000 + b"}", "at `$.stars`"),
        (b'{"stars": 1}', "`name`"),
        (b"[]", "expected `object`"),
        (b'{"name": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"x": ' * 1_000_000, "nested too deeply"),
    ],
)
def test_the_error_about_an_invalid_response_says_what_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(UnexpectedPayload) as caught:
        thing(body)
    assert message in str(caught.value)
    assert str(caught.value).startswith("github: the response is ")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'"a\\ud800b"', "a\ufffdb"),
        (b'"a\xffb"', "a\ufffdb"),
        (b'"a\tb\x00c"', "a\tb\x00c"),
        (b'"a\xffb\\u0001\\ud83d\\ude00\xf0\x9f\x98\x80"', "a\ufffdb\x01\U0001f600\U0001f600"),
    ],
)
def test_invalid_text_is_repaired(raw: bytes, name: str) -> None:
    assert thing(b'{"name": ' + raw + b', "parts": [{"a": "\\ud800"}]}').name == name


def test_raw_parts_of_a_repaired_response_can_be_decoded() -> None:
    part = thing(b'{"name": "a", "parts": [{"name": "\\ud800"}]}').parts[0]
    assert decode_json(THING, part, source="github") == Thing("\ufffd")


def test_the_largest_count_is_valid() -> None:
    assert thing(json.dumps({"name": "a", "stars": MAX_COUNT}).encode()).stars == MAX_COUNT


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("a\0b", "a\u2400b"),
        ("a\ud800b\udc00", "a\ufffdb\ufffd"),
        ("\U0001f600 ü \x1b\u202e", "\U0001f600 ü \x1b\u202e"),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        ("x" * (MAX_TEXT + 1), "x" * MAX_TEXT),
        ("x" + "\U0001f600" * MAX_TEXT, "x" + "\U0001f600" * (MAX_TEXT // 4 - 1)),
    ],
)
def test_a_text_is_cleaned_for_the_mirror(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_times_are_normalized_to_whole_seconds_of_utc() -> None:
    assert normalize_time("2026-01-05T23:59:59.999999-05:00", source="pypi") == "2026-01-06T04:59:59Z"
    assert normalize_time("2026-01-05T10:00:00", source="pypi") == "2026-01-05T10:00:00Z"
    assert parse_moment("2026-01-05T10:00:00Z", source="pypi") == datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "x" * 5000])
def test_an_invalid_time_is_an_error(text: str) -> None:
    with pytest.raises(UnexpectedPayload, match="invalid time") as caught:
        normalize_time(text, source="pypi")
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("name", ["a/b", "A-b/.c_d", "a/b.c"])
def test_a_valid_repository_name_is_returned_unchanged(name: str) -> None:
    assert check_path(name, host="github.com", source=SourceName.GITHUB) == name


@pytest.mark.parametrize(
    "name", ["", "a", "a/b/c", "a/b.git", "a/..", "../b", "a.b/c", "orgs/b", "a/b?c", "a/b\n", "ä/b"]
)
def test_an_invalid_repository_name_is_an_error(name: str) -> None:
    with pytest.raises(UnexpectedPayload, match="invalid repository name"):
        check_path(name, host="github.com", source=SourceName.GITHUB)
