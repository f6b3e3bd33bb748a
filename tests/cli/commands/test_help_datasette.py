"""The configuration of `djpkg help datasette`, read by Datasette itself."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
from contextlib import closing
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.mirror.connection import create_in_memory
from djpkg.times import format_sortable, utc_now
from tests.cli.running import run, run_on_pty
from tests.mirrors import fetched_mirror

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A mirror with a released, a required archived, and an unknown package; some dates are those of today."""
    path = fetched_mirror(tmp_path / "mirror.db", now=utc_now())
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE packages SET released_utc = ? WHERE slug = 'django-pots'", (format_sortable(utc_now()),))
        db.execute("UPDATE packages SET used_by = 3 WHERE slug IN ('Django_Kiln', 'django-pots')")
    return path


def configuration(*arguments: str) -> dict[str, Any]:
    # Datasette takes long to import: not in each process that collects tests.
    from datasette.utils import parse_metadata  # type: ignore[import-untyped]  # noqa: PLC0415

    found: dict[str, Any] = parse_metadata(run("help", "datasette", *arguments).out)
    return found


def get(path: Path, *urls: str, metadata: bool = True) -> list[str]:
    """Return the pages of a site that was started with -c, and with -m."""
    from datasette.app import Datasette  # type: ignore[import-untyped]  # noqa: PLC0415 - see above

    config = configuration("--db", str(path))

    async def fetch() -> list[str]:
        site = Datasette([str(path)], config=config, metadata=config if metadata else None)
        await site.invoke_startup()
        responses = [await site.client.get(url) for url in urls]
        assert [response.status_code for response in responses] == [200] * len(urls)
        site.close()
        return [response.text for response in responses]

    return asyncio.run(fetch())


def rows(path: Path, query: str) -> list[dict[str, Any]]:
    (answer,) = get(path, f"/mirror/{query}")
    found: list[dict[str, Any]] = json.loads(answer)["rows"]
    return found


def text(page: str) -> str:
    """Return the text of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def test_every_table_and_column_exists() -> None:
    config = configuration()
    with closing(create_in_memory()) as db:
        for table, settings in config["databases"]["mirror"]["tables"].items():
            columns = {row[1] for row in db.execute(f"PRAGMA table_xinfo({table})")}
            facets = [one if isinstance(one, str) else next(iter(one.values())) for one in settings.get("facets", [])]
            named = {*settings.get("columns", {}), *facets, settings.get("label_column"), settings.get("sort_desc")}
            assert named - {None} <= columns, table
        described = config["databases"]["mirror"]["tables"]["packages"]["columns"]
        stored = {row[1] for row in db.execute("PRAGMA table_info(packages)")}
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {name for name in tables if not name.startswith("packages_fts")} == {
        *config["databases"]["mirror"]["tables"]
    }
    assert {name for name in stored - described.keys() if not name.endswith("_utc")} == set()


def test_the_site_has_titles_descriptions_and_queries(path: Path) -> None:
    home, database, packages = map(text, get(path, "/", "/mirror", "/mirror/packages"))
    assert "Django packages" in home
    for title in ("Dead and load-bearing", "Released this week", "Packages for a Django version"):
        assert title in database
    assert "One row per package." in packages
    assert "the newest release" in packages  # the description of pypi_version


def test_packages_have_facets_the_most_stars_first_and_a_search(path: Path) -> None:
    facets, searched = get(path, "/mirror/packages.json?_extra=facet_results", "/mirror/packages.json?_search=kiln")
    found = json.loads(facets)
    assert [row["slug"] for row in found["rows"]][:2] == ["django-pots", "Django_Kiln"]
    results = found["facet_results"]["results"]
    assert set(results) == {"category", "forge", "catalog_state", "archived", "django_versions"}
    assert {one["value"] for one in results["django_versions"]["results"]} == {"4.2", "5.2"}
    assert [row["slug"] for row in json.loads(searched)["rows"]] == ["Django_Kiln"]


def test_links_lead_to_the_catalog_and_the_repository(path: Path) -> None:
    (page,) = get(path, "/mirror/packages_for_django?django=5.2")
    for url in ("https://djangopackages.org/packages/p/django-pots/", "https://github.com/mara/django-pots"):
        assert f'href="{url}"' in page


def test_dead_and_load_bearing_packages_are_those_that_others_require(path: Path) -> None:
    (found,) = rows(path, "dead_and_load_bearing.json")
    assert (found["slug"], found["state"], found["used_by"]) == ("Django_Kiln", "archived", 3)


def test_released_this_week_are_those_of_the_last_seven_days(path: Path) -> None:
    assert [row["slug"] for row in rows(path, "released_this_week.json")] == ["django-pots"]


@pytest.mark.parametrize(("version", "slugs"), [("5.2", ["django-pots"]), ("5.1", []), ("", [])])
def test_packages_for_a_django_version_declare_it(path: Path, version: str, slugs: list[str]) -> None:
    assert [row["slug"] for row in rows(path, f"packages_for_django.json?django={version}")] == slugs


def test_the_states_are_those_of_list(path: Path) -> None:
    listed = json.loads(run("list", "--json", "-f", "slug,state", "--db", str(path)).out)
    found = rows(path, "packages_for_django.json?django=5.2")
    assert [{"slug": row["slug"], "state": row["state"]} for row in found] == [
        one for one in listed if one["slug"] == "django-pots"
    ]


def test_with_c_alone_the_site_has_facets_and_queries(path: Path) -> None:
    database, packages = get(path, "/mirror", "/mirror/packages.json?_extra=facet_results", metadata=False)
    assert "Dead and load-bearing" in text(database)
    assert "forge" in json.loads(packages)["facet_results"]["results"]


def test_a_mirror_of_another_name_has_its_own_configuration(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "my mirror: 2.db"
    shutil.copy(path, other)
    config = configuration("--db", str(other))
    assert list(config["databases"]) == ["my mirror: 2"]
    assert config["databases"]["my mirror: 2"] == configuration()["databases"]["mirror"]


def test_a_terminal_shows_what_a_pipe_gets() -> None:
    assert run_on_pty("help", "datasette", width=300).lines == run("help", "datasette").lines


def test_its_command_names_the_mirror_that_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = str(tmp_path / "my team.sqlite")
    command = f"djpkg help datasette --db '{other}'"
    assert f"\n#   datasette '{other}' -c <({command}) -m <({command})\n" in run("help", "datasette", "--db", other).out
    monkeypatch.setenv("DJPKG_DB", "/srv/team.db")
    command = "djpkg help datasette"
    assert f"\n#   datasette /srv/team.db -c <({command}) -m <({command})\n" in run("help", "datasette").out
