"""The whole report of ``djpkg check`` on projects as they are: a large lock file, and requirements for each purpose."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from djpkg.cli import options
from tests.check.directory import Package, make_directory
from tests.cli.running import run
from tests.mirrors import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable

FINE = [f"django-fine-{number:02}" for number in range(30)]
PACKAGES = (
    *map(Package, FINE),
    Package("django-yanked", yanked=("1.1",)),
    Package("django-gone", state="gone"),
    Package("django-archived", archived=True),
    Package("django-moved", state="moved"),
    Package("django-quiet-a", days=900),
    Package("django-quiet-b", days=901),
    Package("django-quiet-c", days=902),
    Package("django-old-a"),
    Package("django-old-b"),
    Package("django-old-c"),
)
LIBRARIES = [f"library-{number:03}" for number in range(107)]
UNLISTED = ["django", *LIBRARIES, "django-inhouse", "drf-inhouse"]
VERSIONS = {"django": "5.2.8", "django-yanked": "1.1"} | {f"django-old-{letter}": "1.1" for letter in "abc"}
REQUIRES = {
    "django-fine-00": ["django-gone", "django-quiet-c", "library-001"],
    **{LIBRARIES[number]: [LIBRARIES[number + 1]] for number in range(20, 106)},
}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_directory(Path(os.environ["DJPKG_DB"]), PACKAGES)
    monkeypatch.setattr(options, "now", lambda: NOW)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


def lock_text() -> str:
    """Return a uv.lock of 150 packages and the project, as uv writes it."""
    names = sorted([*(one.name for one in PACKAGES), *UNLISTED])
    brought_in = {name for required in REQUIRES.values() for name in required}
    lines = ["version = 1", "revision = 3", 'requires-python = ">=3.12"', "", "[[package]]", 'name = "shop"']
    lines += [
        'version = "0.1.0"',
        'source = { virtual = "." }',
        *needs(name for name in names if name not in brought_in),
    ]
    for name in names:
        lines += ["", "[[package]]", f'name = "{name}"', f'version = "{VERSIONS.get(name, "2.0")}"']
        lines += ['source = { registry = "https://index.example.org/simple" }', *needs(REQUIRES.get(name, ()))]
        lines += [
            "wheels = [",
            f'    {{ url = "https://files.example.org/{name}.whl", hash = "sha256:{"0f" * 32}" }},',
            "]",
        ]
    return "\n".join(lines) + "\n"


def needs(names: Iterable[str]) -> list[str]:
    found = [f'    {{ name = "{name}" }},' for name in names]
    return ["dependencies = [", *found, "]"] if found else []


def report_of(*arguments: str) -> tuple[int, list[str], str]:
    """Return the exit code, the lines, and the text in one line, of a check 80 columns wide."""
    result = run("check", *arguments)
    assert all(len(line) <= 80 for line in result.lines)
    return result.code, result.lines, " ".join(result.out.split())


def test_a_lock_of_150_packages_fails_for_the_one_yanked_pin_and_groups_its_notes() -> None:
    text = lock_text()
    Path("uv.lock").write_text(text, encoding="utf-8")
    line = {name: text.split("\n").index(f'name = "{name}"') + 1 for name in ("django", "django-yanked", "django-gone")}
    code, lines, flat = report_of()
    assert code == 1
    assert lines[:3] == [
        "uv.lock: 150 packages, 40 in the directory · Django 5.2.8 · mirror just fetched",
        "1 fails, 9 notes, 30 fine; 110 are not in the directory and not judged (-v)",
        "",
    ]
    assert [one for one in lines if one.startswith("FAIL")] == [
        f"FAIL  django-yanked 1.1              uv.lock:{line['django-yanked']}  direct"
    ]
    assert "yanked 1.1 is yanked (uploaded 2026-09-24) next 2.0 is out and declares Django 5.2 outdated" in flat
    assert sum(one.startswith("NOTE") for one in lines) == 5
    assert f"NOTE django-gone 2.0 uv.lock:{line['django-gone']} via django-fine-00 gone the repository is gone" in flat
    assert "archived the repository was archived on 2026-08-15; last release 2.0 on 2026-10-24 instead none kn" in flat
    assert "moved the repository moved to https://github.com/mara/django-moved-new NOTE" in flat
    assert "): django-quiet-a, django-quiet-b, django-quiet-c (via django-fine-00) NOTE" in flat
    assert "NOTE outdated (a newer release is out): django-old-a, django-old-b, django-old-c FINE 30 packages" in flat
    assert "SKIP not in the directory: django-inhouse, drf-inhouse and 108 more (-v)" in flat
    assert f"Django 5.2.8 (uv.lock:{line['django']} pins 5.2.8): 40 declared" in flat
    assert lines[-1] == "Python  3.12 (uv.lock:3 requires Python >=3.12)"


def test_a_lock_of_150_packages_passes_once_the_yanked_pin_is_replaced() -> None:
    Path("uv.lock").write_text(
        lock_text().replace('"django-yanked"\nversion = "1.1"', '"django-yanked"\nversion = "2.0"')
    )
    code, lines, _ = report_of()
    assert (code, lines[1][:33]) == (0, "nothing fails, 9 notes, 31 fine; ")


def test_requirements_for_each_purpose_with_different_pins_are_one_report() -> None:
    Path("requirements").mkdir()
    files = {
        "base.txt": "Django==5.2.8\ndjango-fine-00==2.0\ndjango-yanked>=1.0\ndjango-old-a==1.1\nrequests==2.32.0\n",
        "dev.txt": "-r base.txt\ndjango-yanked==1.1\ndjango-quiet-a==2.0\ndjango-inhouse\n",
        "prod.txt": "-r base.txt\nDjango==4.2.11\ndjango-yanked==2.0\ndjango-archived==2.0\n",
    }
    for name, text in files.items():
        Path("requirements", name).write_text(text, encoding="utf-8")
    code, lines, flat = report_of()
    assert code == 1
    assert lines[:2] == [
        "3 files: 8 packages, 5 in the directory · Django 5.2.8 · mirror just fetched",
        "1 fails, 4 notes, 1 fine; 3 are not in the directory and not judged (-v)",
    ]
    assert [one for one in lines if one.startswith("FAIL")] == [
        "FAIL  django-yanked 1.1              requirements/dev.txt:2 and 2 more  direct"
    ]
    places = "requirements/base.txt:3 >=1.0, requirements/dev.txt:2 ==1.1, requirements/prod.txt:3 ==2.0"
    assert f"places {places} yanked 1.1 is yanked" in flat
    assert [one.split("  ")[1] for one in lines if one.startswith("NOTE")] == [
        "django-archived 2.0",
        "django-quiet-a 2.0",
        "django-old-a 1.1",
        "requirements/prod.txt:2",
    ]
    assert "pins Django 4.2.11; checked against 5.2 (requirements/base.txt:1 pins 5.2.8)" in flat
    assert "FINE django-fine-00 SKIP not in the directory: django-inhouse and 2 more (-v) Files" in flat
