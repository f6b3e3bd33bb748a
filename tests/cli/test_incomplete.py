"""Messages of commands whose mirror lacks the catalog, and of settings and options that do not apply."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import complete
from tests.cli.running import run
from tests.mirrors import PACKAGES, filled_mirror

UNREAD = "the catalog was never read completely: the mirror has 1 package. Run djpkg fetch --all to get the rest\n"


@pytest.fixture
def mirror() -> Path:
    """A mirror of one package that was fetched by name."""
    return filled_mirror(Path(os.environ["DJPKG_DB"]), PACKAGES[:1])


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "no-such-word"),
        ("list", "--json"),
        ("grids",),
        ("grids", "--json"),
        ("changes",),
        ("changes", "is:archived"),
        ("compare", "is:archived"),
    ],
)
def test_a_selection_from_all_packages_says_that_the_catalog_was_never_read(
    mirror: Path, arguments: tuple[str, ...]
) -> None:
    result = run(*arguments)
    assert (result.code, result.err) == (0, UNREAD)
    complete(mirror)
    assert run(*arguments) == result._replace(err="")


@pytest.mark.parametrize("arguments", [("show", "1", "--json"), ("compare", "1"), ("changes", "1")])
def test_named_packages_need_no_catalog(mirror: Path, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("changes",), "no changes are known"),
        (("fetch", "--all", "--dry-run"), "this estimates the first fetch"),
        (("list",), "showing the packaged record"),
    ],
)
def test_without_a_mirror_a_command_says_what_it_shows(arguments: tuple[str, ...], shown: str) -> None:
    result = run(*arguments)
    assert result.code == 0
    assert result.err.startswith(f"there is no mirror at {os.environ['DJPKG_DB']} yet; {shown}. Run djpkg fetch --all")
    assert "the catalog was never read" not in result.err


@pytest.mark.parametrize("value", ["x", "git.example.org=cvs"])
@pytest.mark.parametrize(
    "arguments",
    [("show", "1"), ("list",), ("grids",), ("changes",), ("compare", "1"), ("status",), ("edit", "1", "note=x")],
)
def test_an_invalid_list_of_forges_is_an_error_in_every_command(
    mirror: Path, arguments: tuple[str, ...], value: str
) -> None:
    result = run(*arguments, env={"DJPKG_FORGES": value})
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("djpkg: DJPKG_FORGES: ")


@pytest.mark.parametrize("since", ["-1d", "1d..", "-2025"])
def test_a_time_before_now_has_no_sign(mirror: Path, since: str) -> None:
    result = run("changes", "--since", since)
    assert result.code == 2
    assert result.err.startswith(f"djpkg: invalid --since '{since}'")


@pytest.mark.parametrize("flags", [(), ("-v",), ("--dry-run",), ("--json",)])
def test_a_source_that_a_named_package_does_not_have_is_reported(mirror: Path, flags: tuple[str, ...]) -> None:
    result = run("fetch", "1", "--source", "gitlab", *flags)
    assert result.code == 0
    assert result.err.startswith("djpkg: django-pots has no repository on GitLab; nothing to fetch\n")
    assert not result.out or json.loads(result.out)["failures"] == []


def test_every_source_that_does_not_apply_is_named(mirror: Path) -> None:
    result = run("fetch", "1", "--source", "gitlab", "--source", "bitbucket", "--dry-run")
    assert result.err == "djpkg: django-pots has no repository on GitLab or Bitbucket; nothing to fetch\n"


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_packages_of_a_file_are_not_reported_with_the_named_ones(tmp_path: Path, flags: tuple[str, ...]) -> None:
    complete(filled_mirror(Path(os.environ["DJPKG_DB"]), PACKAGES))
    (tmp_path / "requirements.txt").write_text("django-pans\n")
    result = run("fetch", "1", "-r", str(tmp_path / "requirements.txt"), "--source", "gitlab", *flags)
    assert result.code == 0
    assert result.err == "djpkg: django-pots has no repository on GitLab; nothing to fetch\n"
