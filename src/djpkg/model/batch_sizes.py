"""In which portions the sources are asked: what a fetch does, and what its price is reckoned from."""

from __future__ import annotations

PAGE = 250
"""Packages in one page of the catalog's list: some 200 KB."""
PROBED = 100
"""Repositories in one probe: it has no connection, and `nodes` takes no more ids (GitHub GraphQL: "node limit")."""
WINDOWED = 25
"""Repositories in one window query: with 100 commits each that are 2,500 nodes, and with more GitHub has been seen to
leave some out without a word."""
FEW_REPOSITORIES = 10
"""Up to so many that are named are asked for one by one, even with a token: their pages come with validators."""
MANY_PROJECTS = 300
"""More projects than that, with a serial stored, are worth PyPI's list of serials."""
SHORTEST_LIST = 0.9
"""A list with less than this part of what it had the last time is an accident of the source's, not its news."""
