from __future__ import annotations

import pytest

from djpkg.requirements.version_ranges import pinned_version, python_marker, to_specifiers


@pytest.mark.parametrize(
    ("constraint", "specifiers"),
    [
        ("", [""]),
        ("*", [""]),
        ("^4.2", ["<5,>=4.2"]),
        ("^1.2.3", ["<2,>=1.2.3"]),
        ("^0.2.3", ["<0.3,>=0.2.3"]),
        ("^0.0.3", ["<0.0.4,>=0.0.3"]),
        ("^0.0", ["<0.1,>=0.0"]),
        ("^0", ["<1,>=0"]),
        ("^5.0b1", ["<6,>=5.0b1"]),
        ("~1", ["<2,>=1"]),
        ("~1.2", ["<1.3,>=1.2"]),
        ("~1.2.3", ["<1.3,>=1.2.3"]),
        ("~=4.2.1", ["~=4.2.1"]),
        ("4.2", ["==4.2"]),
        ("=4.2", ["==4.2"]),
        ("4.*", ["==4.*"]),
        (">=4.2, <6,!=5.0", ["!=5.0,<6,>=4.2"]),
        (">= 4.2 <6", ["<6,>=4.2"]),
        ("<>5", ["!=5"]),
        ("^3.2 || ^4.2", ["<4,>=3.2", "<5,>=4.2"]),
    ],
)
def test_constraints_of_poetry(constraint: str, specifiers: list[str]) -> None:
    assert list(to_specifiers(constraint)) == specifiers


@pytest.mark.parametrize("constraint", ["^", "^^4", "latest", ">=", "4.2 - 5", ",", "^x", "1 ==", "^" + "1" * 5_000])
def test_an_invalid_constraint_is_an_error(constraint: str) -> None:
    with pytest.raises(ValueError, match=r"invalid version constraint|4300"):
        to_specifiers(constraint)


@pytest.mark.parametrize(
    ("constraint", "marker"),
    [
        ("*", ""),
        ("<3.12", 'python_version < "3.12"'),
        ("^3.8", 'python_version < "4" and python_version >= "3.8"'),
        (">=3.8.1", 'python_full_version >= "3.8.1"'),
        ("3.9.* || >=3.11", 'python_version == "3.9.*" or python_version >= "3.11"'),
    ],
)
def test_constraints_on_python_are_markers(constraint: str, marker: str) -> None:
    assert python_marker(constraint) == marker


@pytest.mark.parametrize(
    ("specifier", "version"),
    [("==4.2", "4.2"), ("===4.2", "4.2"), ("==4.*", None), ("", None), (">=4,==4.2.1", "4.2.1"), ("~=4.2", None)],
)
def test_the_pinned_version(specifier: str, version: str | None) -> None:
    assert pinned_version(specifier) == version
