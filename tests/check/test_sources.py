"""Releases of what is installed from elsewhere than an index are not those on PyPI."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.check.directory import Package, make_directory
from tests.cli.running import run

POETRY = '[[package]]\nname = "django-yanked"\nversion = "1.1"\n%s[metadata]\nlock-version = "2.0"\n'
UV = 'version = 1\n[[package]]\nname = "django-yanked"\nversion = "1.1"\nsource = { %s }\n'
PDM = '[[package]]\nname = "django-yanked"\nversion = "1.1"\n%s = "x"\n[metadata]\nlock_version = "4"\n'
PYLOCK = 'lock-version = "1.0"\n[[packages]]\nname = "django-yanked"\nversion = "1.1"\n%s\n'
PIPFILE = '{"_meta": {}, "default": {"django-yanked": {"version": "==1.1", %s}}}'


def rules(folder: Path, name: str, text: str) -> set[str]:
    make_directory(Path(os.environ["DJPKG_DB"]), [Package("django-yanked", yanked=("1.1",))])
    (folder / name).write_text(text)
    (package,) = json.loads(run("check", str(folder / name), "--json").out)["packages"]
    return {finding["rule"] for finding in package["findings"]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", UV % 'git = "https://github.com/mara/django-yanked?rev=main#0f"'),
        ("uv.lock", UV % 'directory = "vendor/yanked"'),
        ("uv.lock", UV % 'path = "vendor/yanked.whl"'),
        ("uv.lock", UV % 'url = "https://example.org/yanked.whl"'),
        ("poetry.lock", POETRY % '[package.source]\ntype = "git"\nurl = "https://example.org/y"\n'),
        ("poetry.lock", POETRY % '[package.source]\ntype = "directory"\nurl = "vendor/yanked"\n'),
        ("poetry.lock", POETRY % '[package.source]\ntype = "file"\nurl = "vendor/yanked.whl"\n'),
        ("pdm.lock", PDM % "git"),
        ("pdm.lock", PDM % "path"),
        ("pdm.lock", PDM % "url"),
        ("pylock.toml", PYLOCK % 'vcs = { type = "git", url = "https://example.org/y" }'),
        ("pylock.toml", PYLOCK % 'directory = { path = "vendor" }'),
        ("pylock.toml", PYLOCK % 'archive = { url = "https://example.org/y.zip" }'),
        ("Pipfile.lock", PIPFILE % '"git": "https://example.org/y"'),
        ("Pipfile.lock", PIPFILE % '"path": "vendor"'),
        ("Pipfile.lock", PIPFILE % '"file": "vendor/y.whl"'),
        ("requirements.txt", "./vendor/django_yanked-1.1-py3-none-any.whl\n"),
        ("requirements.txt", "django-yanked @ https://example.org/django_yanked-1.1-py3-none-any.whl\n"),
        ("Pipfile", '[packages]\ndjango-yanked = {path = "vendor", version = "==1.1"}\n'),
    ],
)
def test_a_pin_from_elsewhere_is_neither_yanked_nor_outdated(tmp_path: Path, name: str, text: str) -> None:
    assert rules(tmp_path, name, text) == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", UV % 'registry = "https://example.org/simple"'),
        ("poetry.lock", POETRY % ""),
        ("poetry.lock", POETRY % '[package.source]\ntype = "legacy"\nurl = "https://example.org/simple"\n'),
        ("pdm.lock", PDM % "summary"),
        ("pylock.toml", PYLOCK % 'index = "https://example.org/simple"'),
        ("Pipfile.lock", PIPFILE % '"index": "pypi"'),
    ],
)
def test_a_pin_from_an_index_is_judged(tmp_path: Path, name: str, text: str) -> None:
    assert rules(tmp_path, name, text) == {"yanked", "outdated"}


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("django-gone @ git+https://github.com/shop/django-gone-fork@main", "note"),
        ("-e ./vendor/django-gone#egg=django-gone", "note"),
        ("git+https://github.com/mara/django-gone-fork.git#egg=django-gone", "note"),
        ("django-gone==2.0", "fail"),
        ("django-gone @ git+https://github.com/mara/django-gone.git@main", "fail"),
        ("django-gone @ git+ssh://git@github.com/Mara/Django-Gone", "fail"),
        ("django-gone @ https://github.com/mara/django-gone/archive/main.zip", "fail"),
        ("django-gone @ git+https://github.com/shop/fork\ndjango-gone==2.0", "fail"),
    ],
)
def test_the_repository_is_a_note_where_another_source_is_installed(tmp_path: Path, line: str, severity: str) -> None:
    make_directory(Path(os.environ["DJPKG_DB"]), [Package("django-gone", state="gone")])
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    (package,) = json.loads(run("check", str(tmp_path / "requirements.txt"), "--json").out)["packages"]
    (finding,) = package["findings"]
    assert (finding["rule"], finding["severity"]) == ("gone", severity)
    assert finding["message"].endswith("requirements.txt:1 installs it from another source") == (severity == "note")
