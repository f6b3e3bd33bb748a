"""The API v1 of Forgejo (Codeberg): commits have pages of at most 50 and cannot be filtered by date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from tests.world.http import Request, Response, json_response
from tests.world.times import utc_text

if TYPE_CHECKING:
    from tests.world.model import Commit, Repo
    from tests.world.world import World

ROUTE = re.compile(r"/repos/(?P<owner>[^/]+)/(?P<name>[^/]+)(?P<rest>/commits)?")
MAX_PER_PAGE = 50


class Forgejo:
    """Serves the repositories of `host`; None means the host of the request."""

    def __init__(self, world: World, tokens: dict[str, str], host: str | None) -> None:
        self.world = world
        self.tokens = tokens
        self.host = host

    def answer(self, request: Request) -> Response:
        header = request.headers.get("authorization")
        request.authorised = header in {f"token {self.tokens['codeberg']}", f"Bearer {self.tokens['codeberg']}"}
        if header is not None and not request.authorised:
            return json_response({"message": "invalid username, password or token"}, 401)
        if request.path == "/version":
            return json_response({"version": "11.0.1"})
        match = ROUTE.fullmatch(request.path)
        if match is None or request.method not in {"GET", "HEAD"}:
            return Response(404, b"404 page not found\n", {"content-type": "text/plain"})
        path = unquote(f"{match['owner']}/{match['name']}")
        repo = self.world.find_repo(self.host or request.host, path)
        if repo is None or repo.state not in {"ok", "empty"}:
            return json_response({"message": "The target couldn't be found.", "url": f"{request.base}/swagger"}, 404)
        if repo.path.lower() != path.lower():
            return Response(307, headers={"location": request.target.replace(path, repo.path, 1)})
        if request.authorised and repo.owner in self.world.refusals:
            return json_response({"message": self.world.refusals[repo.owner]}, 403)
        if match["rest"]:
            return _commits(repo, request)
        return json_response(_repository(repo, self.host or request.host))


def _commits(repo: Repo, request: Request) -> Response:
    if repo.empty:
        return json_response({"message": "Git Repository is empty.", "url": f"{request.base}/swagger"}, 409)
    commits = repo.commits
    start = request.query.get("sha", repo.default_branch)
    if start != repo.default_branch:
        indexes = [index for index, commit in enumerate(commits) if commit.oid == start]
        if not indexes:
            return json_response({"message": "The target couldn't be found."}, 404)
        commits = commits[indexes[0] :]

    def number(name: str, default: int) -> int:
        text = request.query.get(name, "")
        return int(text) if text.isdigit() and int(text) else default

    page, size = number("page", 1), min(number("limit", MAX_PER_PAGE), MAX_PER_PAGE)
    pages = -(-len(commits) // size)
    headers = {
        "x-page": str(page),
        "x-perpage": str(size),
        "x-total": str(len(commits)),
        "x-total-count": str(len(commits)),
        "x-pagecount": str(pages),
        "x-hasmore": "true" if page < pages else "false",
    }
    if page < pages:
        query = urlencode(request.query | {"page": str(page + 1)})
        headers["link"] = f'<{request.base}{request.path}?{query}>; rel="next"'
    return json_response([_commit(commit) for commit in commits[(page - 1) * size : page * size]], 200, headers)


def _commit(commit: Commit) -> dict[str, object]:
    person = {"name": commit.name, "email": commit.email}
    account = None if commit.login is None else {"id": 1, "login": commit.login, "full_name": commit.name}
    return {
        "sha": commit.oid,
        "created": utc_text(commit.committed),
        "commit": {
            "author": person | {"date": utc_text(commit.authored)},
            "committer": person | {"date": utc_text(commit.committed)},
            "message": "Change",
        },
        "author": account,
        "committer": account,
        "parents": [{"sha": f"{number:040x}"} for number in range(commit.parents)],
    }


def _repository(repo: Repo, host: str) -> dict[str, object]:
    moved = repo.updated or repo.pushed or repo.created
    return {
        "id": repo.id,
        "owner": {"login": repo.owner},
        "name": repo.name,
        "full_name": repo.path,
        "description": repo.description or "",
        "empty": repo.empty,
        "private": False,
        "fork": repo.fork,
        "html_url": f"https://{host}/{repo.path}",
        "stars_count": repo.stars,
        "forks_count": repo.forks,
        "watchers_count": 1,
        "default_branch": repo.default_branch,
        "archived": repo.archived,
        "created_at": utc_text(repo.created),
        "updated_at": utc_text(moved),
        "archived_at": utc_text(repo.archived_at) if repo.archived_at else "1970-01-01T00:00:00Z",
        "licenses": None if repo.license is None else [repo.license],
    }
