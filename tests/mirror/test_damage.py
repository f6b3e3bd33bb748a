"""Damaged rows harm their own package alone: hundreds of damaged values, each through every command."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.cli import options
from djpkg.editing.assignments import get_editable_field
from djpkg.mirror import rebuild
from djpkg.mirror.connection import open_write, transaction
from djpkg.mirror.write import Writer
from tests.cli.running import run, run_on_terminal
from tests.damage import INVALID_UTF8, OWNERS, TABLES, Damage, apply, columns_of, generate, key_of
from tests.fetching import Desk, add_starter, check_integrity, expected
from tests.world import GITLAB, Release, World, WorldServer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SEED = 20261123
CODES = {0, 1, 2, 3, 5, 74}
# Every reading command, in every format, with filters and orders that read each kind of column. {folder} is that of the
# mirror.
READING = (
    ("list", "--json"),
    ("list", "--json", "-f", "all"),
    ("list", "--csv", "-f", "all"),
    ("list", "forms", "python:3..", "-is:archived", "participant:no body", "--sort", "version,-django,edited"),
    ("list", "tag:prod", "note:any", "--sort", "note,tags", "--json", "-f", "note,tags"),
    ("list", "is:active", "--sort", "released", "--sort", "category", "grid:forms", "checked:github"),
    ("compare", "alpha", "beta", "--json"),
    ("compare", "grid:forms", "--markdown"),
    ("changes", "--since", "10y", "--json"),
    ("grids", "--json"),
    ("status", "--json"),
    ("show", "alpha", "--json"),
    ("show", "2", "-f", "all"),
    ("show", "alpha", "--sources"),
    ("show", "no-such-package"),
    ("fetch", "--all", "--dry-run"),
    ("check", "{folder}/requirements.txt", "--json"),
    ("check", "{folder}/requirements.txt", "--django", "5.2", "--markdown"),
    ("snapshot", "{folder}/public.jsonl.gz", "--history"),
    ("changes", "--since", "10y", "--atom"),
    ("list", "--count", "state"),
    ("list", "--count", "tags", "--json"),
    ("list", "-r", "{folder}/requirements.txt", "--csv"),
    ("list", "-r", "{folder}/requirements.txt", "--unlisted"),
    ("list", "requires:beta", "--sort", "used_by", "--json"),
)
ON_TERMINAL = (
    ("list", "-n", "0"),
    ("list", "-f", "all"),
    ("show", "alpha"),
    ("show", "2", "--sources"),
    ("compare", "alpha", "beta", "twin"),
    ("changes", "--since", "10y"),
    ("grids",),
    ("status",),
    ("check", "{folder}/requirements.txt", "-v"),
    ("list", "--count", "grid_slugs"),
    ("list", "requires:beta"),
)
REQUIREMENTS = "alpha==1.0\nBeta>=1\non-gitlab\ntwin @ git+https://github.com/acme/shared\nno-such-package\n"


@pytest.fixture
def world() -> World:
    return new_world()


def new_world() -> World:
    world = World()
    add_starter(world)
    world.add_grid(7, "Forms")
    needed = Release("1.0", world.now - timedelta(days=30), requires_dist=("django>=4.2", "beta>1; extra == 'x'"))
    numbers: dict[str, Any] = {"stars": 5, "forks": 2, "commits": [1, 9, 40], "releases": [needed], "grids": [7]}
    world.add_project("django", [("4.2", 900), ("5.2", 100)])
    world.add_package("alpha", id=1, license="MIT", **numbers)
    world.add_package("beta", id=2, documentation_url=None, **numbers)
    world.add_package("on-gitlab", id=3, host=GITLAB, path="group/x", commits=[3], stars=4)
    world.add_package("twin", id=4, path="acme/shared", stars=9, commits=[2], category=2)
    world.add_package("sibling", id=5, repo_url="https://github.com/Acme/Shared", category=2)
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: bytes) -> Desk:
    """A mirror after two fetches, with edits and events; the world has moved on since."""
    for api in ("github", "gitlab"):
        server.quota(api, authorised=False).limit = 10**9
    desk = Desk(server, tmp_path / "mirror.db")
    monkeypatch.setattr(options, "now", lambda: server.world.now)
    monkeypatch.setenv("PATH", "/nonexistent")
    change(server.world)
    desk.path.write_bytes(mirror)
    with open_write(desk.path) as db, transaction(db):  # as after a snapshot
        made = "2026-01-01T00:00:00Z"
        row = (f"{desk.path.parent}/public.jsonl.gz", made, made)
        db.execute("INSERT INTO snapshots (address, made, taken) VALUES (?, ?, ?)", row)
    desk.path.with_name("requirements.txt").write_text(REQUIREMENTS)
    desk.advance(hours=30)
    return desk


def change(world: World) -> None:
    """Let a day pass, on which each package changes."""
    world.now += timedelta(hours=30)
    for package in world.packages.values():
        repo = world.find_repo(*package.repo_url.removeprefix("https://").partition("/")[::2])
        if repo is not None:
            repo.stars += 1
            repo.archived = repo.path == "acme/alpha"
    world.packages[2].title = "Changed"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file after two fetches and two edits."""
    with WorldServer(new_world()) as server:
        desk = Desk(server, tmp_path_factory.mktemp("fetched") / "mirror.db")
        desk.fetch()
        change(server.world)
        desk.fetch()
    for number, values in (
        (2, {"title": "Mine", "grids": [], "note": "used", "tags": ["one", "prod"]}),
        (3, {"repo_watchers": 77, "participants": ["me"], "tags": ["prod"], "replaced_by": "twin"}),
    ):
        with open_write(desk.path) as db:
            writer = Writer(db, forges={})
            writer.update_overrides(number, lambda _, values=values: values, unset=[], now=server.world.now)  # type: ignore[misc]
    return desk.path.read_bytes()


@dataclass
class Tally:
    """How many values were damaged, in which tables and columns, and what the commands and fetches did about them."""

    tried: int = 0
    damaged: Counter[str] = field(default_factory=Counter)
    columns: set[tuple[str, str]] = field(default_factory=set)
    named: int = 0
    repaired: int = 0
    unset: int = 0


def damage_and_use(desk: Desk, number: int, *, seed: int = SEED) -> Tally:
    """Damage one value after another, each in a copy of the mirror, and use the copy with every command."""
    sound = desk.path
    shutil.copy(sound, sound.with_name("sound.db"))
    sound = sound.with_name("sound.db")
    tally = Tally()
    for damage in generate(sound, number, seed=seed):
        shutil.copy(sound, desk.path)
        tally.tried += 1
        if not apply(desk.path, damage):
            continue
        tally.damaged[damage.table] += 1
        tally.columns.add((damage.table, damage.column))
        try:
            use(desk, damage, tally)
        except BaseException as error:
            error.add_note(str(damage))
            raise
    return tally


def use(desk: Desk, damage: Damage, tally: Tally) -> None:
    messages = [read(desk, arguments, terminal=False) for arguments in READING]
    messages += [read(desk, arguments, terminal=True) for arguments in ON_TERMINAL]
    if damage.table == "snapshots":
        messages.append(read(desk, ("fetch", "--from", "{folder}/public.jsonl.gz"), terminal=False))
    tally.named += any("damaged" in text or "not used" in text for text in messages)
    harmed = owner_of(desk, damage)
    check_list(desk, harmed)
    if damage.table in USER_TABLES:
        check_refreshed(desk, harmed)
    unset_everything(desk, tally)
    report = desk.fetch(next(slug for slug in ("on-gitlab", "twin", "alpha") if ids_of(desk, slug).isdisjoint(harmed)))
    assert report.exit_code == 0, report.failures
    report = desk.fetch()
    assert report.stop_code is None, report.failures
    assert report.exit_code in (0, 5), report.failures
    tally.repaired += damage.table in ("packages", "facts") and not report.failures
    check_records(desk, harmed)
    for package in harmed:
        slug = desk.world.packages[package].slug
        is_unique = desk.rows("SELECT count(*) FROM packages WHERE slug = ?", (slug,)) == [(1,)]
        report = desk.fetch(slug if is_unique else str(package), refetch=True)
        assert report.exit_code == 0, (slug, report.failures, report.unknown)
    check_records(desk, set())
    ended = run("list", "--json", "-f", "all", "--db", str(desk.path))
    assert (ended.code, ended.err) == (0, "")
    if damage.table in ("packages", "facts"):
        if damage.column == "package_id":  # a row of no package stays until a rebuild
            assert run("doctor", "--rebuild", "--db", str(desk.path)).code == 0
        check_integrity(desk.path)


USER_TABLES = ("overrides", "notes", "tags")
STORED = (
    "SELECT package_id, CAST(field AS BLOB) FROM overrides UNION SELECT package_id, CAST('note' AS BLOB) FROM notes"
    " UNION SELECT package_id, CAST('tags' AS BLOB) FROM tags"
)


def ids_of(desk: Desk, slug: str) -> set[int]:
    return {number for number, package in desk.world.packages.items() if package.slug == slug}


def read(desk: Desk, arguments: tuple[str, ...], *, terminal: bool) -> str:
    words = [word.replace("{folder}", str(desk.path.parent)) for word in arguments]
    ended = (run_on_terminal if terminal else run)(*words, "--db", str(desk.path))
    assert ended.code in CODES, (arguments, ended)
    assert "Traceback" not in ended.err
    if "--json" in arguments and ended.out:
        json.loads(ended.out)
    return ended.err


def owner_of(desk: Desk, damage: Damage) -> set[int]:
    """The packages that the damaged row belongs to, before and after."""
    key = OWNERS.get(damage.table)
    if key is None:
        return set()
    owners: set[int] = set()
    for path in (desk.path.with_name("sound.db"), desk.path):
        with closing(sqlite3.connect(path)) as db:
            order = ", ".join(key_of(db, damage.table))
            sql = f"SELECT {key} FROM {damage.table} ORDER BY {order} LIMIT 1 OFFSET {damage.row}"
            db.text_factory = bytes  # not all of it may be UTF-8
            found = db.execute(sql).fetchone()
            owners.add(found[0])
    return {owner for owner in owners if owner in desk.world.packages}


def check_list(desk: Desk, harmed: set[int]) -> None:
    """The list has all other packages; the harmed one is right, or left out and named."""
    ended = run("list", "--json", "--db", str(desk.path))
    assert ended.code == 0
    listed = {record["id"] for record in json.loads(ended.out)}
    assert desk.world.packages.keys() - harmed <= listed
    for missing in harmed - listed:
        with closing(sqlite3.connect(desk.path)) as db:
            exists = db.execute("SELECT 1 FROM packages WHERE id = ?", (missing,)).fetchone()
        names = (desk.world.packages[missing].slug, str(missing))
        assert not exists or any(name in ended.err for name in names)


def check_records(desk: Desk, harmed: set[int]) -> None:
    """All but the harmed packages have the world's current values, apart from edits."""
    ended = run("list", "--json", "--db", str(desk.path))
    assert ended.code == 0
    records = {record["id"]: record for record in json.loads(ended.out)}
    for number, package in desk.world.packages.items():
        if number not in harmed:
            assert records[number] == expected(desk.world, package)


def check_refreshed(desk: Desk, harmed: set[int]) -> None:
    """A fetch stores the news of a package with a damaged override."""
    for number in harmed:
        owner, path = desk.world.packages[number].repo_url.removeprefix("https://").split("/", 1)
        repo = desk.world.find_repo(owner, path)
        assert repo is not None
        repo.forks += 1
    report = desk.fetch(refetch=True)
    assert report.stop_code is None, report.failures
    for number in harmed:
        owner, path = desk.world.packages[number].repo_url.removeprefix("https://").split("/", 1)
        repo = desk.world.find_repo(owner, path)
        assert repo is not None
        forks = desk.rows("SELECT repo_forks FROM packages WHERE id = ?", (number,))
        assert forks == [(repo.forks,)], (number, report.failures)


def unset_everything(desk: Desk, tally: Tally) -> None:
    """Remove each stored value of the user with the command line, whatever its field is called."""
    with closing(sqlite3.connect(desk.path)) as db:
        db.text_factory = bytes  # not all of it may be UTF-8
        stored = db.execute(STORED).fetchall()
        known = {number for (number,) in db.execute("SELECT id FROM packages")}
    for package, name in stored:
        if package not in known or b"\0" in name:  # no package to name, and no argument can contain NUL
            continue
        ended = run("edit", str(package), f"--unset={os.fsdecode(name)}", "--db", str(desk.path))
        assert ended.code == 0, (package, name, ended)
        tally.unset += 1
    with closing(sqlite3.connect(desk.path)) as db:
        db.text_factory = bytes
        left = db.execute(STORED).fetchall()
        for table in USER_TABLES:
            db.execute(f"DELETE FROM {table}")
        db.commit()
    assert all(package not in known or b"\0" in name for package, name in left)


EXAMPLES = (
    Damage("packages", "grids", 0, "null"),
    Damage("packages", "edited", 1, 1.5),
    Damage("packages", "checked", 0, "[]"),
    Damage("packages", "python_versions", 0, "{}"),
    Damage("packages", "participants", 1, '["x"'),
    Damage("packages", "slug", 0, None),
    Damage("packages", "title", 0, INVALID_UTF8),
    Damage("packages", "forge", 0, "sourcehut"),
    Damage("packages", "repo_description", 2, 2**63 - 1),
    Damage("facts", "source", 0, "nonsense"),
    Damage("facts", "facts", 0, "{"),
    Damage("facts", "facts", 1, "{}"),
    Damage("facts", "facts", 1, None),
    Damage("facts", "package_id", 1, 2**63 - 1),
    Damage("facts", "retry_after", 1, "yesterday"),
    Damage("overrides", "value", 0, '"x"'),
    Damage("overrides", "field", 0, "no_such_field"),
    Damage("overrides", "field", 0, 5),
    Damage("notes", "note", 0, b"\xff"),
    Damage("notes", "note", 0, INVALID_UTF8),
    Damage("notes", "edited", 0, 5),
    Damage("tags", "tag", 0, b"\xff"),
    Damage("tags", "tag", 1, 5),
    Damage("tags", "tag", 2, "a,b"),
    Damage("tags", "edited", 0, None),
    Damage("tags", "package_id", 0, "x"),
    Damage("packages", "tags", 1, '["x"'),
    Damage("packages", "note", 1, b"\xff"),
    Damage("events", "at", 0, b""),
    Damage("sweeps", "packages", 0, 10**12),
    Damage("runs", "report", 0, "nope"),
    Damage("facts", "parser_version", 1, b""),
    Damage("requirements", "since", 0, b""),
    Damage("releases", "version", 0, 5),
    Damage("history", "stars", 0, "x"),
    Damage("projects", "retry_after", 0, 1),
    Damage("projects", "facts", 0, "{}"),
    Damage("project_releases", "version", 0, b"\xff"),
    Damage("snapshots", "etag", 0, b"\xff"),
    Damage("notes", "package_id", 0, 2**63 - 1),
)


@pytest.mark.parametrize(
    "damage", [*EXAMPLES[::4], *(pytest.param(one, marks=pytest.mark.campaign) for one in EXAMPLES)], ids=str
)
def test_a_damaged_value_harms_its_own_package_alone(desk: Desk, damage: Damage) -> None:
    shutil.copy(desk.path, desk.path.with_name("sound.db"))
    assert apply(desk.path, damage)
    use(desk, damage, Tally())


def test_a_list_goes_on_without_a_damaged_package_and_names_it(desk: Desk) -> None:
    assert apply(desk.path, Damage("packages", "grids", 0, "null"))
    for arguments in (("list",), ("list", "--csv", "-f", "all"), ("compare", "alpha", "beta", "--markdown")):
        ended = run(*arguments, "--db", str(desk.path))
        if "-f" in arguments:
            assert ended.err.splitlines() == [
                "1 damaged package left out: alpha (invalid grids 'null')",
                f"djpkg fetch --db {desk.path} alpha --refetch writes it anew",
            ]
            assert "beta" in ended.out
            assert "alpha" not in ended.out
        else:  # what is not read harms nobody
            assert (ended.code, ended.err) == (0, "")
            assert "alpha" in ended.out
    shown = run("show", "alpha", "--json", "--db", str(desk.path))
    assert (shown.code, shown.out) == (74, "")
    assert f"djpkg fetch --db {desk.path} alpha --refetch" in shown.err


@pytest.mark.parametrize(
    ("column", "value"), [("failed", "[1.5]"), ("checked", '["x"]'), ("participants", '{"a":"b"}')]
)
def test_a_value_of_another_shape_is_damaged_also_in_the_first_row(desk: Desk, column: str, value: str) -> None:
    assert apply(desk.path, Damage("packages", column, 0, value))
    ended = run("list", "--json", "-f", "slug,failed,checked,participants", "-s", "slug", "--db", str(desk.path))
    assert json.loads(ended.out)[0]["slug"] == "beta"
    assert ended.err.startswith("1 damaged package left out: alpha")


def test_a_fetch_names_what_it_cannot_write_anew(desk: Desk) -> None:
    assert apply(desk.path, Damage("overrides", "value", 0, '"x"'))  # of the grids of beta
    del desk.world.packages[5]  # "sibling" is removed, so the catalog is not asked for it again
    with closing(sqlite3.connect(desk.path)) as db:
        db.execute("UPDATE facts SET facts = '[]' WHERE package_id = 5 AND source = 'catalog'")
        db.commit()
    report = desk.fetch("beta", "sibling")
    reasons = {failure.slug: failure.reason for failure in report.failures}
    assert "djpkg edit beta --unset grids" in reasons["beta"]
    assert "djpkg fetch sibling --refetch" in reasons["sibling"]
    assert report.exit_code == 5


@pytest.mark.campaign
def test_damaged_values_harm_their_own_package_alone(desk: Desk) -> None:
    tally = damage_and_use(desk, 80, seed=SEED + 1)
    assert sum(tally.damaged.values()) >= 60
    assert tally.named >= 8
    assert tally.repaired >= 15
    assert tally.unset >= 150


@pytest.mark.nightly
def test_hundreds_of_damaged_values_harm_their_own_package_alone(desk: Desk) -> None:
    tally = damage_and_use(desk, 650)
    assert sum(tally.damaged.values()) >= 550
    assert set(tally.damaged) == set(TABLES)
    columns = {(table, column) for table, names in columns_of(desk.path).items() for column in names}
    # Such a column takes only integers.
    keys = {(table, "id") for table in ("packages", "events", "categories", "grids")} | {("notes", "package_id")}
    assert columns - tally.columns <= keys
    assert tally.named >= 100
    assert tally.repaired >= 200
    assert tally.unset >= 2000


def _raise(*arguments: Any, **_: Any) -> None:
    raise AssertionError(arguments)


# Each switches one protection off.
MUTANTS: dict[str, tuple[str, Any]] = {
    "lists do not leave rows out": ("djpkg.mirror.listing._leave_out", _raise),
    "types are not checked": ("djpkg.mirror.serialization.is_text", lambda _: True),
    "nothing is repaired": ("djpkg.mirror.write.Writer.repair", lambda *_, **__: []),
    "a package that cannot be merged ends the page": ("djpkg.mirror.merging._unmerged", _raise),
    "all overrides apply": ("djpkg.mirror.overrides.is_valid_override", lambda *_: True),
    "only known fields are unset": (
        "djpkg.cli.commands.edit._check_editable",
        lambda names, _: list(map(get_editable_field, names)),
    ),
    "text is not checked": ("djpkg.mirror.connection.decode_text", str),
}

QUICK = {
    "lists do not leave rows out",
    "nothing is repaired",
    "text is not checked",
    "a package that cannot be merged ends the page",
}


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(name, marks=pytest.mark.campaign if name in QUICK else pytest.mark.nightly) for name in MUTANTS],
)
def test_the_campaign_fails_without_a_protection(desk: Desk, monkeypatch: pytest.MonkeyPatch, mutant: str) -> None:
    monkeypatch.setattr(*MUTANTS[mutant])
    for arguments in READING:  # only damage makes a difference
        read(desk, arguments, terminal=False)
    with pytest.raises(Exception) as failure:  # noqa: PT011 - a traceback, or an assertion of the campaign
        damage_and_use(desk, 650)
    assert failure.value.__notes__


# The doctor.


def users_rows(path: Path) -> list[list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        return [db.execute(f"SELECT * FROM {table}").fetchall() for table in USER_TABLES]


def diagnose_and_rebuild(desk: Desk, damage: Damage) -> Counter[str]:
    """Examine, rebuild, and examine again; only what is the user's may still be a fault. Returns what was counted."""
    found = run("doctor", "--json", "--db", str(desk.path))
    report = json.loads(found.out)
    faults = [check for check in report["checks"] if check["status"] == "fault"]
    assert found.code == report["exit"] == (74 if faults else 0)
    assert all(check["remedy"] for check in faults)
    before = users_rows(desk.path)
    rebuilt = run("doctor", "--rebuild", "--json", "--db", str(desk.path))
    assert users_rows(desk.path) == before
    left = [check for check in json.loads(rebuilt.out)["checks"] if check["status"] == "fault"]
    if damage.table not in USER_TABLES:
        assert left == []
        assert rebuilt.code == 0
    err = run("list", "--json", "-f", "all", "--db", str(desk.path)).err
    if damage.table == "sweeps" and err:  # only a fetch knows the end of a sweep
        assert err.startswith("the catalog was never read completely")
    else:
        assert err == "" or damage.table in USER_TABLES
    return Counter(damaged=1, found=bool(faults), left=bool(left))


def damage_and_rebuild(desk: Desk, damages: Iterable[Damage]) -> Counter[str]:
    sound = desk.path.with_name("sound.db")
    shutil.copy(desk.path, sound)
    counts: Counter[str] = Counter()
    for damage in damages:
        shutil.copy(sound, desk.path)
        if apply(desk.path, damage):
            try:
                counts += diagnose_and_rebuild(desk, damage)
            except BaseException as error:
                error.add_note(str(damage))
                raise
    return counts


def test_a_rebuild_repairs_damaged_rows_and_keeps_those_of_the_user(desk: Desk) -> None:
    counts = damage_and_rebuild(desk, EXAMPLES[::4])
    assert counts["damaged"] == len(EXAMPLES[::4])


@pytest.mark.campaign
def test_a_rebuild_repairs_damaged_columns_and_keeps_those_of_the_user(desk: Desk) -> None:
    counts = damage_and_rebuild(desk, generate(desk.path, 60, seed=SEED))
    assert counts["damaged"] >= 45
    assert counts["found"] >= 20


@pytest.mark.campaign
@pytest.mark.parametrize("part", ["_reset_other_rows", "_delete_orphans"])
def test_a_rebuild_without_one_of_its_parts_would_leave_damaged_columns(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(rebuild, part, lambda _: None)
    with pytest.raises(AssertionError):
        damage_and_rebuild(desk, generate(desk.path, 60, seed=SEED))


@pytest.mark.nightly
def test_a_rebuild_repairs_every_damaged_column_and_keeps_those_of_the_user(desk: Desk) -> None:
    counts = damage_and_rebuild(desk, [*EXAMPLES, *generate(desk.path, 250, seed=SEED)])
    assert counts["damaged"] >= 200
    assert counts["found"] >= 100
