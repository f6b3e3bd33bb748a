"""The packaged seed record, and the rows of a mirror that contain it.

``python -m tests.seed`` writes them to the program's data folder.
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

# The categories of the catalog, unchanged since 2020; a fetch updates them.
CATEGORIES = (
    Category(id=1, slug="apps", title="App", title_plural="Apps"),
    Category(id=2, slug="frameworks", title="Framework", title_plural="Frameworks"),
    Category(id=3, slug="projects", title="Project", title_plural="Projects"),
    Category(id=4, slug="other", title="Other", title_plural="Others"),
    Category(id=5, slug="starter-projects", title="Starter Project", title_plural="Starter Projects"),
)


def seed_facts() -> FactsRow:
    """Return the seed record as facts of the catalog. djpkg never requested it, so it has no times."""
    values = json.loads(RECORD.read_text(encoding="ascii"))
    values["category"] = _id_in(values["category"])
    values["grids"] = tuple(map(_id_in, values["grids"]))
    for name in ("commits_over_52", "participants"):
        values[name] = tuple(values[name])
    record = CatalogFacts(**values)
    return FactsRow(SourceName.CATALOG, str(record.id), None, None, Outcome.UPDATED.value, None, record)


def seed_rows() -> dict[str, Sequence[Mapping[str, object]]]:
    """Return the rows of each table, in the order in which foreign keys allow to insert them."""
    row = seed_facts()
    record = cast("CatalogFacts", row.facts)
    facts = {
        "package_id": record.id,
        "source": row.source.value,
        "coordinate": row.coordinate,
        "outcome": row.outcome,
        "facts": json.dumps(asdict(record)),
    }
    return {
        "categories": [asdict(category) for category in CATEGORIES],
        "packages": [to_row(merge([row], {}))],
        "facts": [facts],
        "grids": [{"id": number} for number in record.grids],
        "package_grids": [
            {"package_id": record.id, "grid_id": number, "position": position}
            for position, number in enumerate(record.grids)
        ],
    }


def seed_text() -> str:
    """Return the content of the file, one value per line."""
    return json.dumps(seed_rows(), indent=1) + "\n"


def _id_in(address: str) -> int:
    return int(address.rstrip("/").rpartition("/")[2])


if __name__ == "__main__":
    seed.SEED_FILE.write_text(seed_text(), encoding="ascii")
