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


def moves(description: str) -> list[str]:
    """Return the addresses on the same forge to which the repository django-pots moved."""
    return [
        url
        for url, lead in find_announcements(description)
        if is_move(lead, name="django-pots", new_name=url.rpartition("/")[2])
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
