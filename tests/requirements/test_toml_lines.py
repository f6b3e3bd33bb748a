from __future__ import annotations

import tomllib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.requirements.toml_lines import Path, TomlLines

ODD = ("a b", 'c"d', r"x\"")
LINES = [
    "# a comment = 1",
    'title = "[[not.a.table]]" # "project" = 2',
    'story = """',
    "project = 1",
    "[project]",
    r'\""" quoted""""',
    "",
    r"""[ "a b" . 'c"d'."x\"" ]   # [another]""",
    "key.sub = [",
    "  # none = 1",
    '  ["a"],',
    '  "b = c", {d = "e"},',
    "]",
    "after = ' # '",
    "raw = '''",
    "raw = 1",
    "'''''",
    "[[package]]",
    'name = "one"',
    "[package.metadata]",
    'name = "inner"',
    "[[package]]",
    'name = "two"',
    "dependencies = [",
    '  { name = "x" },',
    "]",
    "[[package.parts]]",
    "size = 1",
    "[[package.parts]]",
    "size = 2",
    "[last]",
]
TEXT = "\n".join(LINES)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("story",), 3),
        (("a b",), 8),
        (ODD, 8),
        ((*ODD, "key"), 9),
        ((*ODD, "key", "sub"), 9),
        ((*ODD, "key", "sub", "d"), 9),
        ((*ODD, "after"), 14),
        (("package",), 18),
        (("package", 0, "name"), 19),
        (("package", 0, "metadata", "name"), 21),
        (("package", 1), 22),
        (("package", 1, "name"), 23),
        (("package", 1, "dependencies", 0, "name"), 24),
        (("package", 1, "parts", 1, "size"), 30),
        (("last",), 31),
        (("project",), 1),
        ((), 1),
    ],
)
def test_lines_of_keys(path: Path, line: int) -> None:
    tomllib.loads(TEXT)
    assert TomlLines(TEXT).line_of(path) == line


def test_lines_of_strings() -> None:
    lines = TomlLines(TEXT)
    assert lines.line_of_string((*ODD, "key", "sub"), "a") == 11
    assert lines.line_of_string((*ODD, "key", "sub"), "b = c") == 12
    assert lines.line_of_string(("title",), "not there") == 2


PIECES = ["[", "]", "[[", "]]", "{", "}", '"', "'", "=", "\n", " ", "#", "a", "b.c", "1", ",", "\\"]


@given(st.lists(st.sampled_from(PIECES)))
@settings(derandomize=True, max_examples=300, deadline=None)
def test_any_text_is_scanned_and_every_key_has_a_line(pieces: list[str]) -> None:
    text = "".join(pieces)
    lines = TomlLines(text)
    with suppress(tomllib.TOMLDecodeError):
        for key in tomllib.loads(text):
            assert 1 <= lines.line_of((key,)) <= text.count("\n") + 1
            assert key in text.split("\n")[lines.line_of((key,)) - 1]
