"""Bitbucket Cloud's REST API 2.0.

Watchers and forks are lists with a `size`, not counts. Commits cannot be filtered by date.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from tests.world.http import Request, Response, json_response
from tests.world.model import BITBUCKET

if TYPE_CHECKING:
    from tests.world.model import Commit, Repo
    from tests.world.quotas import Quotas
    from tests.world.world import World

ROUTE = re.compile(r"/repositories/(?P<workspace>[^/]+)/(?P<slug>[^/]+)(?P<rest>/watchers|/forks|/commits(?:/[^/]+)?)?")
MAX_PER_PAGE = 100


class Bitbucket:
    def __init__(self, world: World, quotas: Quotas, tokens: dict[str, str]) -> None:
        self.world = world
        self.quotas = quotas
        self.tokens = tokens

    def answer(self, request: Request) -> Response:
        header = request.headers.get("authorization")
        expected = base64.b64encode(self.tokens["bitbucket"].encode()).decode()
        request.authorised = header == f"Basic {expected}"
        if header is not None and not request.authorised:
            return _error("Token is invalid, expired, or not supported for this endpoint.", 401)
        quota = self.quotas.find("bitbucket", authorised=request.authorised)
        if quota is not None:
            quota.roll(self.world.now)
            if not quota.remaining:
                response = _error("Rate limit for this resource has been exceeded", 429)
                response.charged = False
                return response
            quota.used += 1
        return self._route(request)

    def _route(self, request: Request) -> Response:
        if request.path == "/hook_events":
            return json_response({"repository": {"links": {}}, "workspace": {"links": {}}})
        match = ROUTE.fullmatch(request.path)
        if match is None or request.method not in {"GET", "HEAD"}:
            return _error("Resource not found", 404)
        path = unquote(f"{match['workspace']}/{match['slug']}")
        repo = self.world.find_repo(BITBUCKET, path)
        if repo is None or repo.state not in {"ok", "empty"}:
            return _error(f"Repository {path} not found", 404)
        rest = match["rest"] or ""
        if repo.path.lower() != path.lower():
            question = request.target.partition("?")[2]
            address = f"{request.base}/repositories/{repo.path}{rest}" + (f"?{question}" if question else "")
            return Response(301, headers={"location": address})
        if request.authorised and repo.owner in self.world.refusals:
            return _error(self.world.refusals[repo.owner], 403)
        if rest == "/watchers":
            return _page(request, [{"type": "user", "nickname": f"w{one}"} for one in range(repo.stars)], sized=True)
        if rest == "/forks":
            return _page(request, [{"type": "repository", "name": f"f{one}"} for one in range(repo.forks)], sized=True)
        if rest:
            start = unquote(rest.removeprefix("/commits").strip("/"))
            return _commits(repo, start or request.query.get("include", ""), request)
        return json_response(_repository(repo), 200, {"cache-control": "max-age=900"})


def _error(message: str, status: int) -> Response:
    return json_response({"type": "error", "error": {"message": message}}, status)


def _page(request: Request, rows: list[dict[str, object]], *, sized: bool = False) -> Response:
    """Return one page; only small lists have a `size`."""

    def number(name: str, default: int) -> int:
        text = request.query.get(name, "")
        return int(text) if text.isdigit() and int(text) else default

    page, size = number("page", 1), min(number("pagelen", 10), MAX_PER_PAGE)
    body: dict[str, object] = {"pagelen": size, "values": rows[(page - 1) * size : page * size]}
    if sized:
        body |= {"size": len(rows), "page": page}
    if page * size < len(rows):
        query = urlencode(request.query | {"ctx": "1f2e3d4c5b", "page": str(page + 1)})
        body["next"] = f"{request.base}{request.path}?{query}"
    return json_response(body)


def _commits(repo: Repo, start: str, request: Request) -> Response:
    commits = [] if repo.empty else repo.commits
    if start not in {"", repo.default_branch}:
        indexes = [index for index, commit in enumerate(commits) if commit.oid == start]
        if not indexes:
            return _error(f"Commit not found: {start}", 404)
        commits = commits[indexes[0] :]
    return _page(request, [_commit(commit) for commit in commits])


def _commit(commit: Commit) -> dict[str, object]:
    author: dict[str, object] = {"type": "author", "raw": f"{commit.name} <{commit.email}>"}
    if commit.login is not None:
        author["user"] = {"type": "user", "nickname": commit.login, "display_name": commit.name}
    return {"type": "commit", "hash": commit.oid, "date": commit.committed.isoformat(), "author": author}


def _repository(repo: Repo) -> dict[str, object]:
    moved = repo.updated or repo.pushed or repo.created
    return {
        "type": "repository",
        "full_name": repo.path,
        "name": repo.name,
        "slug": repo.name,
        "uuid": f"{{{repo.node_id}}}",
        "description": repo.description or "",
        "scm": "git",
        "website": None,
        "is_private": False,
        "mainbranch": None if repo.empty else {"type": "branch", "name": repo.default_branch},
        "created_on": repo.created.isoformat(),
        "updated_on": moved.isoformat(),
        "parent": None,
        "size": 0 if repo.empty else 4096,
        "language": "python",
        "has_issues": False,
        "fork_policy": "allow_forks",
    }
