"""The catalog's API v4: lists with `limit` and `offset`, newest id first, and objects by id or slug."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from tests.world.http import Request, Response, html_response, json_response
from tests.world.model import CatalogCategory, CatalogGrid, CatalogPackage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.world.world import World

_RowT = TypeVar("_RowT")
_SluggedT = TypeVar("_SluggedT", CatalogPackage, CatalogGrid)
DEFAULT_LIMIT = 20
SEARCH_LIMIT = 20
ALLOW = "GET, HEAD, OPTIONS"


class Catalog:
    """Without validators, compression and rate limit, like the original."""

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization", "").lower().startswith("basic "):
            return json_response({"detail": "Invalid username/password."}, 403)
        if request.method not in {"GET", "HEAD", "OPTIONS"}:
            return json_response({"detail": f'Method "{request.method}" not allowed.'}, 405, {"allow": ALLOW})
        if not request.path.endswith("/"):
            _, _, question = request.target.partition("?")
            path = request.target.partition("?")[0] + "/"
            return Response(301, headers={"location": f"{path}?{question}" if question else path})
        refusal = _negotiate(request)
        if refusal is not None:
            return refusal
        parts = request.path.strip("/").split("/")
        response = self._route(parts, request)
        # Django REST framework escapes these two characters for JavaScript.
        response.body = response.body.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
        return response

    def _route(self, parts: list[str], request: Request) -> Response:
        world = self.world
        match parts:
            case [""]:
                names = ("packages", "search", "grids", "categories")
                return json_response({name: f"{request.base}/{name}/" for name in names})
            case ["packages"]:
                return self._page(request, world.packages, lambda package: self._package(package, request))
            case ["grids"]:
                members = self._grid_members()
                return self._page(request, world.grids, lambda grid: _grid(grid, members, request))
            case ["categories"]:
                return self._page(request, world.categories, _category)
            case ["packages", name]:
                package = _find(world.packages, name)
                return (
                    _not_found("Package", name) if package is None else json_response(self._package(package, request))
                )
            case ["grids", name]:
                grid = _find(world.grids, name)
                return (
                    _not_found("Grid", name)
                    if grid is None
                    else json_response(_grid(grid, self._grid_members(), request))
                )
            case ["categories", name]:
                category = world.categories.get(int(name)) if name.isdigit() else None
                return _not_found("Category", name) if category is None else json_response(_category(category))
            case ["search"]:
                return json_response(self._search(request.query.get("q", "")))
        return html_response("Page not found", 404)

    def _page(self, request: Request, rows: dict[int, _RowT], render: Callable[[_RowT], dict[str, object]]) -> Response:
        limit, offset = _positive(request.query.get("limit")) or DEFAULT_LIMIT, _positive(request.query.get("offset"))
        if limit >= 1 << 63 or offset >= 1 << 63:
            return html_response("Server error", 500)
        ids = sorted(rows, reverse=True)
        address = f"{request.base}{request.path}"

        def link(start: int) -> str:
            query = dict(request.query) | {"limit": str(limit), "offset": str(start)}
            if start <= 0:
                del query["offset"]
            return f"{address}?{urlencode(sorted(query.items()))}"

        return json_response(
            {
                "count": len(ids),
                "next": link(offset + limit) if offset + limit < len(ids) else None,
                "previous": link(offset - limit) if offset > 0 else None,
                "results": [render(rows[id_]) for id_ in ids[offset : offset + limit]],
            }
        )

    def _package(self, package: CatalogPackage, request: Request) -> dict[str, object]:
        base = request.base
        return {
            "category": f"{base}/categories/{package.category}/",
            "grids": [f"{base}/grids/{grid}/" for grid in package.grids],
            "id": package.id,
            "title": package.title,
            "slug": package.slug,
            "last_updated": package.last_updated,
            "last_fetched": package.last_fetched,
            "repo_url": package.repo_url,
            "pypi_version": package.pypi_version,
            "created": package.created,
            "modified": package.modified,
            "repo_forks": package.repo_forks,
            "repo_description": package.repo_description,
            "pypi_url": package.pypi_url,
            "documentation_url": package.documentation_url,
            "repo_watchers": package.repo_watchers,
            "commits_over_52": package.commits_over_52,
            "participants": package.participants,
        }

    def _grid_members(self) -> dict[int, list[CatalogPackage]]:
        """Return the packages of each grid, sorted by title."""
        members: dict[int, list[CatalogPackage]] = {}
        for package in sorted(self.world.packages.values(), key=lambda package: package.title):
            for grid in package.grids:
                members.setdefault(grid, []).append(package)
        return members

    def _search(self, words: str) -> list[dict[str, object]]:
        found = [p for p in self.world.packages.values() if words.lower() in f"{p.slug} {p.title}".lower()]
        found.sort(key=lambda package: package.repo_watchers, reverse=True)
        return [
            {
                "description": package.repo_description,
                "title": package.title,
                "absolute_url": f"/packages/p/{package.slug}/",
                "weight": 50,
                "item_type": "package",
                "slug": package.slug,
                "repo_watchers": package.repo_watchers,
                "participants": ",".join(package.participants),
                "last_committed": package.last_updated,
            }
            for package in found[:SEARCH_LIMIT]
        ]


def _grid(grid: CatalogGrid, members: dict[int, list[CatalogPackage]], request: Request) -> dict[str, object]:
    return {
        "id": grid.id,
        "title": grid.title,
        "slug": grid.slug,
        "description": grid.description,
        "is_locked": grid.is_locked,
        "packages": [f"{request.base}/packages/{package.id}/" for package in members.get(grid.id, ())],
        "header": grid.header,
        "created": grid.created,
        "modified": grid.modified,
    }


def _category(category: CatalogCategory) -> dict[str, object]:
    return {
        "id": category.id,
        "title": category.title,
        "slug": category.slug,
        "description": category.description,
        "title_plural": category.title_plural,
        "show_pypi": category.show_pypi,
        "created": category.created,
        "modified": category.modified,
    }


def _find(rows: dict[int, _SluggedT], name: str) -> _SluggedT | None:
    if name.isdigit() and int(name) in rows:
        return rows[int(name)]
    return next((row for row in rows.values() if row.slug == name), None)


def _not_found(kind: str, name: str) -> Response:
    detail = "Not found." if "." in name else f"No {kind} matches the given query."
    return json_response({"detail": detail}, 404)


def _positive(text: str | None) -> int:
    """Return a positive number; 0 for anything else."""
    try:
        return max(0, int(text or ""))
    except ValueError:
        return 0


def _negotiate(request: Request) -> Response | None:
    accepted = request.headers.get("accept", "*/*")
    if "application/json" in accepted or "*/*" in accepted or "application/*" in accepted:
        return None
    if "text/html" in accepted:
        return html_response("Django REST framework", 200)
    return json_response({"detail": "Could not satisfy the request Accept header."}, 406)
