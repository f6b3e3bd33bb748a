"""The record that the catalog once gave, and the rows of a mirror that follow from it.

``python -m tests.starter`` writes them to where the program reads them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from djpkg.mirror import seed
from djpkg.mirror.serialization import to_row
from djpkg.model.facts import CatalogFacts, Category, Outcome
from djpkg.model.merge import FactsRow, merge
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECORD = Path(__file__).parent / "data" / "django-todo.json"

# The catalog's categories have not changed since 2020; a fetch brings their present names.
CATEGORIES = (
    Category(id=1, slug="apps", title="App", title_plural="Apps"),
    Category(id=2, slug="frameworks", title="Framework", title_plural="Frameworks"),
    Category(id=3, slug="projects", title="Project", title_plural="Projects"),
    Category(id=4, slug="other", title="Other", title_plural="Others"),
    Category(id=5, slug="starter-projects", title="Starter Project", title_plural="Starter Projects"),
)


def facts() -> FactsRow:
    """The packaged record as the catalog's facts. It was asked for by nobody, so it bears no time of asking."""
    said = json.loads(RECORD.read_text(encoding="ascii"))
    said["category"] = _number(said["category"])
    for name in ("grids", "commits_over_52", "participants"):
        said[name] = tuple(_number(item) if name == "grids" else item for item in said[name])
    record = CatalogFacts(**said)
    return FactsRow(SourceName.CATALOG, str(record.id), None, None, Outcome.UPDATED.value, None, record)


def rows() -> dict[str, Sequence[Mapping[str, object]]]:
    """The rows of each table, those first that others refer to."""
    stored = facts()
    record = cast("CatalogFacts", stored.said)
    said = {
        "package_id": record.id,
        "source": stored.source.value,
        "coordinate": stored.coordinate,
        "outcome": stored.outcome,
        "said": json.dumps(asdict(record)),
    }
    return {
        "categories": [asdict(category) for category in CATEGORIES],
        "packages": [to_row(merge([stored], {}))],
        "facts": [said],
        "grids": [{"id": number} for number in record.grids],
        "package_grids": [
            {"package_id": record.id, "grid_id": number, "position": place} for place, number in enumerate(record.grids)
        ],
    }


def text() -> str:
    """The file, a line a value."""
    return json.dumps(rows(), indent=1) + "\n"


def _number(address: str) -> int:
    return int(address.rstrip("/").rpartition("/")[2])


if __name__ == "__main__":
    seed.SEED_FILE.write_text(text(), encoding="ascii")
