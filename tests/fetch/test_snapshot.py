"""Taking a snapshot into a mirror: the newer answer wins, the user's values stay, and requests are few."""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import FetchRunning, HTTPStatusError, SourceError, Unreachable, UsageError
from djpkg.fetch.report_text import causes, report_json, summary_lines
from djpkg.mirror.connection import open_write, transaction
from djpkg.mirror.lock import fetch_lock
from djpkg.mirror.repair import reset_damaged_rows
from djpkg.model import snapshot
from djpkg.model.facts import PARSER_VERSIONS, Outcome
from djpkg.source_name import SourceName
from djpkg.sources.http.client import user_agent
from tests.fetching import STARTER, Desk, add_starter, check_integrity, expected, quick_folder
from tests.snapshots import find_line, pack, read_lines, serving, state, take, write
from tests.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.snapshots import Lines, Server
    from tests.world import WorldServer


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    world.add_grid(4, "Forms")
    for place in range(4):
        world.add_package(
            f"p{place}", stars=place + 1, commits=[(3, "alice"), (40, "bob")], releases=[("1.0", 30)], grids=[4]
        )
    return world


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with quick_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def source(server: WorldServer, folder: Path) -> Desk:
    """The mirror of a host with a token, after a fetch."""
    desk = Desk(server, folder / "source.db", tokens=server.token_env("github"))
    desk.begin_with("source")
    return desk


@pytest.fixture
def desk(server: WorldServer, folder: Path) -> Desk:
    """The mirror that takes snapshots."""
    return Desk(server, folder / "mirror.db", tokens=server.token_env("github"))


@pytest.fixture
def web() -> Iterator[Server]:
    with serving() as server:
        yield server


def snapshot_of(desk: Desk, **options: Any) -> Path:
    return write(desk.path, desk.path.with_name("s.jsonl.gz"), now=desk.world.now, **options)


def hand_on(source: Desk, desk: Desk, **options: Any) -> Any:
    """Write a snapshot of `source` and take it into `desk`."""
    return take(snapshot_of(source, **options), desk.path, now=desk.world.now)


def values(desk: Desk) -> list[Any]:
    """Return the effective values of all packages, without the times of the fetch itself."""
    return desk.rows("SELECT * FROM packages ORDER BY id")


def test_an_empty_mirror_gets_everything_that_the_other_one_has(source: Desk, desk: Desk) -> None:
    report = hand_on(source, desk)
    assert report.exit_code == 0
    assert values(desk) == values(source)
    for table in ("categories", "grids", "package_grids", "releases", "project_releases", "sweeps"):
        assert desk.rows(f"SELECT * FROM {table}") == source.rows(f"SELECT * FROM {table}")
    assert len(desk.rows("SELECT * FROM releases")) == 5
    columns = "package_id, source, coordinate, answered, etag, serial, facts, parser_version"
    facts = f"SELECT {columns} FROM facts ORDER BY package_id, source, coordinate"
    assert desk.rows(facts) == source.rows(facts)
    check_integrity(desk.path)
    assert desk.show("p1") == expected(desk.world, desk.world.package("p1"))


def test_a_repository_without_commits_is_handed_on(source: Desk, desk: Desk) -> None:
    source.world.add_package("empty", state="empty", releases=[("1.0", 30)])
    source.advance(days=1)
    assert source.fetch().exit_code == 0
    lines = read_lines(snapshot_of(source))
    assert "" in [line["facts"]["weeks"]["head"] for line in lines if line.get("kind") == "forge"]
    assert lines[0]["packages"] == len(values(source))
    assert hand_on(source, desk).exit_code == 0
    assert values(desk) == values(source)


def test_an_address_that_leads_to_something_else_is_a_failure(desk: Desk, web: Server) -> None:
    web.files["/s.jsonl.gz"] = b"<!doctype html>"
    with pytest.raises(SourceError, match="not a snapshot of djpkg; nothing was changed"):
        take(f"{web.url}/s.jsonl.gz", desk.path, now=desk.world.now)


def add_unlisted(lines: Lines, numbers: Iterable[int]) -> bytes:
    """Return a snapshot with more packages, which the catalog does not have."""
    place, record = next(
        (place, line) for place, line in reversed(list(enumerate(lines))) if line.get("kind") == "catalog"
    )
    end = next((at for at, line in enumerate(lines) if line.get("kind") == "event"), len(lines) - 1)
    assert end > place
    for number in numbers:
        facts = record["facts"] | {"id": number, "slug": f"fake-{number}", "repo_url": "", "pypi_url": ""}
        lines.insert(end, record | {"facts": facts})
        end += 1
        lines[0]["packages"] += 1
    sweep = find_line(lines, "sweep")
    sweep["packages"] = lines[0]["packages"]
    return pack(lines)


def test_refetch_ends_the_comparison_with_packages_that_only_a_snapshot_lists(source: Desk, desk: Desk) -> None:
    file = snapshot_of(source)
    file.write_bytes(add_unlisted(read_lines(file), range(5000, 5010)))
    assert take(file, desk.path, now=desk.world.now).exit_code == 0
    desk.advance(days=2)
    report = desk.fetch()
    assert report.exit_code == 5
    assert ["djpkg fetch --all --refetch" in (failure.hint or "") for failure in report.failures] == [True]
    assert desk.fetch(refetch=True).exit_code == 0
    removed = desk.rows("SELECT count(*) FROM packages WHERE catalog_state = 'removed'")
    assert removed == [(10,)]
    desk.advance(days=2)
    assert desk.fetch().exit_code == 0


def test_refetch_still_compares_with_what_the_catalog_itself_listed(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    desk.advance(days=2)
    assert desk.fetch().exit_code == 0
    for slug in ("p0", "p1", "p2"):
        del desk.world.packages[desk.world.package(slug).id]
    report = desk.fetch(refetch=True)
    assert report.exit_code == 5
    assert "last time" in report.failures[0].reason
    assert desk.rows("SELECT count(*) FROM packages WHERE catalog_state = 'removed'") == [(0,)]


def test_the_size_of_the_list_of_pypi_is_not_taken(source: Desk, desk: Desk) -> None:
    file = snapshot_of(source)
    lines = read_lines(file)
    sweep = {"kind": "sweep", "source": "pypi", "completed": lines[0]["made"], "packages": 100_000_000}
    file.write_bytes(pack([lines[0], sweep, *lines[1:]]))
    assert take(file, desk.path, now=desk.world.now).exit_code == 0
    assert desk.rows("SELECT source FROM sweeps") == [("catalog",)]


def test_a_small_snapshot_does_not_lower_what_the_next_list_is_compared_with(source: Desk, desk: Desk) -> None:
    assert desk.fetch().exit_code == 0
    before = desk.rows("SELECT * FROM sweeps")
    source.advance(days=1)
    lines = read_lines(snapshot_of(source))
    lines[0]["packages"] = 1
    sweep = find_line(lines, "sweep") | {"completed": lines[0]["made"], "packages": 1, "newest_id": None}
    file = desk.path.with_name("small.jsonl.gz")
    file.write_bytes(pack([lines[0], sweep, find_line(lines, "catalog"), lines[-1]]))
    assert take(file, desk.path, now=desk.world.now).exit_code == 0
    assert desk.rows("SELECT * FROM sweeps") == before


@pytest.mark.parametrize(("table", "is_reset"), [("facts", True), ("facts", False), ("projects", False)])
def test_facts_that_were_lost_are_restored_from_the_same_snapshot(
    table: str, *, is_reset: bool, source: Desk, desk: Desk, web: Server
) -> None:
    web.files["/s.jsonl.gz"] = snapshot_of(source).read_bytes()
    address = f"{web.url}/s.jsonl.gz"
    take(address, desk.path, now=desk.world.now)
    before = values(desk), desk.rows(f"SELECT facts FROM {table} ORDER BY 1"), desk.rows("SELECT * FROM events")
    with closing(sqlite3.connect(desk.path)) as db, db:
        assert db.execute(f"UPDATE {table} SET facts = ?, etag = NULL, serial = NULL", ('{"state": 5}',)).rowcount
    if is_reset:
        with open_write(desk.path) as db, transaction(db):
            reset_damaged_rows(db, None)
        assert set(desk.rows("SELECT facts FROM facts")) == {(None,)}
        place: Path | str = address
    else:
        place = snapshot_of(source)
    assert take(place, desk.path, now=desk.world.now).exit_code == 0
    after = values(desk), desk.rows(f"SELECT facts FROM {table} ORDER BY 1"), desk.rows("SELECT * FROM events")
    assert after == before


def test_the_next_fetch_costs_what_one_of_the_other_mirror_costs(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    source.advance(days=1)
    source.world.push("acme/p1")
    usage = []
    for one in (source, desk):
        assert one.fetch().exit_code == 0
        usage.append({api: len(one.server.requests(api)) for api in ("catalog", "graphql", "github", "pypi")})
    assert usage[0] == usage[1]
    assert usage[0]["graphql"] > 0
    assert values(desk) == values(source)


def test_without_participants_no_name_is_written_and_none_is_asked_for_until_the_head_moves(
    source: Desk, desk: Desk
) -> None:
    text = gzip.decompress(snapshot_of(source, participants=False).read_bytes()).decode()
    assert "alice" in gzip.decompress(snapshot_of(source).read_bytes()).decode()
    assert "alice" not in text
    hand_on(source, desk, participants=False)
    assert desk.field("p1", "participants") == []
    assert desk.field("p1", "participant_count") is None
    desk.advance(days=1)
    desk.world.push("acme/p1")
    assert desk.fetch().exit_code == 0
    assert len([one for one in desk.server.requests("github") if "contributors" in one.path]) == 1
    assert "alice" in desk.field("p1", "participants")


def test_the_names_of_the_mirror_stay_where_a_newer_snapshot_has_none(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    names = desk.field("p1", "participants")
    source.advance(days=1)
    source.fetch()
    hand_on(source, desk, participants=False)
    assert desk.field("p1", "participants") == names != []


def test_for_each_source_the_newer_answer_wins(source: Desk, desk: Desk) -> None:
    file = snapshot_of(source)
    desk.advance(hours=1)
    desk.world.star("acme/p1", 100)
    desk.world.release("p2", "2.0")
    desk.fetch("p1")
    source.advance(hours=1)
    source.fetch("p2", sources=["pypi"])
    assert take(file, desk.path, now=desk.world.now).exit_code == 0
    assert desk.field("p1", "repo_watchers") == 102
    assert desk.field("p2", "pypi_version") == "1.0"
    hand_on(source, desk)
    assert desk.field("p1", "repo_watchers") == 102
    assert desk.field("p2", "pypi_version") == "2.0"
    assert desk.rows("SELECT via IS NULL FROM facts WHERE source = 'github' AND coordinate = 'github.com/acme/p1'") == [
        (1,)
    ]


def test_an_older_snapshot_changes_no_facts(source: Desk, desk: Desk) -> None:
    file = snapshot_of(source)
    source.advance(days=1)
    source.world.star("acme/p1", 7)
    source.fetch()
    hand_on(source, desk)
    before = values(desk), desk.rows("SELECT * FROM facts"), desk.rows("SELECT * FROM sweeps")
    report = take(file, desk.path, now=desk.world.now)
    assert (values(desk), desk.rows("SELECT * FROM facts"), desk.rows("SELECT * FROM sweeps")) == before
    assert not any(tally.outcomes[Outcome.UPDATED] for tally in report.sources.values())


def test_edits_notes_and_tags_stay(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    desk.edit("p1", title="Mine", note="private", tags=["prod"], repo_watchers=9)
    source.advance(days=1)
    source.world.package("p1").title = "Theirs"
    source.world.star("acme/p1", 50)
    source.fetch(refetch=True)
    hand_on(source, desk)
    assert desk.field("p1", "title") == "Mine"
    assert desk.field("p1", "note") == "private"
    assert desk.field("p1", "tags") == ["prod"]
    assert desk.field("p1", "repo_watchers") == 9
    desk.edit("p1", unset=["title", "repo_watchers"])
    assert desk.field("p1", "title") == "Theirs"
    assert desk.field("p1", "repo_watchers") == 52


def test_events_are_added_once(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    source.advance(days=1)
    source.world.release("p1", "2.0")
    source.world.add_package("fresh", stars=1)
    source.fetch()
    reports = [hand_on(source, desk) for _ in range(3)]
    wanted = {("p1", "released", "1.0", "2.0"), ("fresh", "added", None, None)}
    assert set(desk.events()) == wanted
    assert len(desk.events()) == len(wanted)
    assert [len(report.events) for report in reports] == [2, 0, 0]


def test_only_the_newest_events_are_written(source: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("2.0", "3.0", "4.0"):
        source.advance(days=1)
        source.world.release("p1", version)
        source.fetch()
    monkeypatch.setattr(snapshot, "MAX_EVENTS", 2)
    events = [line["new"] for line in read_lines(snapshot_of(source)) if line.get("kind") == "event"]
    assert events == ["3.0", "4.0"]


def test_an_event_that_both_mirrors_found_is_there_once(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    source.advance(days=1)
    source.world.release("p1", "2.0")
    source.fetch()
    desk.advance(hours=3)
    desk.fetch()
    desk.advance(hours=3)
    hand_on(source, desk)
    assert desk.events() == [("p1", "released", "1.0", "2.0")]


def test_a_change_that_the_snapshot_does_not_name_is_an_event_all_the_same(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    source.advance(days=1)
    source.world.release("p1", "2.0")
    source.path.unlink()
    source.fetch()  # a new mirror: it knows the new release only
    report = hand_on(source, desk)
    assert desk.events() == [("p1", "released", "1.0", "2.0")]
    assert [event.slug for event in report.events] == ["p1"]


def test_a_removed_package_is_removed_and_may_come_back(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    package = source.world.package("p3")
    source.world.remove_package("p3")
    source.advance(days=2)
    source.fetch("p3")
    hand_on(source, desk)
    assert desk.field("p3", "catalog_state") == "removed"
    assert ("p3", "removed", None, None) in desk.events()
    empty = Desk(desk.server, desk.path.with_name("empty.db"))
    hand_on(source, empty)
    assert empty.field("p3", "catalog_state") == "removed"
    source.world.packages[package.id] = package
    source.advance(days=2)
    source.fetch("p3")
    hand_on(source, desk)
    assert desk.field("p3", "catalog_state") == "listed"


def test_history_is_taken_if_it_was_written(source: Desk, desk: Desk) -> None:
    for _ in range(3):
        source.advance(days=1)
        source.world.star("acme/p1", 5)
        source.fetch()
    hand_on(source, desk, history=True)
    columns = "SELECT * FROM history ORDER BY package_id, day"
    assert desk.rows(columns) == source.rows(columns)
    desk.path.unlink()
    hand_on(source, desk)
    assert len(desk.rows("SELECT DISTINCT day FROM history")) == 1


def test_former_requirements_keep_their_days(source: Desk, desk: Desk) -> None:
    columns = "package_id, project, requires, specifier, marker, version, since, until"
    with closing(sqlite3.connect(source.path)) as db, db:
        ((number,),) = db.execute("SELECT id FROM packages WHERE slug = 'p1'")
        rows = [
            (number, "p1", "django", ">=4", None, "1.0", "2024-05-01", None),
            (number, "p1", "six", "", None, "0.9", "2023-01-01", "2024-05-01"),
        ]
        db.executemany(f"INSERT INTO requirements ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    for _ in range(2):
        hand_on(source, desk)
        assert sorted(desk.rows(f"SELECT {columns} FROM requirements")) == rows


def test_facts_of_a_newer_parser_count_as_this_ones(source: Desk, desk: Desk) -> None:
    lines = read_lines(snapshot_of(source))
    find_line(lines, "pypi")["parser"] = 99
    file = desk.path.with_name("newer.jsonl.gz")
    file.write_bytes(pack(lines))
    take(file, desk.path, now=desk.world.now)
    assert desk.rows("SELECT max(parser_version) FROM facts WHERE source = 'pypi'") == [
        (PARSER_VERSIONS[SourceName.PYPI],)
    ]


def test_another_repository_under_a_known_name_is_a_failure(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    source.advance(days=1)
    source.fetch()
    lines = read_lines(snapshot_of(source))
    line = next(line for line in lines if line.get("coordinate") == "github.com/acme/p1")
    line["facts"]["repository"]["node_id"] = "R_another"
    line["facts"]["repository"]["stars"] = 1_000_000
    file = desk.path.with_name("other.jsonl.gz")
    file.write_bytes(pack(lines))
    report = take(file, desk.path, now=desk.world.now)
    assert report.exit_code == 5
    assert [failure.slug for failure in report.failures] == ["p1"]
    assert "another repository" in report.failures[0].reason
    assert causes(report)[0].hint == "to take the new one, whose history begins anew: djpkg fetch p1 --refetch"
    assert desk.field("p1", "repo_watchers") == 2


def test_the_history_of_another_repository_is_not_taken(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    before = desk.rows("SELECT * FROM history WHERE stars = 2")
    for _ in range(2):
        source.advance(days=1)
        source.world.star("acme/p1", 5)
        source.fetch()
    lines = read_lines(snapshot_of(source, history=True))
    line = next(line for line in lines if line.get("coordinate") == "github.com/acme/p1")
    line["facts"]["repository"]["node_id"] = "R_another"
    file = desk.path.with_name("other.jsonl.gz")
    file.write_bytes(pack(lines))
    assert take(file, desk.path, now=desk.world.now).exit_code == 5
    ((number, *_),) = before
    assert desk.rows("SELECT * FROM history WHERE package_id = ?", (number,)) == before


def test_an_address_costs_one_conditional_request_without_a_token(source: Desk, desk: Desk, web: Server) -> None:
    web.files["/s.jsonl.gz"] = snapshot_of(source).read_bytes()
    env = {"GH_TOKEN": "canary-token", "GITHUB_TOKEN": "canary-token"}
    first = take(f"{web.url}/s.jsonl.gz", desk.path, env=env, now=desk.world.now)
    before = values(desk), desk.rows("SELECT * FROM facts"), desk.rows("SELECT * FROM snapshots")
    again = take(f"{web.url}/s.jsonl.gz", desk.path, env=env, now=desk.world.now)
    assert (values(desk), desk.rows("SELECT * FROM facts"), desk.rows("SELECT * FROM snapshots")) == before
    assert len(web.requests) == 2
    assert "if-none-match" not in web.requests[0][1]
    assert "if-none-match" in web.requests[1][1]
    assert not any("authorization" in headers or "canary" in str(headers) for _, headers in web.requests)
    assert {headers["user-agent"] for _, headers in web.requests} == {user_agent()}
    assert [report.snapshot.requests for report in (first, again) if report.snapshot] == [1, 1]
    assert summary_lines(again)[0] == "snapshot: unchanged (1 request)"
    assert again.exit_code == 0
    assert desk.rows("SELECT count(*) FROM runs WHERE asked LIKE '--from http%' AND exit = 0") == [(2,)]


def test_redirects_are_followed_and_not_counted(source: Desk, desk: Desk, web: Server) -> None:
    web.files["/s.jsonl.gz"] = snapshot_of(source).read_bytes()
    web.redirects = {"/0": "/1", "/1": f"{web.url}/2", "/2": "/3", "/3": "/4", "/4": "/s.jsonl.gz"}
    report = take(f"{web.url}/0", desk.path, now=desk.world.now)
    assert report.snapshot is not None
    assert report.snapshot.requests == 1
    assert "p1" in desk.slugs()
    web.redirects["/x"] = "/0"
    with pytest.raises(SourceError, match="redirects"):
        take(f"{web.url}/x", desk.path, now=desk.world.now)


@pytest.mark.parametrize(
    "target", ["http://mirror.example.org/s", "ftp://127.0.0.1/s", "https://user:pw@mirror.example.org/s", "//\x7f/"]
)
def test_a_redirect_to_an_unsafe_address_is_not_followed(target: str, desk: Desk, web: Server) -> None:
    web.redirects["/s"] = target
    with pytest.raises(SourceError, match="redirect"):
        take(f"{web.url}/s", desk.path, now=desk.world.now)
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://mirror.example.org/s.jsonl.gz",
        "ftp://mirror.example.org/s",
        "https://user:secret@mirror.example.org/s",
        "https:///s",
        "https://mirror.example.org:x/s",
        "https://mirror.example.org/s#sha256=abc",
        "https://mirror.example.org/s#fragment",
        "",
        "file#sha256=12",
    ],
)
def test_an_unsafe_address_is_a_usage_error(address: str, desk: Desk) -> None:
    with pytest.raises(UsageError) as raised:
        take(address, desk.path)
    assert "secret" not in str(raised.value)
    assert not desk.path.exists()


def test_an_unchanged_file_is_verified_too(source: Desk, desk: Desk, web: Server) -> None:
    web.files["/s"] = body = snapshot_of(source).read_bytes()
    place, digest = f"{web.url}/s", hashlib.sha256(body).hexdigest()
    for fragment in ("", f"#sha256={digest}"):
        take(place + fragment, desk.path, now=desk.world.now)
    assert ["if-none-match" in headers for _, headers in web.requests] == [False, True]
    with pytest.raises(SourceError, match="SHA-256"):
        take(f"{place}#sha256={'0' * 64}", desk.path, now=desk.world.now)
    assert "if-none-match" not in web.requests[2][1]


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_the_digest_is_of_the_file_where_a_server_calls_it_a_compressed_response(
    encoding: str, source: Desk, desk: Desk, web: Server
) -> None:
    web.files["/s"] = body = snapshot_of(source).read_bytes()
    web.headers["/s"] = {"Content-Encoding": encoding}
    place = f"{web.url}/s#sha256={hashlib.sha256(body).hexdigest()}"
    assert take(place, desk.path, now=desk.world.now).exit_code == 0
    assert values(desk) == values(source)


def test_the_digest_of_a_file_is_verified(source: Desk, desk: Desk, web: Server) -> None:
    file = snapshot_of(source)
    web.files["/s"] = file.read_bytes()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    for place in (f"{web.url}/s", str(file)):
        with pytest.raises(SourceError, match="SHA-256"):
            take(f"{place}#sha256={'0' * 64}", desk.path, now=desk.world.now)
        assert not desk.path.exists()
    for place in (f"{web.url}/s", str(file)):
        assert take(f"{place}#sha256={digest.upper()}", desk.path, now=desk.world.now).exit_code == 0


def test_the_query_of_an_address_is_not_stored(source: Desk, desk: Desk, web: Server) -> None:
    web.files["/s"] = snapshot_of(source).read_bytes()
    take(f"{web.url}/s?signature=canary", desk.path, now=desk.world.now)
    assert web.requests[0][0] == "/s?signature=canary"
    with closing(sqlite3.connect(desk.path)) as db:
        assert "canary" not in "\n".join(db.iterdump())


def test_a_failed_download_changes_nothing(source: Desk, desk: Desk, web: Server) -> None:
    hand_on(source, desk)
    before = state(desk.path)
    with pytest.raises(HTTPStatusError, match="404"):
        take(f"{web.url}/missing", desk.path, now=desk.world.now)
    web.files["/s"] = snapshot_of(source).read_bytes()
    web.cut = 100
    with pytest.raises(Unreachable):
        take(f"{web.url}/s", desk.path, now=desk.world.now)
    web.cut = None
    web.statuses["/s"] = [503] * 9
    with pytest.raises(HTTPStatusError, match="503"):
        take(f"{web.url}/s", desk.path, now=desk.world.now)
    assert state(desk.path) == before
    web.statuses["/s"] = [503]
    report = take(f"{web.url}/s", desk.path, now=desk.world.now)
    assert report.snapshot is not None
    assert report.snapshot.requests == 2


def test_it_needs_the_fetch_lock(source: Desk, desk: Desk) -> None:
    file = snapshot_of(source)
    with fetch_lock(desk.path), pytest.raises(FetchRunning):
        take(file, desk.path, now=desk.world.now)


def test_a_file_that_cannot_be_read_is_a_usage_error(desk: Desk) -> None:
    for file in (desk.path.with_name("missing.jsonl.gz"), desk.path.parent):
        with pytest.raises(UsageError, match="cannot read"):
            take(file, desk.path)


def test_the_report_counts_packages_by_source(source: Desk, desk: Desk) -> None:
    report = report_json(hand_on(source, desk))
    counts: Any = report["sources"]
    assert (counts["catalog"]["asked"], counts["github"]["updated"], counts["pypi"]["updated"]) == (5, 5, 5)
    assert report["snapshot"] == {
        "place": str(source.path.with_name("s.jsonl.gz")),
        "made": "2026-11-23T12:00:00Z",
        "packages": 5,
        "requests": 0,
    }
    json.dumps(report)


def test_facts_of_an_edited_address_stay_private(source: Desk, desk: Desk) -> None:
    source.world.add_repository("secret/fork", stars=77, commits=[3])
    source.edit("p1", repo_url="https://github.com/secret/fork")
    source.fetch("p1")
    assert source.field("p1", "repo_watchers") == 77
    text = gzip.decompress(snapshot_of(source, history=True).read_bytes()).decode()
    assert "secret" not in text
    assert "acme/p1" in text


def test_the_own_record_is_there_too(source: Desk, desk: Desk) -> None:
    hand_on(source, desk)
    assert desk.show(STARTER) == expected(desk.world, desk.world.package(STARTER))
