"""A check finds the same packages as `list` and `fetch` for the same requirements."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from djpkg.mirror.connection import open_read, open_write
from djpkg.mirror.resolve import find_by_project
from tests.cli.running import run
from tests.mirrors import catalog_facts, filled_mirror

CATALOG = "https://djangopackages.org/api/v4"
NAMES = 120


def make_project(folder: Path, seed: int) -> Path:
    """Write a mirror and a file that requires its packages: by project, slug, repository, or not at all."""
    rng = random.Random(seed)  # noqa: S311 - not a secret
    records, lines = [], []
    for number in range(1, NAMES + 1):
        name = f"django-{number}"
        url = rng.choice(["", "", f" @ git+https://github.com/mara/{rng.choice([name, 'other'])}.git"])
        lines.append(name + url)
        records += [
            catalog_facts(
                number + copy * 1000,
                rng.choice([name, f"Django_{number}", f"other-{number}"]) + (".x" if copy else ""),
                repo_url=rng.choice(["", f"https://github.com/mara/{name}"]),
                pypi_url=rng.choice(["", "", name, f"other-{number}"]),
            )
            for copy in range(rng.choice([0, 1, 1, 1, 2]))
        ]
    mirror = filled_mirror(Path(os.environ["DJPKG_DB"]), records)
    with open_write(mirror) as db:
        db.execute("UPDATE packages SET slug = replace(slug, '.x', '')")
        removed = [(one.id,) for one in records if rng.random() < 0.3]
        db.executemany("UPDATE packages SET catalog_state = 'removed' WHERE id = ?", removed)
    file = folder / "requirements.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("seed", range(4))
def test_a_check_and_a_list_find_the_same_packages(tmp_path: Path, seed: int) -> None:
    file = make_project(tmp_path, seed)
    report = json.loads(run("check", str(file), "--json").out)
    assert report["unlisted"] == sorted(run("list", "-r", str(file), "--unlisted").lines)
    assert len(report["unlisted"]) > NAMES // 10
    found = {one["name"]: one["slug"] for one in report["packages"]}
    assert found.keys() | set(report["unlisted"]) == {f"django-{number}" for number in range(1, NAMES + 1)}
    urls = {line.split(" ")[0]: line.partition("+")[2] or None for line in file.read_text().splitlines()}
    by_slug = 0
    with open_read(Path(os.environ["DJPKG_DB"])) as db:
        for name, slug in found.items():
            numbers = find_by_project(db, name, urls[name], catalog=CATALOG)
            columns = "SELECT slug, pypi_name FROM packages WHERE id IN (SELECT value FROM json_each(?))"
            rows = dict(db.execute(columns, (str(numbers),)).fetchall())
            assert slug in rows
            by_slug += rows[slug] is None and urls[name] is None
    assert by_slug > 3


def test_an_archived_package_without_a_pypi_link_is_judged(tmp_path: Path) -> None:
    mirror = filled_mirror(
        Path(os.environ["DJPKG_DB"]), [catalog_facts(1, "django-old", repo_url="https://github.com/a/b", pypi_url="")]
    )
    with open_write(mirror) as db:
        db.execute("UPDATE packages SET archived = 1, repo_state = 'ok'")
    file = tmp_path / "requirements.txt"
    file.write_text("Django_Old==1.0\n")
    report = json.loads(run("check", str(file), "--fail-on", "archived", "--json").out)
    assert [one["slug"] for one in report["packages"]] == ["django-old"]
    assert "archived" in {finding["rule"] for finding in report["packages"][0]["findings"]}
    assert (report["exit"], report["unlisted"]) == (1, [])
