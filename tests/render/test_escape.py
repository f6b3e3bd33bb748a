from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djpkg.model.fields import FIELDS, Kind, parse_columns
from djpkg.render.escape import escape, field_lines, field_text
from djpkg.render.glyphs import ASCII
from tests.render.samples import FORBIDDEN, VALUES, hostile_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ASCII stays", "plain ASCII stays"),
        ("ünïcödé and 日本語 stay", "ünïcödé and 日本語 stay"),
        ("a\x1b[31mred", "a^[[31mred"),
        ("bell\x07 nul\x00 del\x7f", "bell^G nul^@ del^?"),
        ("c1\x9b31m", "c1<U+009B>31m"),
        ("gpj\u202eexe", "gpj<U+202E>exe"),
        ("tag\U000e0041", "tag<U+E0041>"),
        ("lone\ud800", "lone<U+D800>"),
        ("private\ue000 none\uffff", "private<U+E000> none<U+FFFF>"),
        ("zero\u200bwidth\ufeff", "zero<U+200B>width<U+FEFF>"),
    ],
)
def test_control_and_invisible_characters_become_marks(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize("emoji", ["👩\u200d👩\u200d👧", "❤\ufe0f\u200d🔥", "🏳\ufe0f\u200d🌈", "👍🏽", "1\ufe0f\u20e3"])
def test_joiners_and_selectors_inside_emoji_are_kept(emoji: str) -> None:
    assert escape(f"so {emoji}!") == f"so {emoji}!"


@pytest.mark.parametrize("text", ["a\u200db", "a\ufe0f", "\u200d", "👩\u200d", "x\ufe0f\u200d👩", "漢\U000e0100"])
def test_joiners_and_selectors_elsewhere_are_marked(text: str) -> None:
    assert "<U+" in escape(text)


@pytest.mark.parametrize("separator", ["\t", "\n", "\r", "\r\n", "\u2028", "\u2029"])
def test_each_line_break_becomes_one_space(separator: str) -> None:
    assert escape(f"a{separator}b") == "a b"


def test_a_block_keeps_only_newlines_and_tabs() -> None:
    assert escape("a\r\nb\tc\rd\u2028e", block=True) == "a\nb\tc^Md<U+2028>e"


def test_text_beyond_the_limit_ends_with_the_ellipsis() -> None:
    assert escape("abcdef", limit=4) == "abc…"
    assert escape("abcd", limit=4) == "abcd"
    assert escape("abcdef", limit=4, ellipsis="...") == "abc..."


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_escaped_text_is_safe_and_escaping_again_changes_nothing(text: str) -> None:
    once = escape(text)
    assert not FORBIDDEN.search(once)
    assert "\n" not in once
    assert escape(once) == once


def test_the_ascii_set_escapes_other_characters() -> None:
    assert ASCII.escape("Müller 日") == "M\\xfcller \\u65e5"
    assert ASCII.escape("a" * 9, limit=4) == "aaa..."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (0, "0"),
        (True, "true"),
        (False, "false"),
        ("a\tb\nc", "a b c"),
        ([], "[]"),
        ([0, 1], "[0,1]"),
        (["a\x1b", "é"], '["a\\u001b","\\u00e9"]'),
        ({"pypi": "no answer"}, '{"pypi":"no answer"}'),
    ],
)
def test_a_value_is_one_line(value: object, shown: str) -> None:
    assert field_text(value) == shown  # type: ignore[arg-type]  # each row is a value


def test_a_flag_stored_as_a_number_is_true_or_false() -> None:
    assert field_text(1, Kind.FLAG) == "true"
    assert field_text(1, Kind.INTEGER) == "1"


def test_each_field_is_one_line() -> None:
    assert field_lines(VALUES, parse_columns("slug,stars,updated,participants")) == (
        "slug\tdjango-pots\n"
        "stars\t5112\n"
        "updated\t2026-11-01T09:00:00Z\n"
        'participants\t["mara","otto","dependabot[bot]","ines","wim"]\n'
    )


def test_hostile_texts_are_escaped_in_field_lines() -> None:
    chosen = parse_columns("slug,title,description,participants,failed")
    for seed in range(3000):
        text = hostile_text(seed)
        shown = field_lines(
            {"slug": text, "title": text, "repo_description": text, "participants": [text], "failed": {text: text}},
            chosen,
        )
        lines = shown.split("\n")
        assert len(lines) == len(chosen) + 1
        assert all(line.count("\t") == 1 for line in lines[:-1])
        assert not FORBIDDEN.search(shown.replace("\t", ""))
        assert json.loads(lines[3].partition("\t")[2]) == [text]


def test_every_field_has_a_line() -> None:
    assert len(field_lines(VALUES, parse_columns("all")).splitlines()) == len(FIELDS)


def test_the_non_joiner_of_persian_is_kept() -> None:
    assert escape("\u0645\u06cc\u200c\u062e\u0648") == "\u0645\u06cc\u200c\u062e\u0648"
