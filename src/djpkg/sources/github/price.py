"""What a sweep costs, told before it is begun."""

from __future__ import annotations

from typing import NamedTuple

PROBES = 100
"""Repositories in one probe: it has no connection, and `nodes` takes no more ids (GitHub GraphQL: "node limit")."""
WINDOWS = 25
"""Repositories in one window query: with 100 commits each that are 2,500 nodes, and with more GitHub has been seen to
leave some out without a word."""


class Price(NamedTuple):
    """Points of GraphQL, and requests to REST."""

    points: int
    rest: int


def price(asks: int, *, moved: int | None = None) -> Price:
    """What it costs to ask for so many repositories by GraphQL, `moved` of which have a head that is not stored.

    A point a query. Where nobody knows how many have moved, all of them are taken to have. Repositories with more than
    a hundred commits a year, or as many contributors, cost a little more.
    """
    moved = asks if moved is None else min(moved, asks)
    return Price(points=-(-asks // PROBES) + -(-moved // WINDOWS), rest=moved)
