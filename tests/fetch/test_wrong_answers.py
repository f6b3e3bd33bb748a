"""Answers about something else, oversized records and closed sources, from the network to the mirror."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.config import API_BY_SOURCE
from djpkg.fetch import run
from djpkg.fetch.progress import NoProgress
from djpkg.fetch.report_text import causes, closed_lines, error_lines, summary_lines
from djpkg.fetch.request import FetchRequest
from djpkg.mirror import listing
from djpkg.mirror.connection import open_read
from djpkg.model import fields
from djpkg.model.facts import Outcome
from djpkg.query.parser import parse_query
from djpkg.source_name import SourceName
from djpkg.times import format_time
from tests.fetching import Desk, add_starter, quick_folder
from tests.world import GITHUB as GITHUB_HOST
from tests.world import GITLAB, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.world import WorldServer

CATALOG, GITHUB, PYPI = SourceName.CATALOG, SourceName.GITHUB, SourceName.PYPI
REPLY = json.loads((Path(__file__).parents[1] / "data" / "django-todo.json").read_text(encoding="utf-8"))


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    world.add_package("other", stars=3, commits=[5], releases=[("1.0", 3)])
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    server.quota("github", authorised=False).limit = 1000
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db")


def snapshot(desk: Desk) -> list[Any]:
    return desk.rows("SELECT id, slug, title, repo_url, catalog_state, pypi_version, repo_watchers FROM packages")


# The catalog.


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", ["2048", "https://djangopackages.org/packages/p/2048/"])
def test_a_slug_of_digits_is_fetched(desk: Desk, name: str, *, known: bool) -> None:
    package = desk.world.add_package("2048", stars=1, path="acme/number")
    if known:
        desk.fetch()
    report = desk.fetch(name)
    assert (report.exit_code, report.unknown, report.failures) == (0, {}, [])
    assert desk.rows("SELECT id, catalog_state FROM packages WHERE slug = '2048'") == [(package.id, "listed")]


def test_a_removed_package_whose_id_is_a_slug_is_removed(desk: Desk) -> None:
    gone = desk.world.add_package("gone")
    desk.fetch()
    desk.world.remove_package("gone")
    desk.world.add_package(str(gone.id), id=gone.id + 1, stars=1, path="acme/number")
    report = desk.fetch("gone")
    assert report.failures == []
    assert desk.rows("SELECT catalog_state FROM packages WHERE id = ?", (gone.id,)) == [("removed",)]


@pytest.mark.parametrize("name", ["django-todo", "409", "https://djangopackages.org/packages/p/django-todo/"])
def test_a_named_package_that_is_answered_with_another_one_fails(desk: Desk, server: WorldServer, name: str) -> None:
    desk.begin_with("other")
    before = snapshot(desk)
    server.fault("catalog", "/packages/409/", kind="rewrite", rewrite=lambda it: it | {"id": 77, "slug": "todo"})
    report = desk.fetch(name, sources=["catalog"])
    assert report.exit_code == 1
    assert error_lines(report) == ["catalog: got an answer about package 77 (todo) instead of 409 (django-todo)"]
    assert (snapshot(desk), desk.events()) == (before, [])
    assert "package 77" in desk.field("django-todo", "failed")["catalog"]


def test_an_unknown_slug_that_is_answered_with_another_package_fails(desk: Desk, server: WorldServer) -> None:
    desk.begin_with("other")
    before = snapshot(desk)
    server.fault("catalog", "/packages/new/", status=200, body=REPLY)
    report = desk.fetch("new")
    assert error_lines(report) == ["catalog: got an answer about package 409 (django-todo) instead of new (new)"]
    assert snapshot(desk) == before


def test_a_slug_that_the_catalog_redirects_is_followed(desk: Desk, server: WorldServer) -> None:
    desk.fetch(sources=["catalog"])
    server.fault(
        "catalog", "/packages/former/", kind="redirect", status=301, location="/catalog/api/v4/packages/other/"
    )
    assert desk.fetch("former", sources=["catalog"]).exit_code == 0
    server.faults.clear()
    server.fault("catalog", "/packages/409/", kind="redirect", status=301, location="/catalog/api/v4/packages/other/")
    report = desk.fetch("409", sources=["catalog"])
    assert "instead of 409" in error_lines(report)[0]
    assert desk.field("django-todo", "catalog_state") == "listed"


def test_a_package_is_not_removed_by_an_answer_about_another_one(desk: Desk, server: WorldServer) -> None:
    for number in range(20):  # so that one missing package is less than a tenth
        desk.world.add_package(f"p{number}", repo_url="", pypi_url="")
    desk.fetch()

    def hide(page: Any) -> Any:
        page["results"] = [record for record in page["results"] if record["id"] != 409]
        return page

    server.fault("catalog", r"^/packages/\?", kind="rewrite", rewrite=hide)
    server.fault("catalog", "/packages/409/", status=200, body=REPLY | {"id": 77})
    desk.advance(days=2)
    report = desk.fetch(sources=["catalog"])
    assert report.exit_code == 5
    assert "instead of 409 (django-todo)" in error_lines(report)[0]
    assert desk.field("django-todo", "catalog_state") == "listed"


# PyPI.


def test_metadata_of_another_project_changes_nothing(desk: Desk, server: WorldServer) -> None:
    desk.begin_with("other")
    before = snapshot(desk)
    desk.world.release("other", "66.6")

    def rename(body: Any) -> Any:
        body["info"]["name"] = "Evil.Thing"
        return body

    server.fault("pypi", "/pypi/other/", kind="rewrite", rewrite=rename)
    for names in ([], ["other"]):
        report = desk.fetch(*names, sources=["pypi"])
        assert error_lines(report) == ["pypi: got an answer about 'Evil.Thing' instead of other (other)"]
        assert snapshot(desk) == before


def test_a_name_in_another_spelling_is_the_same_project(desk: Desk, server: WorldServer) -> None:
    def spell(body: Any) -> Any:
        body["info"]["name"] = "OTHER"
        return body

    server.fault("pypi", "/pypi/other/", kind="rewrite", rewrite=spell)
    assert desk.fetch("other").exit_code == 0


# Repositories.


@pytest.mark.parametrize("token", [False, True])
def test_another_repository_under_a_known_name_changes_nothing(*, desk: Desk, server: WorldServer, token: bool) -> None:
    desk.tokens = server.token_env() if token else {}
    desk.world.add_package("lab", host=GITLAB, path="acme/lab", stars=8, commits=[3], releases=[("1.0", 2)])
    desk.fetch()
    before = snapshot(desk)
    desk.world.delete("acme/other")
    desk.world.add_repository("acme/other", stars=1, commits=[1])
    desk.world.add_repository("acme/lab", host=GITLAB, stars=1, commits=[1])
    for names in ([], ["other", "lab"]):
        report = desk.fetch(*names)
        assert report.exit_code == 5
        assert sorted(line.partition(" is another")[0] for line in error_lines(report)) == [
            "github: acme/other",
            "gitlab: acme/lab",
        ]
        assert (snapshot(desk), desk.events()) == (before, [])


def test_a_moved_repository_is_followed_when_its_old_name_is_used_again(desk: Desk) -> None:
    desk.begin_with("other")
    repo = desk.world.repo("acme/other")
    desk.world.rename(repo, "zoe/other")
    desk.fetch("other")
    desk.world.add_repository("acme/other", stars=1, commits=[1])
    desk.world.star(repo, 4)
    for names in ([], ["other"]):
        assert desk.fetch(*names).exit_code == 0
        assert desk.fields("other", "repo_watchers", "moved_to") == {
            "repo_watchers": repo.stars,
            "moved_to": "https://github.com/zoe/other",
        }


# Sizes.

LONG: dict[str, Callable[[], list[object]]] = {
    "grids": lambda: [f"https://djangopackages.org/api/v4/grids/{number}/" for number in range(1, 1002)],
    "participants": lambda: [f"p{number}" for number in range(1001)],
    "commits_over_52": lambda: [0] * 1001,
}


@pytest.mark.parametrize("key", LONG)
def test_a_record_with_a_list_of_more_than_1000_entries_is_refused(desk: Desk, server: WorldServer, key: str) -> None:
    desk.begin_with("other")
    before = snapshot(desk)
    values = LONG[key]()
    assert len(values) == 1001

    def lengthen(page: Any) -> Any:
        for record in page["results"]:
            if record["slug"] == "other":
                record |= {key: values, "title": "Changed"}
        return page

    server.fault("catalog", r"^/packages/\?", kind="rewrite", rewrite=lengthen)
    report = desk.fetch(sources=["catalog"])
    assert report.exit_code == 5
    (line,) = error_lines(report)
    assert key in line
    assert "1000" in line
    assert snapshot(desk) == before
    server.faults.clear()
    values.pop()
    server.fault("catalog", r"^/packages/\?", kind="rewrite", rewrite=lengthen)
    assert desk.fetch(sources=["catalog"]).exit_code == 0
    ((stored,),) = desk.rows("SELECT facts FROM facts WHERE source = 'catalog' AND coordinate != '409'")
    assert len(json.loads(stored)[key]) == 1000


def lengthen_info(key: str, values: object) -> Callable[[Any], Any]:
    def lengthen(body: Any) -> Any:
        (body if key == "urls" else body["info"])[key] = values
        return body

    return lengthen


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("classifiers", ["Framework :: Django"] * 1001),
        ("urls", [{}] * 1001),
        ("project_urls", {str(number): "https://example.org/" for number in range(1001)}),
    ],
)
def test_metadata_with_more_than_1000_entries_is_refused(
    desk: Desk, server: WorldServer, key: str, values: object
) -> None:
    desk.begin_with("other")
    desk.world.release("other", "2.0")
    server.fault("pypi", "/pypi/other/", kind="rewrite", rewrite=lengthen_info(key, values))
    report = desk.fetch("other", sources=["pypi"])
    assert report.sources[PYPI].outcomes == {Outcome.FAILED: 1}
    assert desk.show("other")["pypi_version"] == "1.0"


def test_a_grid_with_more_than_1000_packages_is_refused(desk: Desk, server: WorldServer) -> None:
    desk.world.add_grid(7, "Forms")
    desk.world.add_grid(8, "Pots")

    def lengthen(page: Any) -> Any:
        page["results"][0]["packages"] = [f"https://x/packages/{number}/" for number in range(1, 1002)]
        return page

    server.fault("catalog", "^/grids/", kind="rewrite", rewrite=lengthen)
    desk.fetch(sources=["catalog"])
    assert desk.rows("SELECT title FROM grids WHERE title IS NOT NULL") == [("Forms",)]


@pytest.mark.parametrize(("host", "api"), [("github.com", "github"), (GITLAB, "gitlab")])
def test_more_than_1000_contributors_are_refused(desk: Desk, server: WorldServer, host: str, api: str) -> None:
    people = [f"p{number}" for number in range(1000)]
    package = desk.world.add_package("large", host=host, path="acme/large", commits=[3])
    repo = desk.world.repo("acme/large", host)
    package.participants, repo.contributors = [], people
    assert desk.fetch("large").exit_code == 0
    assert desk.show("large")["participants"] == people
    repo.contributors = [*people, "mallory"]
    desk.world.push(repo)
    report = desk.fetch("large")
    assert "more than 1,000 entries" in error_lines(report)[0]
    assert desk.show("large")["participants"] == people
    assert server.requests(api)


# Closed sources.


def test_a_reset_is_believed_for_two_hours_and_named_until_then(desk: Desk, server: WorldServer) -> None:
    desk.fetch(sources=["catalog"])
    server.exhaust("github", authorised=False, resets_in=9 * 3600)
    report = desk.fetch()
    until = desk.world.now + timedelta(hours=2)
    assert {deferral.until for deferral in report.deferred} == {until}
    assert closed_lines(report) == []
    desk.advance(minutes=30)
    report = desk.fetch()
    assert not server.requests("github")
    assert report.exit_code == 0
    assert closed_lines(report) == [f"github: closed until {format_time(until)}; 2 packages not requested"]
    assert closed_lines(desk.fetch("other")) == []  # which is an error of its own
    server.quota("github", authorised=False).resets = None
    desk.advance(minutes=91)
    report = desk.fetch()
    assert report.sources[GITHUB].outcomes == {Outcome.UPDATED: 2}
    assert closed_lines(report) == []


def test_retry_after_is_believed_for_a_day(desk: Desk, server: WorldServer) -> None:
    desk.fetch(sources=["catalog"])
    server.fault("pypi", status=429, headers={"retry-after": "80000"})
    report = desk.fetch(sources=["pypi"])
    until = desk.world.now + timedelta(seconds=80_000)
    assert {deferral.until for deferral in report.deferred} == {until}
    desk.advance(hours=3)
    report = desk.fetch(sources=["pypi"])
    assert not server.requests("pypi")
    assert closed_lines(report) == [f"pypi: closed until {format_time(until)}; 2 packages not requested"]


def test_a_closed_catalog_is_named(desk: Desk, server: WorldServer) -> None:
    desk.begin_with("other")
    server.fault("catalog", status=429, headers={"retry-after": "7200"})
    desk.fetch()
    desk.advance(minutes=5)
    (line,) = closed_lines(desk.fetch())
    assert line.startswith("catalog: closed until 2026-11-23T14:00:00Z")
    assert not server.requests("catalog")


def test_a_reset_that_is_stored_for_a_later_time_is_ignored(desk: Desk, server: WorldServer) -> None:
    import sqlite3  # noqa: PLC0415 - only here
    from contextlib import closing  # noqa: PLC0415 - as above

    desk.fetch(sources=["catalog"])
    later = format_time(desk.world.now + timedelta(hours=20))
    with closing(sqlite3.connect(desk.path)) as db, db:
        db.execute("INSERT INTO sources VALUES ('github', 'anonymous', 60, 0, ?, ?)", (later, later))
    assert desk.fetch(sources=["github"]).deferred == []
    assert server.requests("github")


# Addresses at which there is no API.

PLACES = {SourceName.GITHUB: "github", SourceName.GITLAB: "gitlab", SourceName.BITBUCKET: "bitbucket"}
PLACES |= {SourceName.FORGEJO: "codeberg", PYPI: "pypi"}


@pytest.mark.parametrize("names", [(), ("first", "second")], ids=["all", "named"])
@pytest.mark.parametrize("source", PLACES, ids=str)
def test_a_server_that_answers_404_to_everything_changes_nothing(
    desk: Desk, server: WorldServer, source: SourceName, names: tuple[str, ...]
) -> None:
    host = API_BY_SOURCE[source].host or GITHUB_HOST
    for name in ("first", "second", "third"):
        desk.world.add_package(name, path=f"acme/{name}", host=host, stars=3, commits=[5], releases=[("1.0", 3)])
    desk.begin_with("first, second and third", host)
    before = desk.rows("SELECT slug, repo_state, pypi_state, pypi_version, repo_watchers FROM packages")
    server.fault(PLACES[source], status=404, body={"message": "Not Found"})
    report = desk.fetch(*names, sources=[source])
    assert report.exit_code == 1
    (cause,) = causes(report)
    assert re.match(rf"{source}: \d failed: API not found at http://127\.0\.0\.1", cause.line)
    assert API_BY_SOURCE[source].variable in (cause.hint or "")
    assert desk.rows("SELECT slug, repo_state, pypi_state, pypi_version, repo_watchers FROM packages") == before
    assert desk.events() == []
    server.faults.clear()
    lost = desk.world.find_repo(host, "acme/first")
    assert lost is not None
    if source is PYPI:
        desk.world.projects["first"].state = "gone"
    else:
        desk.world.delete(lost)
    report = desk.fetch(*names, sources=[source])
    assert (report.exit_code, report.sources[source].outcomes[Outcome.GONE]) == (0, 1)
    assert ("first", "gone") in [event[:2] for event in desk.events()]


# A catalog whose list was never read completely.


def test_a_first_fetch_that_the_catalog_defers_is_refused(desk: Desk, server: WorldServer) -> None:
    server.fault("catalog", status=429, headers={"retry-after": "3600"})
    for requests in (1, 0):
        report = desk.fetch(sources=["catalog"])
        assert (report.exit_code, len(server.requests())) == (4, requests)
        (cause,) = causes(report)
        assert cause.line.startswith("catalog: deferred until 2026-11-23T13:00:00Z (")
        assert cause.line.endswith("; the catalog's list was never read completely")
        assert closed_lines(report) == []
        assert not requests or summary_lines(report)[0].startswith("catalog: deferred (")
    report = desk.fetch()  # what GitHub and PyPI answer about the packaged record is stored
    assert report.exit_code == 0
    assert error_lines(report)[0].endswith("; the catalog's list was never read completely")


def test_a_list_that_the_catalog_cuts_is_named_until_it_is_complete(desk: Desk, server: WorldServer) -> None:
    for number in range(300):
        desk.world.add_package(f"many-{number}", repo_url="")
    server.fault("catalog", "offset|page=2|cursor", status=429, headers={"retry-after": "3600"})
    report = desk.fetch(sources=["catalog"])
    assert report.exit_code == 0
    (line,) = error_lines(report)
    assert re.match(r"catalog: \d+ deferred until .*; the catalog's list was never read completely", line)
    server.faults.clear()
    desk.advance(hours=2)
    report = desk.fetch(sources=["catalog"])
    assert (report.exit_code, causes(report), report.list_unread) == (0, [], False)


@pytest.mark.parametrize(
    ("source", "host", "status"),
    [(SourceName.GITLAB, "gitlab.com", 401), (SourceName.BITBUCKET, "bitbucket.org", 403)],
)
def test_a_forge_that_refuses_the_token_and_requests_without_one_exits_with_4(
    desk: Desk, server: WorldServer, source: SourceName, host: str, status: int
) -> None:
    desk.world.add_package("private", path="acme/private", host=host)
    desk.fetch(sources=["catalog"])
    desk.tokens = server.token_env(source.value)
    server.fault(source.value, status=status, body={"message": "no"})
    report = desk.fetch("private", sources=[source])
    assert (report.exit_code, report.has_stored) == (4, False)
    server.faults.clear()
    server.fault(source.value, status=500)
    assert desk.fetch("private", sources=[source]).exit_code == 1


# Repositories that their owner deleted and made again.


@pytest.fixture(params=["github.com", GITLAB])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["anonymous", "token"])
def made_anew(request: pytest.FixtureRequest, desk: Desk, server: WorldServer, host: str) -> Desk:
    """A mirror with a repository that was fetched on two days and then replaced by another one."""
    desk.tokens = server.token_env() if request.param else {}
    desk.world.add_package("pots", host=host, path="acme/pots", stars=50, commits=[3], releases=[("1.0", 2)])
    desk.fetch()
    desk.advance(days=100)
    repo = desk.world.repo("acme/pots", host)
    desk.world.star(repo, 10)
    desk.fetch()
    desk.advance(days=1)
    desk.world.delete(repo)
    desk.world.add_repository("acme/pots", host=host, stars=2, commits=[(1, "mallory")], archived=True)
    return desk


def growth(desk: Desk) -> Any:
    with open_read(desk.path) as db:
        (number,) = listing.find_ids(db, parse_query(["slug:pots"], now=desk.world.now), [])
        (row,) = listing.get_rows(db, [number], fields.parse_columns("stars_90d"), now=desk.world.now)
        return dict(row)["stars_90d"]


def test_a_repository_made_anew_is_taken_by_a_named_fetch_of_everything(made_anew: Desk, host: str) -> None:
    desk, stored = made_anew, made_anew.rows("SELECT * FROM history ORDER BY package_id, day")
    for names, refetch in (([], False), ([], True), (["pots"], False)):
        report = desk.fetch(*names, refetch=refetch)
        assert report.exit_code == 5
        assert [cause.hint for cause in causes(report)] == [
            "to take the new one, whose history begins anew: djpkg fetch pots --refetch"
        ]
    assert desk.rows("SELECT * FROM history ORDER BY package_id, day") == stored
    events, notes = desk.events(), list[str]()
    desk.progress = NoProgress(note=notes.append)
    report = desk.fetch("pots", refetch=True)
    assert (report.exit_code, report.failures) == (0, [])
    assert notes == ["pots: another repository replaced the known one; its history begins anew"]
    assert desk.fields("pots", "repo_watchers", "archived", "repo_state", "failed") == {
        "repo_watchers": 2, "archived": True, "repo_state": "ok", "failed": {},
    }  # fmt: skip
    assert desk.events() == events  # the new one was not archived, it was so
    history = "SELECT coordinate LIKE '%#%', stars FROM history JOIN packages ON id = package_id WHERE slug = 'pots'"
    assert desk.rows(f"{history} ORDER BY day") == [(1, 50), (1, 60), (0, 2)]
    assert growth(desk) is None
    desk.advance(days=1)
    assert desk.fetch().exit_code == 0
    desk.world.star(desk.world.repo("acme/pots", host), 5)
    desk.advance(days=95)
    desk.fetch()
    assert growth(desk) == 5
    assert [name.lower() for name in desk.field("pots", "participants")] == ["mallory"]


def test_a_selection_by_terms_does_not_take_another_repository(made_anew: Desk) -> None:
    desk = made_anew
    before = snapshot(desk)
    request = FetchRequest(query=parse_query(["pots"], now=desk.world.now), refetch=True)
    report = run.fetch(request, desk.path, desk.environment, progress=NoProgress(), clock=lambda: desk.world.now)
    assert report.exit_code == 5
    assert "another repository" in error_lines(report)[0]
    assert snapshot(desk) == before


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("names", [(), ("pots",)], ids=["all", "named"])
def test_a_moved_repository_that_was_deleted_is_gone_also_where_its_first_name_is_used_again(
    *, desk: Desk, server: WorldServer, host: str, names: tuple[str, ...], token: bool
) -> None:
    desk.tokens = server.token_env() if token else {}
    desk.world.add_package("pots", host=host, path="acme/pots", stars=50, commits=[3])
    desk.fetch()
    repo = desk.world.repo("acme/pots", host)
    desk.world.rename(repo, "zoe/pots")
    desk.fetch()
    desk.world.add_repository("acme/pots", host=host, stars=1, commits=[1])
    desk.fetch()
    assert desk.fields("pots", "repo_state", "moved_to") == {
        "repo_state": "moved",
        "moved_to": f"https://{host}/zoe/pots",
    }
    desk.world.delete(repo)
    report = desk.fetch(*names)
    assert (report.exit_code, report.failures) == (0, [])
    assert desk.fields("pots", "repo_state", "moved_to", "repo_watchers") == {
        "repo_state": "gone", "moved_to": None, "repo_watchers": 50,
    }  # fmt: skip

    assert desk.events()[-1][:2] == ("pots", "gone")
    desk.advance(days=40)
    assert desk.fetch(*names).exit_code == 0
    desk.world.restore(repo)
    desk.advance(days=40)
    assert desk.fetch(*names).exit_code == 0
    assert desk.fields("pots", "repo_state", "moved_to") == {
        "repo_state": "moved",
        "moved_to": f"https://{host}/zoe/pots",
    }
