"""Batch sizes, shared by fetching and by `--dry-run`."""

from __future__ import annotations

CATALOG_PAGE_SIZE = 250
"""Packages in one page of the catalog's list, about 200 KB."""
PROBE_BATCH_SIZE = 100
"""Repositories in one probe: `nodes` takes at most 100 ids (GitHub GraphQL: "node limit")."""
COMMITS_BATCH_SIZE = 25
"""Repositories in one query for commits. With 100 commits each that is 2,500 nodes; in larger queries GitHub silently
left repositories out."""
ONE_BY_ONE_LIMIT = 10
"""Up to this many named repositories are fetched one by one, even with a token, because their pages have validators."""
SERIAL_LIST_MINIMUM = 300
"""With more projects than this whose serial is stored, PyPI's list of serials is fetched."""
MIN_LIST_RATIO = 0.9
"""A list shorter than this part of the previous one is treated as a fault of the source."""
