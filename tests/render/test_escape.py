from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djpkg.render.escape import escape, field_text
from djpkg.render.glyphs import ASCII
from tests.render.samples import FORBIDDEN


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


def test_the_non_joiner_of_persian_is_kept() -> None:
    assert escape("\u0645\u06cc\u200c\u062e\u0648") == "\u0645\u06cc\u200c\u062e\u0648"
