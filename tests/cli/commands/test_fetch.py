"""`djpkg fetch` as it is typed: what it prints where, in which shape, and with which exit code it ends."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from djpkg.cli import options
from djpkg.cli.app import app
from djpkg.fetch import run as fetch_run
from djpkg.mirror import lock, schema
from tests.fetching import QUICK, Desk, add_starter, expected, quick_folder
from tests.world import CODEBERG, GITLAB, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.world import WorldServer

    Fetch = Callable[..., Result]

TALLY = ["asked", "updated", "unchanged", "gone", "deferred", "failed", "requests", "quota"]
SOURCES = ["catalog", "github", "pypi", "gitlab", "bitbucket", "forgejo"]


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    world.add_package("plain", stars=3, commits=[2], releases=[("1.0", 5)])
    world.add_package("other", host=GITLAB, path="group/other", stars=2)
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db")


@pytest.fixture
def fetch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """`djpkg fetch ARGUMENTS` by the world's clock, with little patience."""
    slow = fetch_run.fetch
    monkeypatch.setattr(fetch_run, "fetch", partial(slow, clock=lambda: desk.world.now, limits=QUICK))
    monkeypatch.setattr(options, "now", lambda: desk.world.now)

    def run(*arguments: str, **env: str | None) -> Result:
        desk.server.forget()
        known = {**desk.environment, "DJPKG_DB": str(desk.path)}
        return CliRunner().invoke(app, ["fetch", *arguments], env={**known, **env}, catch_exceptions=False)

    return run


def said(result: Result) -> list[str]:
    assert result.stdout == ""
    return result.stderr.splitlines()


# What is printed.


@pytest.mark.parametrize("arguments", [["--all"], ["plain"], ["--all", "-q"]], ids=" ".join)
def test_without_trouble_nothing_is_printed(fetch: Fetch, desk: Desk, arguments: list[str]) -> None:
    for _ in range(2):
        result = fetch(*arguments)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert desk.show("plain") == expected(desk.world, desk.world.package("plain"))


def test_what_all_put_off_is_no_trouble_and_what_is_gone_is_none(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    desk.world.delete("acme/plain")
    desk.world.add_package("nowhere", repo_url="")
    desk.world.add_package("unsupported", repo_url="https://example.org/x/y")
    server.exhaust("github", authorised=False)
    result = fetch("--all")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    (line,) = [line for line in said(fetch("--all", "-v")) if "put off" in line]
    assert line.startswith("github: 2 put off, until 2026-11-23T13:00:00Z")


def test_with_v_each_source_that_was_asked_is_a_line_on_stderr(fetch: Fetch, desk: Desk) -> None:
    lines = said(fetch("--all", "-v"))
    assert [line.partition(":")[0] for line in lines] == ["catalog", "github", "pypi", "gitlab"]
    assert all(line.endswith(" requests)") for line in lines)
    desk.world.release("plain", "2.0")
    assert "released: plain" in said(fetch("--all", "-v"))


@pytest.mark.parametrize("flag", [[], ["-q"], ["-v"]], ids=["", "quiet", "verbose"])
def test_trouble_is_one_line_a_cause(fetch: Fetch, desk: Desk, server: WorldServer, flag: list[str]) -> None:
    for place in range(20):
        desk.world.add_package(f"p{place:02}", repo_url="", project=f"p{place:02}", releases=[("1.0", 3)])
    server.fault("pypi", kind="status", status=403)
    server.fault("gitlab", kind="html")
    result = fetch("--all", *flag)
    trouble = [line for line in said(result) if line.startswith("djpkg: ")]
    assert result.exit_code == 5
    assert len(trouble) == 2
    assert [line for line in trouble if "pypi: " in line and line.endswith("and 19 more)")]
    assert [line for line in trouble if "gitlab: " in line and line.endswith("(other)")]
    assert flag == ["-v"] or len(result.stderr.splitlines()) == 2


def test_what_a_server_says_reaches_no_terminal_as_it_is(fetch: Fetch, server: WorldServer) -> None:
    server.fault(
        "github",
        kind="status",
        status=403,
        headers={"retry-after": "90"},
        body={"message": "\x1b[31mslow down secondary rate limit"},
    )
    result = fetch("plain")
    assert result.exit_code == 5
    assert "secondary" in result.stderr
    assert "\x1b" not in result.stderr


# JSON.


def check_shape(told: dict[str, Any]) -> None:
    """The keys and types of the one object, whatever it tells of."""
    assert list(told) == ["schema", "started", "finished", "exit", "sources", "events", "failures", "deferred"]
    assert told["schema"] == 1
    assert list(told["sources"]) == SOURCES
    for tally in told["sources"].values():
        assert list(tally) == TALLY
        assert tally["asked"] == sum(tally[name] for name in TALLY[1:6])
        assert tally["quota"] is None or list(tally["quota"]) == ["limit", "remaining", "reset"]
    assert all(list(event) == ["slug", "event", "old", "new"] for event in told["events"])
    assert all(list(failure) == ["slug", "source", "reason"] for failure in told["failures"])
    assert all(list(one) == ["source", "packages", "reason", "until"] for one in told["deferred"])


def spoil(case: str, desk: Desk) -> tuple[list[str], dict[str, str | None]]:
    """Arranges for an ending; what to type and what to have in the environment for it."""
    server, nowhere = desk.server, dict.fromkeys(desk.server.env, "http://127.0.0.1:9/x")
    match case:
        case "failed":
            return ["--all"], {**nowhere}
        case "unknown":
            return ["no-such-thing"], {}
        case "refused":
            return ["--all", "--source", "github"], {"GH_TOKEN": "ghp_wrong"}
        case "partial":
            server.fault("pypi", kind="status", status=404, body={"message": "“★”"}, match="plain")
            server.fault("gitlab", kind="status", status=400)
        case "deferred":
            server.exhaust("github", authorised=False)
        case "disk":
            return ["--all"], {"DJPKG_DB": "/dev/null/mirror.db"}
        case "config":
            return ["--all"], {"DJPKG_PYPI_URL": "nonsense"}
        case _:
            desk.world.add_package("“Größe”", stars=1)
            return ["--all"], {}
    return ["plain", "other"], {}


ENDINGS = {
    "done": 0,
    "failed": 1,
    "config": 1,
    "unknown": 3,
    "refused": 4,
    "partial": 5,
    "deferred": 5,
    "disk": 74,
}


@pytest.mark.parametrize(("case", "code"), ENDINGS.items(), ids=ENDINGS)
def test_json_is_one_object_of_one_shape_whatever_the_exit_code(fetch: Fetch, desk: Desk, case: str, code: int) -> None:
    if case == "refused":
        fetch("--all")
    arguments, env = spoil(case, desk)
    result = fetch(*arguments, "--json", **env)
    assert result.exit_code == code
    assert result.stdout.isascii()
    assert result.stdout.endswith("}\n")
    told = json.loads(result.stdout)
    check_shape(told)
    assert told["exit"] == code
    assert bool(told["failures"] or told["deferred"]) == bool(code)
    assert bool(result.stderr) == bool(code)
    assert "Traceback" not in result.stderr


def test_json_tells_what_was_asked_and_what_came_of_it(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    fetch("--all")
    desk.world.release("plain", "2.0")
    told = json.loads(fetch("plain", "no-such-thing", "--json").stdout)
    assert told["exit"] == 5
    assert told["started"] == told["finished"] == "2026-11-23T12:00:00Z"
    assert told["sources"]["pypi"] == {
        "asked": 1, "updated": 1, "unchanged": 0, "gone": 0, "deferred": 0, "failed": 0, "requests": 1, "quota": None,
    }  # fmt: skip
    github = told["sources"]["github"]
    assert (github["asked"], github["unchanged"], github["requests"]) == (1, 1, len(server.requests("github")))
    assert github["quota"]["limit"] == 60
    assert told["sources"]["gitlab"]["asked"] == 0
    assert told["events"] == [{"slug": "plain", "event": "released", "old": "1.0", "new": "2.0"}]
    (failure,) = told["failures"]
    assert (failure["slug"], failure["source"]) == ("no-such-thing", "catalog")


def test_json_of_what_a_quota_put_off_names_the_moment(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    server.exhaust("github", authorised=False)
    told = json.loads(fetch("--all", "--json").stdout)
    assert told["exit"] == 0
    (one,) = told["deferred"]
    assert (one["source"], one["packages"], one["until"]) == ("github", 2, "2026-11-23T13:00:00Z")


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_what_a_quota_put_off_is_told_by_status(
    fetch: Fetch, desk: Desk, server: WorldServer, flags: list[str]
) -> None:
    server.exhaust("github", authorised=False)
    fetch("--all")
    arguments = ["status", "--db", str(desk.path), *flags]
    told = CliRunner().invoke(app, arguments, env=desk.environment, catch_exceptions=False)
    assert told.exit_code == 0
    assert "13:00:00Z" in told.stdout


# Exit codes.


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["plain", "--all"],
        ["--all", "--source", "svn"],
        ["--all", "-q", "-v"],
        ["--nonsense"],
        ["--all", "--source"],
    ],
    ids=" ".join,
)
def test_what_does_not_parse_is_2_and_asks_nobody(
    fetch: Fetch, desk: Desk, server: WorldServer, arguments: list[str]
) -> None:
    result = fetch(*arguments)
    assert result.exit_code == 2
    assert result.stderr
    assert result.stdout == ""
    assert server.log == []
    assert not desk.path.exists()


def test_nothing_that_is_named_found_is_3_and_names_the_nearest(fetch: Fetch, server: WorldServer) -> None:
    fetch("--all")
    result = fetch("plian", "nor/this")
    assert result.exit_code == 3
    assert said(result) == [
        "djpkg: plian: no such package; did you mean plain?",
        "djpkg: nor/this: no such package",
    ]


def test_a_token_that_is_not_accepted_is_4_and_not_printed(fetch: Fetch, desk: Desk) -> None:
    fetch("--all")
    result = fetch("plain", "--source", "github", GH_TOKEN="ghp_canary_wrong")
    assert result.exit_code == 4
    (line,) = said(result)
    assert "does not accept the token of GH_TOKEN" in line
    assert "canary" not in line


def test_another_fetch_is_75_and_one_line(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    with lock.fetch_lock(desk.path):
        result = fetch("--all")
    assert result.exit_code == 75
    assert said(result) == [f"djpkg: another fetch of {desk.path} is running"]
    assert server.log == []


def not_a_database(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 500)


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE packages (id INTEGER)")
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


def of_somebody_else(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE people (id INTEGER)")


def cut(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE people (id INTEGER)")
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize("make", [not_a_database, newer, of_somebody_else, cut], ids=lambda make: make.__name__)
def test_a_file_that_is_no_mirror_is_74_and_left_as_it_was(
    fetch: Fetch, desk: Desk, server: WorldServer, make: Callable[[Path], None]
) -> None:
    make(desk.path)
    before = desk.path.read_bytes()
    result = fetch("--all")
    assert result.exit_code == 74
    assert str(desk.path) in said(result)[0]
    assert desk.path.read_bytes() == before
    assert server.log == []


def test_a_place_that_cannot_be_written_is_74(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    for place in ("/dev/null/mirror.db", "/sys/mirror.db", str(desk.path.parent)):
        result = fetch("--all", "--db", place)
        assert result.exit_code == 74
        assert place in said(result)[0]
    assert server.log == []


def test_a_disk_that_fails_in_the_middle_is_74_in_one_line(
    fetch: Fetch, desk: Desk, server: WorldServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch("--all")
    before = {slug: desk.show(slug) for slug in desk.slugs()}
    for place in range(300):
        desk.world.add_package(f"p{place}", repo_url="", description="long " * 2000)
    opened = fetch_run.open_write

    def small(path: Path) -> Any:
        held = opened(path)
        db = held.__enter__()
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages + 5}")

        class Held:
            def __enter__(self) -> sqlite3.Connection:
                return db

            def __exit__(self, *details: object) -> bool | None:
                return held.__exit__(*details)

        return Held()

    monkeypatch.setattr(fetch_run, "open_write", small)
    result = fetch("--all", "--full")
    assert result.exit_code == 74
    assert said(result) == [f"djpkg: the disk is full: the mirror {desk.path} was left as it was before"]
    assert {slug: desk.show(slug) for slug in desk.slugs()} == before


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({"DJPKG_FORGES": "git.example.org=cvs"}, "DJPKG_FORGES"),
        ({"DJPKG_CATALOG_URL": "djangopackages.org"}, "DJPKG_CATALOG_URL"),
        ({"DJPKG_GITLAB_URL": "file:///etc/passwd"}, "DJPKG_GITLAB_URL"),
        ({"GH_TOKEN": "ghp_x y"}, "GH_TOKEN"),
    ],
    ids=["forges", "catalog", "gitlab", "token"],
)
def test_an_environment_that_makes_no_sense_is_1_and_names_the_variable(
    fetch: Fetch, server: WorldServer, env: dict[str, str], name: str
) -> None:
    result = fetch("--all", **env)
    assert result.exit_code == 1
    assert name in said(result)[0]
    assert len(result.stderr.splitlines()) <= 2
    assert server.log == []


# The price.


def test_a_dry_run_prints_the_price_and_asks_nobody(fetch: Fetch, desk: Desk, server: WorldServer) -> None:
    result = fetch("--all", "--dry-run")
    assert (result.exit_code, server.log, desk.path.exists()) == (0, [], False)
    fetch("--all")
    before = desk.path.read_bytes()
    result = fetch("--all", "--dry-run")
    assert (result.exit_code, result.stderr, server.log) == (0, "", [])
    lines = result.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["catalog", "github", "gitlab", "pypi"]
    assert all(" requests" in line for line in lines)
    told = json.loads(fetch("--all", "--dry-run", "--json").stdout)
    assert [price["source"] for price in told["prices"]] == ["catalog", "github", "gitlab", "pypi"]
    assert all(list(price) == ["source", "packages", "least", "most", "points", "quota"] for price in told["prices"])
    assert server.log == []
    assert desk.path.read_bytes() == before


@pytest.mark.parametrize("token", [False, True], ids=["anonymous", "token"])
def test_a_fetch_costs_no_more_than_the_dry_run_said(
    fetch: Fetch, desk: Desk, server: WorldServer, *, token: bool
) -> None:
    desk.world.add_package("third", host=CODEBERG, path="team/third", commits=[1, 2])
    env = server.token_env("github") if token else {}
    fetch("--all", "--source", "catalog")
    for _ in range(2):
        prices = json.loads(fetch("--all", "--dry-run", "--json", **env).stdout)["prices"]
        asked = json.loads(fetch("--all", "--json", **env).stdout)["sources"]
        for price in prices:
            assert asked[price["source"]]["requests"] <= price["most"]
            assert asked[price["source"]]["asked"] <= price["packages"]


def test_a_mirror_that_is_being_replicated_in_wal_mode_is_fetched_and_edited(desk: Desk, fetch: Fetch) -> None:
    assert fetch("--all").exit_code == 0
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as replicating:
        assert replicating.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
        replicating.execute("BEGIN")
        assert replicating.execute("SELECT count(*) FROM packages").fetchone() == (3,)
        assert fetch("--all").exit_code == 0
        assert fetch("plain").exit_code == 0
        edited = CliRunner().invoke(app, ["edit", "plain", "title=Mine", "--db", str(desk.path)], env=desk.environment)
        assert edited.exit_code == 0
        replicating.execute("COMMIT")
        assert replicating.execute("SELECT title FROM packages WHERE slug = 'plain'").fetchone() == ("Mine",)
        assert replicating.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_project_s_requirements_are_fetched_and_what_no_package_stands_for_is_named(
    desk: Desk, fetch: Fetch, tmp_path: Path
) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("Plain>=1  # ours\nsix\n")
    ended = fetch("--in", str(tmp_path / "requirements.txt"), "-v")
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr.splitlines()[0] == "1 of 2 required projects is not in the mirror: six"
    assert {request.path.rpartition("/pypi/")[2] for request in desk.server.requests("pypi")} == {"plain/json"}


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_what_no_package_stands_for_is_no_trouble_without_a_terminal_or_with_q(
    desk: Desk, fetch: Fetch, tmp_path: Path, quiet: tuple[str, ...]
) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    for text in ("plain\nsix\n", "six\n"):
        (tmp_path / "requirements.txt").write_text(text)
        ended = fetch("--in", str(tmp_path / "requirements.txt"), *quiet)
        assert (ended.exit_code, ended.output) == (0, "")


def test_requirements_none_of_which_is_a_package_ask_nobody_and_scripts_still_get_an_object(
    desk: Desk, fetch: Fetch, tmp_path: Path
) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("six\n")
    ended = fetch("--in", str(tmp_path / "requirements.txt"), "-v")
    assert (ended.exit_code, said(ended)) == (0, ["1 of 1 required project is not in the mirror: six"])
    report = json.loads(fetch("--in", str(tmp_path / "requirements.txt"), "--json").stdout)
    assert (report["exit"], list(report["sources"]), report["failures"]) == (0, SOURCES, [])
    priced = fetch("--in", str(tmp_path / "requirements.txt"), "--dry-run", "--json")
    assert (priced.exit_code, json.loads(priced.stdout)) == (0, {"schema": 1, "prices": []})
    assert not desk.server.log


def test_requirements_alone_bring_nothing_into_a_mirror_without_the_directory(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("django-filter\n")
    ended = fetch("--in", str(tmp_path / "requirements.txt"), "--json")
    assert (ended.exit_code, json.loads(ended.stdout)["exit"]) == (3, 3)
    assert "djpkg fetch --all brings it" in ended.stderr


@pytest.mark.parametrize("arguments", [(), ("a", "--all"), ("a", "-q", "-v"), ("a", "--source", "hub"), ("--in", "no")])
def test_a_wrong_use_still_gives_scripts_an_object(fetch: Fetch, arguments: tuple[str, ...]) -> None:
    ended = fetch(*arguments, "--json")
    assert (ended.exit_code, json.loads(ended.stdout)["exit"]) == (2, 2)
    assert ended.stderr


def test_a_few_that_are_named_are_priced_by_requests_and_not_by_points(fetch: Fetch, desk: Desk) -> None:
    desk.tokens = desk.server.token_env()
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (github,) = (
        one for one in json.loads(fetch("plain", "--dry-run", "--json").stdout)["prices"] if one["source"] == "github"
    )
    assert (github["least"], github["most"], github["points"]) == (1, 4, 0)
    (github,) = (
        one for one in json.loads(fetch("--all", "--dry-run", "--json").stdout)["prices"] if one["source"] == "github"
    )
    assert github["points"] > 0


def test_what_was_asked_for_is_kept_as_far_as_a_screen_can_show_it(fetch: Fetch, desk: Desk) -> None:
    fetch("a" * 100_000)
    with closing(sqlite3.connect(desk.path)) as db:
        (kept,) = db.execute("SELECT length(asked) FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    assert kept <= 4000


def test_a_file_of_requirements_that_is_broken_still_gives_scripts_an_object(fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("plain\n=1\n")
    ended = fetch("--in", str(tmp_path / "requirements.txt"), "--json")
    report = json.loads(ended.stdout)
    assert (ended.exit_code, report["exit"]) == (2, 2)
    assert "requirements.txt:2: " in report["failures"][0]["reason"]
    assert "requirements.txt:2: " in ended.stderr


def test_without_a_mirror_the_requirements_are_looked_for_in_the_packaged_record_which_is_said_once(
    desk: Desk, fetch: Fetch, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("django-todo\n")
    for way in (["--dry-run"], []):
        ended = fetch("--in", str(tmp_path / "requirements.txt"), *way)
        assert ended.exit_code == 0
        (line,) = ended.stderr.splitlines()
        assert line.startswith(f"there is no mirror at {desk.path} yet; only the packaged record is known. djpkg fetch")
    assert desk.show("django-todo") == expected(desk.world, desk.world.package("django-todo"))


def test_what_a_project_stands_on_is_fetched_though_others_bear_its_slug_or_number(
    desk: Desk, fetch: Fetch, tmp_path: Path
) -> None:
    gone = desk.world.add_package("reused", path="acme/gone", releases=[("1.0", 5)], project="old-name")
    number = desk.world.add_package("2048", path="acme/number", releases=[("1.0", 5)], project="number")
    desk.world.add_package("third", id=2048, path="acme/third")
    for place in range(10):  # a list that lost more than a tenth is not believed
        desk.world.add_package(f"other-{place}", repo_url="")
    assert fetch("--all", "--source", "catalog").exit_code == 0
    desk.world.remove_package("reused")
    desk.world.add_package("reused", path="acme/new", releases=[("1.0", 5)], project="new-name")
    assert fetch("--all", "--full", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("old-name\nnumber\n")
    ended = fetch("--in", str(tmp_path / "requirements.txt"))
    assert (ended.exit_code, ended.output) == (0, "")
    asked = {request.path.rpartition("/pypi/")[2] for request in desk.server.requests("pypi")}
    assert asked == {"old-name/json", "number/json"}
    assert {request.path for request in desk.server.requests("catalog")} >= {
        f"/packages/{package.id}/" for package in (gone, number)
    }
    with closing(sqlite3.connect(desk.path)) as db:
        (told,) = db.execute("SELECT asked FROM runs ORDER BY id DESC LIMIT 1").fetchone()
    assert told == f"--in {tmp_path / 'requirements.txt'}"


def test_a_failure_of_what_a_project_stands_on_is_told_by_its_slug(desk: Desk, fetch: Fetch, tmp_path: Path) -> None:
    assert fetch("--all", "--source", "catalog").exit_code == 0
    (tmp_path / "requirements.txt").write_text("plain\n")
    desk.server.fault("catalog", status=500)
    report = json.loads(fetch("--in", str(tmp_path / "requirements.txt"), "--json").stdout)
    assert [one["slug"] for one in report["failures"] if one["source"] == "catalog"] == ["plain"]


@pytest.mark.parametrize("words", [["--all", "--in", "x"], ["django-todo", "--in", "x"], ["--in", "nowhere.txt"]])
def test_requirements_stand_alone_and_must_be_readable(fetch: Fetch, words: list[str]) -> None:
    assert fetch(*words).exit_code == 2
