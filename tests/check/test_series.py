"""Whether specifiers admit releases of a series, against `packaging`, which tries every release."""

from __future__ import annotations

import random

import pytest
from packaging.specifiers import SpecifierSet

from djpkg.check.series import Series, lowest_series, match_specifier, parse_series

OPERATORS = (">=", ">", "<", "<=", "==", "!=", "~=", "==*", "!=*")


def random_clause(rng: random.Random) -> str:
    operator = rng.choice(OPERATORS)
    numbers = [rng.randint(2, 6)]
    if operator == "~=" or rng.random() < 0.9:
        numbers.append(rng.randint(0, 3))
    if len(numbers) > 1 and rng.random() < 0.4:
        numbers.append(rng.choice((0, 1, 5, 98, 99, 100, 150)))
    version = ".".join(map(str, numbers))
    if operator.endswith("*"):
        return f"{operator[:2]}{version}.*"
    return operator + version + (rng.choice(("rc1", ".dev1", ".post1", "a1")) if rng.random() < 0.05 else "")


@pytest.mark.parametrize("seed", range(6))
def test_random_specifiers_admit_what_packaging_admits(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - not a secret
    for _ in range(150):
        specifier = ",".join(random_clause(rng) for _ in range(rng.choice((1, 1, 2, 2, 3))))
        series = Series(rng.randint(3, 6), rng.randint(0, 3))
        parsed = SpecifierSet(specifier)
        truth = any(parsed.contains(f"{series}.{micro}", prereleases=True) for micro in range(100))
        assert (specifier, match_specifier(specifier, series).admits) == (specifier, truth)


@pytest.mark.parametrize(
    ("specifier", "series", "is_ahead"),
    [
        (">=5.2,!=5.2.*", "5.2", True), (">=5.2rc1,!=5.2.*", "5.2", True), ("~=5.2,!=5.2.*", "5.2", True),
        (">=4.2,!=5.2.*", "5.2", False), (">=5.2,<5.3,!=5.2.*", "5.2", False), (">=5.2.8,<5.2.3", "5.2", False),
        (">=5.0", "4.2", True), (">5.2.99", "5.2", True), (">=5.2.100", "5.2", True), ("==6.0", "5.2", True),
        ("~=5.2.0", "5.1", True), (">=5.2rc1", "5.1", True), ("==6.0.*", "5.2", True), (">=5.0,<6", "4.2", True),
        ("<5.0", "5.2", False), ("<5.2", "5.2", False), ("~=4.2", "5.0", False), ("==4.2", "5.2", False),
        ("!=5.2.*", "5.2", False), ("<5.2rc1", "5.2", False), (">=3.2,<4.0", "4.0", False),
    ],
)  # fmt: skip
def test_what_admits_nothing_lies_above_the_series_or_excludes_it(
    specifier: str,
    series: str,
    is_ahead: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    parsed = parse_series(series)
    assert parsed is not None
    assert match_specifier(specifier, parsed) == (False, is_ahead)


def test_an_invalid_specifier_excludes_nothing() -> None:
    assert match_specifier("~=5", Series(4, 2)).admits
    assert match_specifier("what", Series(4, 2)).admits


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("5.2", "5.2"),
        ("5.2.8", "5.2"),
        ("5.2rc1", "5.2"),
        ("v5.2", "5.2"),
        ("4.10", "4.10"),
        ("5.2.8+acme1", "5.2"),
        ("5.2.post1", "5.2"),
        (" 5.2 ", "5.2"),
        ("5.2rabbit", "None"),
        ("5.2.x", "None"),
        ("1!5.2", "None"),
        ("5.12345", "None"),
        ("5", "None"),
        ("x", "None"),
    ],
)
def test_the_series_of_a_version(text: str, series: str) -> None:
    assert str(parse_series(text)) == series


@pytest.mark.parametrize(
    ("specifier", "series"),
    [
        (">=3.10", "3.10"),
        (">3.9", "3.9"),
        ("~=3.11", "3.11"),
        ("==3.12.*", "3.12"),
        (">=3.9.2,<4", "3.9"),
        ("<4", "None"),
    ],
)
def test_the_lowest_series_of_a_specifier(specifier: str, series: str) -> None:
    assert str(lowest_series(specifier, [Series(3, minor) for minor in range(100)])) == series
