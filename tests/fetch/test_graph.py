"""The graph of requirements of a world that changes for ten days, against an oracle that knows what was planted.

The oracle keeps what each release requires of each day, as sets of names, and reads nothing of the mirror.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from djpkg.mirror import listing
from djpkg.mirror.connection import open_read
from djpkg.mirror.neighbours import get_dependencies
from djpkg.model import fields
from djpkg.query import parser
from tests.fetching import Desk, add_starter, quick_folder
from tests.world import Release, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import WorldServer

DAYS = 10
PACKAGES = 70
# Projects that many require at first, and what replaces each of them.
FADING = {"clay": "porcelain", "pots": "pans", "glaze": "lacquer"}
OTHERS = ("Django>=4.2", "six", "Pillow>=9", 'pytest; extra == "test"')
SPELLINGS = ("{}", "{}>=1.0", "{} (>=1.0,<9)", '{}>=2; python_version >= "3.8"')


@dataclass
class Planted:
    """One package: what its newest release requires of other projects, on each day on which djpkg could see it."""

    slug: str
    project: str
    archived: bool
    listed: bool = True
    gone: bool = False
    now: frozenset[str] = frozenset()
    days: dict[str, frozenset[str]] = field(default_factory=dict)


class Left(NamedTuple):
    """What the oracle knows about the packages that stopped requiring one."""

    packages: int
    since: str
    successors: tuple[tuple[str, int], ...]


class Garden:
    """A world of packages that require each other, and change their minds."""

    def __init__(self, seed: int, world: World) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a test's data
        self.world = world
        self.planted: dict[str, Planted] = {}
        names = [*FADING, *FADING.values(), *(f"shed-{number}" for number in range(PACKAGES))]
        for number, slug in enumerate(names):
            # Names on PyPI differ from slugs in case and separators, and some altogether.
            project = f"Yard.{slug}" if number % 7 == 3 else slug.replace("-", "_").title() if number % 3 else slug
            archived = self.random.random() < 0.2
            world.add_package(
                slug,
                releases=[("0.1", 300)],
                project=project,
                commits=[5],
                archived=archived,
                stars=self.random.randrange(90),
            )
            self.planted[slug] = Planted(slug, project, archived)
        # Two packages with one project: both require the same, and are required together.
        world.add_package("annex", pypi_url=world.project(self.planted["shed-1"].project).name, commits=[5])
        self.planted["annex"] = Planted("annex", self.planted["shed-1"].project, archived=False)
        for slug in names[len(FADING) * 2 :]:
            liked = {old for old in FADING if self.random.random() < 0.5}
            self.release(slug, liked | set(self.random.sample(names, self.random.randrange(3))))

    def release(self, slug: str, required: set[str]) -> None:
        """Publish a release that requires these packages, and projects that are none."""
        one = self.planted[slug]
        texts = [self.random.choice(SPELLINGS).format(self.spelled(name)) for name in sorted(required)]
        texts += self.random.sample(OTHERS, self.random.randrange(1, 4))
        optional = self.random.choice(list(self.planted))
        if self.random.random() < 0.3:
            texts.append(f'{self.spelled(optional)}; extra == "more"')
        if self.random.random() < 0.1:
            texts.append(one.project)  # a release may name its own project
        project = self.world.project(one.project)
        version = f"1.{len(project.releases)}"
        project.releases.append(Release(version, self.world.now - timedelta(hours=1), requires_dist=tuple(texts)))
        self.world.bump_serial(project)
        for other in self.planted.values():
            if other.project == one.project:
                other.now = frozenset(required)

    def spelled(self, slug: str) -> str:
        """The name of the package's project, in some spelling."""
        name = self.planted[slug].project
        return self.random.choice((name, name.upper(), name.replace("_", "-").lower()))

    def live_a_day(self) -> list[str]:
        """Change some requirements, mostly from what fades to what replaces it; remove and delete a few.

        Returns the packages whose project is back: a fetch of all does not ask for them on each day.
        """
        sheds = [slug for slug, one in self.planted.items() if slug.startswith("shed") and one.listed and not one.gone]
        for slug in self.random.sample(sheds, 12):
            required = set(self.planted[slug].now)
            for old, new in FADING.items():
                if old in required and self.random.random() < 0.6:
                    required -= {old}
                    required |= {new} if self.random.random() < 0.7 else set()
                elif old not in required and self.random.random() < 0.1:
                    required |= {old}  # some come back
            if self.random.random() < 0.3:
                required ^= {self.random.choice(sheds)}
            self.release(slug, required)
        if self.random.random() < 0.5:
            slug = self.random.choice(sheds[2:])
            self.world.remove_package(slug)
            self.planted[slug].listed = False
        if self.random.random() < 0.6:
            one = self.planted[self.random.choice([slug for slug in sheds[2:] if self.planted[slug].listed])]
            self.world.delete_project(one.project)
            one.gone = True
        back = []
        for one in self.planted.values():
            if one.gone and one.listed and self.random.random() < 0.2:
                project = self.world.project(one.project)
                project.state = "ok"
                self.world.bump_serial(project)
                one.gone = False
                back.append(one.slug)
        return back

    def see(self, day: str) -> None:
        """Note what djpkg can see on this day: nothing new about a gone project; removed packages are asked for too."""
        for one in self.planted.values():
            if not one.gone:
                one.days[day] = one.now

    # The oracle.

    def edges(self) -> set[tuple[str, str]]:
        """Who requires whom now."""
        return {
            (one.slug, other.slug)
            for one in self.planted.values()
            if not one.gone and one.days
            for name in list(one.days.values())[-1]
            for other in self.planted.values()
            if other.project == self.planted[name].project != one.project
        }

    def left(self, slug: str) -> Left | None:
        """Who required the package once and does not any more."""
        project = self.planted[slug].project
        since: list[str] = []
        added: Counter[str] = Counter()
        for one in self.planted.values():
            seen = [(day, {self.planted[name].project for name in names}) for day, names in one.days.items()]
            with_it = [place for place, (_, projects) in enumerate(seen) if project in projects]
            if not one.listed or one.gone or one.project == project or not with_it or with_it[-1] == len(seen) - 1:
                continue
            since.append(seen[with_it[-1] + 1][0])
            before = set[str]().union(*(projects for _, projects in seen[: with_it[0] + 1]))
            added.update(seen[-1][1] - before - {one.project})
        if not since:
            return None
        listed = {one.project: one.slug for one in reversed(self.planted.values()) if one.listed}
        counts = [(listed[name], number) for name, number in added.items() if name in listed]
        frequent = [(name, number) for name, number in counts if number > 1 or (len(since) == 1 == len(counts))]
        return Left(len(since), min(since), tuple(sorted(frequent)))


@pytest.fixture
def world() -> World:
    world = World()
    add_starter(world)
    return world


@pytest.fixture
def desk(server: WorldServer, tmp_path: Path) -> Iterator[Desk]:
    with quick_folder(tmp_path) as folder:
        yield Desk(server, folder / "mirror.db", tokens=server.token_env())


@pytest.mark.parametrize("seed", [12, pytest.param(34, marks=pytest.mark.campaign)])
def test_no_edge_no_count_and_no_successor_is_wrong_on_any_of_ten_days(desk: Desk, seed: int) -> None:
    garden = Garden(seed, desk.world)
    trends = 0
    for day in range(DAYS):
        if day:
            desk.advance(days=1, hours=1)
            if back := garden.live_a_day():
                desk.fetch(*back)
        garden.see(desk.world.now.date().isoformat())
        report = desk.fetch()
        assert not report.failures
        trends = compare(desk, garden)
    assert trends > len(FADING)
    assert any(not one.listed for one in garden.planted.values())
    assert any(one.gone for one in garden.planted.values())


def compare(desk: Desk, garden: Garden) -> int:
    """Compare everything that the mirror states about the graph with the oracle; return the number of successors."""
    edges, planted = garden.edges(), garden.planted
    listed = {slug for slug, one in planted.items() if one.listed}
    columns = fields.parse_columns("slug,requires,used_by")
    trends = 0
    with open_read(desk.path) as db:
        ids = dict(db.execute("SELECT slug, id FROM packages").fetchall())
        rows = {str(row["slug"]): row for row in listing.get_rows(db, list(ids.values()), columns, now=desk.world.now)}
        for slug in planted:
            users = {user for user, used in edges if used == slug}
            used = {used for user, used in edges if user == slug}
            assert rows[slug]["requires"] == sorted(used & listed), slug
            assert rows[slug]["used_by"] == len(users & listed), slug
            found = listing.find_ids(db, parser.parse_query([f"requires:{slug}"], now=desk.world.now), ())
            assert set(found) == {ids[user] for user in users}, slug
            shown = get_dependencies(db, ids[slug], now=desk.world.now)
            assert sorted(shown.used_by) == sorted(users & listed), slug
            assert shown.active == sum(not planted[user].archived for user in users & listed), slug
            shown_used = {one.slug for one in shown.requires}
            assert used & listed <= shown_used <= used, slug
            assert {planted[one].project for one in shown_used} == {planted[one].project for one in used}, slug
            truth = garden.left(slug)
            left = shown.left and Left(shown.left.packages, shown.left.since, tuple(sorted(shown.left.successors)))
            assert left == truth, slug
            trends += len(truth.successors) if truth else 0
    return trends
