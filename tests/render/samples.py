"""An invented package, functions that render to text, and texts with control characters."""

from __future__ import annotations

import io
import random
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console

from djpkg.model.fields import FIELDS, Owner
from djpkg.model.package import DJPKG, YOU, Origin, Package, Provenance
from djpkg.model.state import matching_states

if TYPE_CHECKING:
    from rich.console import RenderableType

    from djpkg.model.package import Value, Values

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEEKS: list[int] = [1, 0, 0, 2, 0, 1, 0, 0] * 6 + [3, 0, 12, 1]
VALUES: dict[str, Value] = {
    "category": "https://djangopackages.org/api/v4/categories/1/",
    "grids": ["https://djangopackages.org/api/v4/grids/53/"],
    "id": 7,
    "title": "django-pots",
    "slug": "django-pots",
    "last_updated": "2026-11-01T09:00:00Z",
    "last_fetched": "2026-11-23T10:00:00Z",
    "repo_url": "https://github.com/mara/django-pots",
    "pypi_version": "2.5.0",
    "created": "2010-09-28T06:40:18.899545-04:00",
    "modified": "2026-01-28T15:02:00.898914-05:00",
    "repo_forks": 285,
    "repo_description": "Flower pots for every model: glazed, stacked and counted. Waters the plants too.",
    "pypi_url": "django-pots",
    "documentation_url": "https://pots.example.org/en/latest/",
    "repo_watchers": 5112,
    "commits_over_52": WEEKS,
    "participants": ["mara", "otto", "dependabot[bot]", "ines", "wim"],
    "state": "active",
    "archived": False,
    "forge": "github",
    "repository": "mara/django-pots",
    "repo_state": "ok",
    "moved_to": None,
    "commits_last_year": sum(WEEKS),
    "participant_count": 5,
    "pypi_name": "django-pots",
    "pypi_state": "ok",
    "released": "2026-07-20T00:00:00Z",
    "yanked": False,
    "requires_python": ">=3.10",
    "python_versions": ["3.10", "3.13"],
    "django_versions": ["4.2", "5.1", "5.2", "6.0"],
    "license": "BSD-3-Clause",
    "development_status": None,
    "category_slug": "apps",
    "category_title": "App",
    "grid_slugs": ["gardening"],
    "catalog_state": "listed",
    "note": None,
    "tags": [],
    "replaced_by": None,
    "edited": ["documentation_url"],
    "checked": {"github": "2026-11-23T10:00:00Z"},
    "failed": {},
}
SOURCES = (
    Provenance("catalog", "7", "2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z", "unchanged", None),
    Provenance("github", "mara/django-pots", "2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z", "updated", None),
    Provenance("pypi", "django-pots", "2026-11-23T10:00:00Z", "2026-11-22T10:00:00Z", "failed", "answered 502"),
)
_BY_OWNER = {
    Owner.CATALOG: Origin("catalog", "2026-11-20T10:00:00Z"),
    Owner.FORGE: Origin("github", "2026-11-23T10:00:00Z"),
    Owner.PYPI: Origin("pypi", "2026-11-22T10:00:00Z"),
    Owner.PYPI_OR_FORGE: Origin("pypi", "2026-11-22T10:00:00Z"),
    Owner.DJPKG: Origin(DJPKG, "2026-11-23T10:00:00Z"),
    Owner.YOU: Origin(YOU, None),
}
ORIGINS = {field.name: _BY_OWNER[field.owner] for field in FIELDS} | {
    "documentation_url": Origin(YOU, "2026-11-21T12:00:00Z")
}
PACKAGE = Package(
    values=VALUES,
    category="App",
    grids=("Gardening", "53"),
    upstream={"documentation_url": "https://old.example.org/"},
    origins=ORIGINS,
    upstream_origins={"documentation_url": _BY_OWNER[Owner.CATALOG]},
    sources=SOURCES,
    suggestion=None,
)


def sample_package(**changes: Value) -> Package:
    """Return the sample without edits, with these values changed, and with the state that follows from them."""
    return PACKAGE._replace(values=with_state({**VALUES, "edited": [], **changes}), upstream={}, upstream_origins={})


def with_state(values: Values) -> Values:
    """Return the values with the state that follows from them."""
    return {**values, "state": matching_states(values, now=NOW)[0]}


def render_text(renderable: RenderableType, width: int = 100) -> str:
    """Return what a terminal without colours and styles shows."""
    return render_styled(renderable, width, color_system=None)


def render_styled(
    renderable: RenderableType, width: int = 100, *, color_system: str | None = "standard", no_color: bool = False
) -> str:
    """Return what is sent to a terminal, escape sequences included."""
    buffer = io.StringIO()
    Console(
        file=buffer,
        width=width,
        force_terminal=color_system is not None,
        color_system=color_system,  # type: ignore[arg-type]  # a literal of rich's
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={"NO_COLOR": "1"} if no_color else {},
    ).print(renderable)
    return buffer.getvalue()


HOSTILE_PIECES = (
    "\x1b[31m", "\x1b]52;c;ZXZpbA==\x07", "\x1b]8;;http://evil.example\x1b\\", "\x9b31m", "\x9d0;t\x9c", "\x00",
    "\x07", "\x08", "\x7f", "\r", "\n", "\t", "\x0b", "\x0c", "\x0e", "\x85", "\u2028", "\u2029", "\u202e", "\u2066",
    "\u2069", "\u200b", "\u200d", "\u200e", "\u061c", "\ufeff", "\ufe0f", "\U000e0041", "\U000e0100", "\ud800",
    "\ud801", "\ue000", "\ufdd0", "\uffff", "\U0010ffff", "\u00ad", "\u2060", "\u3164", "[/foo]", "[bold red]",
    "[link=http://evil.example]", ":smile:", "{0}", "%s", "é", "日本語", "한", "👩\u200d👩\u200d👧", "🏳️\u200d🌈", "❤️",
    "e\u0301\u0301", "a b", "word", " ", "x" * 90,
)  # fmt: skip


def hostile_text(seed: int) -> str:
    """Return a text of harmless pieces and of pieces that a terminal would interpret."""
    choose = random.Random(seed)  # noqa: S311 - the same texts in every run
    return "".join(choose.choice(HOSTILE_PIECES) for _ in range(choose.randint(1, 12)))


# Characters that plain output must not contain.
FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u2069\u3164\ufeff"
    "\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\uffff\U000e0000-\U0010ffff]"
)
