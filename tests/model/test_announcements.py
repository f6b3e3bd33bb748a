"""Descriptions that announce a move, and those that do not."""

from __future__ import annotations

import pytest

from djpkg.model.announcements import find_announcements, is_move

MOVES = [
    "Moved to https://github.com/clay/pots",
    "MOVED TO: <https://github.com/clay/vases>",
    "This repository has been moved to https://github.com/clay/vases.",
    "DEPRECATED: this project has moved to https://github.com/clay/vases",
    "Flower pots for Django. We've moved: https://github.com/clay/vases",
    "We have migrated to our new repository at https://github.com/clay/vases",
    "django-pots now lives at https://github.com/clay/vases",
    "Pots - moved to https://github.com/clay/vases",
    "New home: https://github.com/clay/vases",
    "Development continues at https://github.com/clay/vases",
    "A read-only mirror. Development happens at https://github.com/clay/vases",
    "This project is now maintained at https://github.com/clay/vases",
    "Moved from https://github.com/otto/pots to https://github.com/clay/vases",
    "Repository moved permanently to https://github.com/clay/vases",
    "This project was moved recently, see https://github.com/clay/vases",
    "Officially moved recently, permanently to https://github.com/clay/vases",
    "Now maintained officially at https://github.com/clay/vases",
    "Moved permanently from Bitbucket to https://github.com/clay/vases",
    "Transferred from Bitbucket to https://github.com/clay/vases",
    "No longer maintained here, it has moved to the Clay organization: https://github.com/clay/django-pots",
    "The pots module: now maintained at https://github.com/clay/django-pots",
]
OTHERS = [
    "Flower pots for Django, see https://github.com/clay/vases",
    "Moved from https://github.com/otto/pots",
    "Moved here from: https://github.com/otto/pots",
    "The CLI has moved to https://github.com/mara/pots-cli",
    "Pots for Django. The admin tool moved to https://github.com/mara/pots-admin",
    "Pots, with an importer that was moved to https://github.com/mara/pots-import",
    "The importer, moved to https://github.com/mara/pots-import, is a package of its own",
    "The importer moved permanently to https://github.com/mara/pots-import",
    "Moved pots permanently on shelves, see https://github.com/otto/shelf",
    "The tests were migrated to https://github.com/mara/pots-tests",
    "Templates of this project have moved to https://github.com/mara/pots-templates",
    "Docs now at https://github.com/mara/pots-docs",
    "Demo hosted at https://github.com/mara/pots-demo",
    "A port of https://github.com/otto/vases, which moved to https://github.com/clay/vases",
    "Pots moved from Celery to https://github.com/otto/channels",
    "Lets pots be moved to https://github.com/otto/shelf",
    "Mirror of https://github.com/clay/vases",
    "Superseded by https://github.com/clay/vases",
]


# About addresses on another host.
MOVES_ELSEWHERE = [
    *(one.replace("github.com", "codeberg.org") for one in MOVES if "from https" not in one),
    "Mirror of https://codeberg.org/clay/vases",
    "Read-only mirror of https://codeberg.org/clay/vases",
    "This is a GitHub mirror of <https://codeberg.org/clay/vases>",
    "Pots for Django - mirror, see https://codeberg.org/clay/vases",
    "django-pots lives on https://codeberg.org/clay/vases",
    "Moving to https://codeberg.org/clay/vases",
    "This project is migrating to Codeberg: https://codeberg.org/clay/vases",
    "Moved to [Codeberg](https://codeberg.org/clay/vases)",
    "MOVED -> https://codeberg.org/clay/vases",
    "Pots for Django. This project has moved. See https://codeberg.org/clay/vases",
    "We have moved! https://codeberg.org/clay/vases",
    "A clay app with glaze (moved to https://codeberg.org/clay/django-pots)",
]
OTHERS_ELSEWHERE = [
    *(one.replace("github.com", "codeberg.org") for one in OTHERS if not one.startswith("Mirror")),
    "The admin part moved to https://codeberg.org/o/admin-part",
    "A tool to track moved pages on https://gitlab.com/a/b",
    "Tests for moved objects, see https://gitlab.com/x/y",
    "Tests for moved objects. See https://gitlab.com/x/y",
    "Fork of https://github.com/o/zz, which moved to https://gitlab.com/o/zz",
    "A fork of https://github.com/otto/django-pots, which moved to https://gitlab.com/otto/django-pots",
    "Fork of django-pots (moved to https://gitlab.com/otto/django-pots)",
    "Moves files to https://bitbucket.org/x/y",
    "A tool for shelves moving to https://gitlab.com/x/y",
    "The importer has moved. See https://codeberg.org/mara/pots-import",
    "Keeps a mirror of each pot on https://gitlab.com/x/y",
    "Mirror models to https://gitlab.com/x/y",
    "Serves a PyPI mirror at https://gitlab.com/x/y",
]


def moves(description: str, *, elsewhere: bool = False) -> list[str]:
    """Return the addresses to which the repository django-pots moved."""
    return [
        url
        for url, lead in find_announcements(description)
        if is_move(lead, name="django-pots", new_name=url.rpartition("/")[2], elsewhere=elsewhere)
    ]


@pytest.mark.parametrize("description", MOVES)
def test_a_move_of_the_project_is_found(description: str) -> None:
    assert [url.partition(".com/")[2].partition("/")[0] for url in moves(description)] == ["clay"]


@pytest.mark.parametrize("description", OTHERS)
def test_parts_that_were_split_off_and_other_links_are_no_move(description: str) -> None:
    assert moves(description) == []


@pytest.mark.parametrize(
    "description", ["moved to https://github.com/a/b " * 5_000, "moved " * 20_000 + "https://a.b/c"]
)
def test_long_descriptions_are_read_in_part(description: str) -> None:
    assert len(list(find_announcements(description))) <= 20


@pytest.mark.parametrize("before", ["", "Pots. ", "moved ", "mirror "])
def test_words_that_can_be_read_in_two_ways_end_in_time(before: str) -> None:
    assert moves(f"{before}{'to org ' * 40}x https://a.b/c", elsewhere=True) == []


@pytest.mark.parametrize("description", MOVES_ELSEWHERE)
def test_a_move_to_another_host_is_found(description: str) -> None:
    assert [url.split("/")[2:4] for url in moves(description, elsewhere=True)] == [["codeberg.org", "clay"]]


@pytest.mark.parametrize("description", OTHERS_ELSEWHERE)
def test_parts_and_other_links_on_another_host_are_no_move(description: str) -> None:
    assert moves(description, elsewhere=True) == []
