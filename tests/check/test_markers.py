"""Which markers exclude a requirement on Linux: only those that certainly do not apply."""

from __future__ import annotations

import pytest

from djpkg.check.markers import applies
from djpkg.check.series import Series

PYTHON = Series(3, 12)


@pytest.mark.parametrize(
    "marker",
    [
        'sys_platform ~= "linux"', 'platform_machine ~= "x"', 'python_version ~= "abc"', 'platform_release >= "5.4"',
        'platform_release ~= "5.4"', 'platform_version >= "1"', 'platform_node == "x"', "no marker", "", "(" * 5000,
        'sys_platform ~= "linux" and python_version < "3.8"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("python", [PYTHON, None])
def test_a_marker_that_cannot_be_evaluated_excludes_nothing(marker: str, python: Series | None) -> None:
    assert applies(marker, python)


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ('python_version < "3.8" and extra == "x"', False),
        ('python_version >= "3.8" and extra == "x"', True),
        ('python_version < "3.8" or extra == "x"', True),
        ('extra == "a" and extra == "b"', True),
        ("'dev' in dependency_groups and sys_platform == 'win32'", False),
        ("sys_platform == 'linux' and 'dev' not in extras", True),
        ("python_version < '3.8' and os_name == 'extra'", False),
        ('python_full_version >= "3.12.4"', True),
        ('python_full_version < "3.12.4"', True),
        ('python_full_version >= "3.12.4" and python_full_version < "3.12.2"', False),
        ('python_full_version > "3.12.99"', False),
        ('python_full_version < "3.12"', False),
        ('implementation_version >= "3.12.7"', True),
        ('platform_python_implementation == "PyPy"', False),
    ],
)
def test_only_what_is_known_excludes(marker: str, expected: bool) -> None:  # noqa: FBT001 - the result
    assert applies(marker, PYTHON) is expected


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ('python_version < "3.8"', True),
        ('python_version in "3.8 3.9"', True),
        ('python_version < "3.8" and sys_platform == "win32"', False),
        ('implementation_name == "pypy"', False),
    ],
)
def test_an_unknown_python_excludes_nothing(marker: str, expected: bool) -> None:  # noqa: FBT001 - the result
    assert applies(marker, None) is expected
