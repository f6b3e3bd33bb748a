"""The short way of parsing requirements and markers has the same results as `packaging`."""

from __future__ import annotations

import random

import pytest
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from djpkg.check.markers import applies
from djpkg.check.series import Series
from djpkg.requirements.requirement import Mention
from djpkg.requirements.simple_requirement import parse_simple
from djpkg.requirements.version_ranges import pinned_version

PARTS = (
    "a", "Z", "0", "-", "_", ".", "==", ">=", "<", ">", "!=", "~=", "<=", "1", "2.0", "10", " ", ",", "1.0", "==1", "*",
    "!",
    "; ", ";", "python_version", "sys_platform", '"3.9"', "'win32'", "extra", " and ",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_random_texts_are_parsed_as_packaging_parses_them(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - not a secret
    parsed = 0
    for _ in range(20_000):
        text = "".join(rng.choice(PARTS) for _ in range(rng.randint(1, 10))).strip()
        if rng.random() < 0.3:
            operator = rng.choice(("==", "!=", "<", ">="))
            text += f" ;{rng.choice(('python_version', 'sys_platform'))} {operator}{rng.choice(PARTS[-4:-2])}"
        found = parse_simple(text, "file", 1)
        if found is None:
            continue
        parsed += 1
        try:
            other = Requirement(text)
        except InvalidRequirement:
            pytest.fail(f"{text!r} is invalid")
        specifier, marker = str(other.specifier), str(other.marker) if other.marker else None
        name, pin = canonicalize_name(other.name), pinned_version(specifier)
        assert found == Mention(name, "file", 1, None, specifier, marker, version=pin)
    assert parsed > 500


@pytest.mark.parametrize("operator", ["==", "!=", "<=", ">=", "<", ">"])
@pytest.mark.parametrize("value", ["3", "3.9", "3.12", "3.12.0", "3.12.1", "3.13", "4", "2.7"])
def test_comparisons_with_python_are_those_of_packaging(operator: str, value: str) -> None:
    marker = f'python_version {operator} "{value}"'
    truth = Marker(marker).evaluate({"python_version": "3.12", "python_full_version": "3.12.0"})
    assert applies(marker, Series(3, 12)) == truth
    assert applies(marker, None)


@pytest.mark.parametrize("operator", ["==", "!=", "<", ">="])
@pytest.mark.parametrize("value", ["linux", "win32", "darwin"])
def test_comparisons_with_the_platform_are_those_of_packaging(operator: str, value: str) -> None:
    marker = f'sys_platform {operator} "{value}"'
    assert applies(marker, Series(3, 12)) == Marker(marker).evaluate({"sys_platform": "linux"})
