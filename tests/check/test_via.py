"""Who brings a dependency in, and what only a dependency that does not apply brings in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.check.directory import Package, make_directory
from tests.cli.running import run

UV = """version = 1
[[package]]
name = "shop"
version = "1"
source = { editable = "." }
dependencies = [{ name = "django-win", marker = "sys_platform == 'win32'" }, { name = "django-good" }%s]
[[package]]
name = "django-win"
version = "2.0"
dependencies = [{ name = "django-yanked" }]
[[package]]
name = "django-good"
version = "2.0"
dependencies = [%s]
[[package]]
name = "django-yanked"
version = "1.1"
dependencies = [{ name = "django-deep" }]
[[package]]
name = "django-deep"
version = "1.1"
dependencies = [{ name = "django-yanked" }]
"""
POETRY = """[[package]]
name = "django-good"
version = "2.0"
[package.dependencies]
django-yanked = {version = "*", markers = "sys_platform == 'win32'"}
[[package]]
name = "django-yanked"
version = "1.1"
[metadata]
lock-version = "2.0"
"""
PDM = """[[package]]
name = "django-good"
version = "2.0"
dependencies = ["django-yanked; sys_platform == 'win32'"]
[[package]]
name = "django-yanked"
version = "1.1"
[metadata]
lock_version = "4"
"""


def check(folder: Path, name: str, text: str, *options: str) -> tuple[dict[str, Any], list[str]]:
    """Return the checked packages by name, and those that markers exclude."""
    packages = [Package(one, yanked=("1.1",)) for one in ("django-win", "django-good", "django-yanked", "django-deep")]
    make_directory(Path(os.environ["DJPKG_DB"]), packages)
    (folder / name).write_text(text)
    report = json.loads(run("check", str(folder / name), "--json", *options).out)
    return {one["name"]: one for one in report["packages"]}, report["excluded_by_marker"]


@pytest.mark.parametrize(
    ("root", "edge"),
    [("", ""), ("", "{ name = 'django-yanked', marker = \"sys_platform == 'win32'\" }")],
)
def test_what_only_an_excluded_parent_brings_in_is_excluded(tmp_path: Path, root: str, edge: str) -> None:
    found, excluded = check(tmp_path, "uv.lock", UV % (root, edge))
    assert list(found) == ["django-good"]
    assert excluded == ["django-deep", "django-win", "django-yanked"]


@pytest.mark.parametrize(
    ("root", "edge", "direct", "via"),
    [
        ("", "{ name = 'django-yanked' }", False, ["django-deep", "django-good"]),
        (", { name = 'django-yanked' }", "", True, ["django-deep"]),
        (
            ", { name = 'django-yanked', marker = \"sys_platform == 'win32'\" }", "{ name = 'django-yanked' }", False,
            ["django-deep", "django-good"],
        ),
    ],
)  # fmt: skip
def test_an_excluded_parent_is_not_named(tmp_path: Path, root: str, edge: str, direct: bool, via: list[str]) -> None:  # noqa: FBT001 - the result
    found, excluded = check(tmp_path, "uv.lock", UV % (root, edge))
    assert (found["django-yanked"]["direct"], found["django-yanked"]["via"]) == (direct, via)
    assert excluded == ["django-win"]


@pytest.mark.parametrize(("name", "text"), [("poetry.lock", POETRY), ("pdm.lock", PDM)])
def test_the_markers_of_other_locks_count_too(tmp_path: Path, name: str, text: str) -> None:
    found, excluded = check(tmp_path, name, text)
    assert (list(found), excluded) == (["django-good"], ["django-yanked"])
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\ndependencies = ["django-yanked"]\n')
    found, excluded = check(tmp_path, name, text)
    assert (found["django-yanked"]["direct"], found["django-yanked"]["via"], excluded) == (True, [], [])


def test_a_cycle_that_nothing_else_requires_applies(tmp_path: Path) -> None:
    text = "django-deep==2.0  # via django-yanked\ndjango-yanked==2.0  # via django-deep\n"
    found, excluded = check(tmp_path, "requirements.txt", text + 'django-win; sys_platform == "win32"\n')
    assert (list(found), excluded) == (["django-deep", "django-yanked"], ["django-win"])


@pytest.mark.parametrize(
    ("via", "others"),
    [("", ""), ("  # via django-b", ""), ("  # via django-c", "django-c==2.0\n"), ("", "django-c==2.0\n")],
)
def test_a_cycle_without_a_parent_outside_is_direct(via: str, others: str) -> None:
    packages = [
        Package("django-a", requires=("django-b",), state="gone"), Package("django-b", requires=("django-a",)),
        Package("django-c", requires=("django-a",) if others else ()),
    ]  # fmt: skip
    make_directory(Path(os.environ["DJPKG_DB"]), packages)
    text = f"django-a==2.0{via}\ndjango-b==2.0{'  # via django-a' if via else ''}\n{others}"
    report = json.loads(run("check", "-", "--json", stdin=text).out)
    assert [one["direct"] for one in report["packages"]] == ([False, False, True] if others else [True, True])
    assert report["exit"] == (0 if others else 1)
