"""GitLab's REST API v4: projects by encoded path or id, commits of the default branch, contributors."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode

from tests.world.http import Request, Response, json_response
from tests.world.times import utc_text

if TYPE_CHECKING:
    from tests.world.model import Commit, Repo
    from tests.world.quotas import Quotas
    from tests.world.world import World

ROUTE = re.compile(r"/projects/(?P<id>[^/]+)(?P<rest>/repository/commits|/repository/contributors)?")
MAX_PER_PAGE = 100


class GitLab:
    """Serves the projects of `host`; None means the host of the request."""

    def __init__(self, world: World, quotas: Quotas, tokens: dict[str, str], host: str | None) -> None:
        self.world = world
        self.quotas = quotas
        self.tokens = tokens
        self.host = host

    def answer(self, request: Request) -> Response:
        given = request.headers.get("private-token")
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ") or None
        request.authorised = self.tokens["gitlab"] in {given, bearer}
        if not request.authorised and (given or bearer):
            return json_response({"message": "401 Unauthorized"}, 401)
        quota = self.quotas.find("gitlab", authorised=request.authorised) if self.host else None
        if quota is None:
            return self._route(request)
        resets = quota.roll(self.world.now)
        if quota.remaining:
            quota.used += 1
            response = self._route(request)
        else:
            wait = int((resets - self.world.now).total_seconds())
            response = Response(
                429, b"Retry later\n", {"content-type": "text/plain", "retry-after": str(wait)}, charged=False
            )
        response.headers |= {
            "ratelimit-limit": str(quota.limit),
            "ratelimit-observed": str(quota.used),
            "ratelimit-remaining": str(quota.remaining),
            "ratelimit-reset": str(int(resets.timestamp())),
            "ratelimit-name": "throttle_authenticated_api" if request.authorised else "throttle_unauthenticated_api",
        }
        return response

    def _route(self, request: Request) -> Response:
        if request.path == "/projects":
            return json_response([{"id": 1, "path_with_namespace": "some/project"}])
        match = ROUTE.fullmatch(request.path)
        if match is None or request.method not in {"GET", "HEAD"}:
            return json_response({"error": "404 Not Found"}, 404)
        host = self.host or request.host
        name, rest = unquote(match["id"]), match["rest"] or ""
        if name.isdigit():
            repo = self.world.repositories_by_id.get((host, int(name)))
        else:
            repo = self.world.find_repo(host, name)
        if repo is None or repo.state not in {"ok", "empty"}:
            return json_response({"message": "404 Project Not Found"}, 404)
        if not name.isdigit() and repo.path.lower() != name.lower():
            question = request.target.partition("?")[2]
            address = f"{request.base}/projects/{repo.id}{rest}" + (f"?{question}" if question else "")
            return json_response({"message": "This resource has been moved permanently"}, 301, {"location": address})
        if request.authorised and repo.owner in self.world.refusals:
            return json_response({"message": self.world.refusals[repo.owner]}, 403)
        if rest == "/repository/commits":
            return _commits(repo, request)
        if rest == "/repository/contributors":
            return _contributors(repo, request)
        response = json_response(_project(repo, host))
        etag = f'W/"{hashlib.md5(response.body, usedforsecurity=False).hexdigest()}"'
        response.headers["etag"] = etag
        if request.headers.get("if-none-match") == etag:
            response.status, response.body = 304, b""
        return response


def _project(repo: Repo, host: str) -> dict[str, object]:
    return {
        "id": repo.id,
        "description": repo.description,
        "name": repo.name,
        "path": repo.name,
        "path_with_namespace": repo.path,
        "created_at": utc_text(repo.created),
        "default_branch": None if repo.empty else repo.default_branch,
        "web_url": f"https://{host}/{repo.path}",
        "forks_count": repo.forks,
        "star_count": repo.stars,
        "last_activity_at": utc_text(repo.updated or repo.pushed or repo.created),
        "namespace": {"full_path": repo.owner},
        "empty_repo": repo.empty,
        "archived": repo.archived,
        "visibility": "public",
        "license": None if repo.license is None else {"key": repo.license.lower(), "name": repo.license},
    }


def _page(request: Request, rows: list[dict[str, object]]) -> Response:
    """Return one page without the total, as for commits on gitlab.com."""

    def number(name: str, default: int) -> int:
        text = request.query.get(name, "")
        return int(text) if text.isdigit() and int(text) else default

    page, size = number("page", 1), min(number("per_page", 20), MAX_PER_PAGE)
    more = page * size < len(rows)

    def link(number: int, rel: str) -> str:
        query = urlencode(request.query | {"page": str(number), "per_page": str(size)})
        return f'<{request.base}{request.path}?{query}>; rel="{rel}"'

    links = [link(page - 1, "prev")] if page > 1 else []
    links += [link(page + 1, "next")] if more else []
    headers = {
        "x-page": str(page),
        "x-per-page": str(size),
        "x-next-page": str(page + 1) if more else "",
        "x-prev-page": str(page - 1) if page > 1 else "",
        "link": ", ".join([*links, link(1, "first")]),
    }
    return json_response(rows[(page - 1) * size : page * size], 200, headers)


def _commits(repo: Repo, request: Request) -> Response:
    commits = [] if repo.empty else repo.commits
    start = request.query.get("ref_name", repo.default_branch)
    if start != repo.default_branch:
        indexes = [index for index, commit in enumerate(commits) if commit.oid == start]
        if not indexes:
            return json_response({"message": "404 Commit Not Found"}, 404)
        commits = commits[indexes[0] :]
    if "since" in request.query:
        since = datetime.fromisoformat(request.query["since"])
        commits = [commit for commit in commits if commit.committed >= since]
    if "until" in request.query:
        until = datetime.fromisoformat(request.query["until"])
        commits = [commit for commit in commits if commit.committed <= until]
    return _page(request, [_commit(commit) for commit in commits])


def _commit(commit: Commit) -> dict[str, object]:
    return {
        "id": commit.oid,
        "short_id": commit.oid[:8],
        "created_at": utc_text(commit.committed),
        "parent_ids": [f"{number:040x}" for number in range(commit.parents)],
        "title": "Change",
        "author_name": commit.name,
        "author_email": commit.email,
        "authored_date": _offset(commit.authored),
        "committer_name": commit.name,
        "committer_email": commit.email,
        "committed_date": _offset(commit.committed),
    }


def _offset(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _contributors(repo: Repo, request: Request) -> Response:
    """Return names and email addresses, not accounts; fewest commits first by default."""
    if repo.contributors is not None or repo.cached_contributors is not None:
        rows = [(login, f"{login}@example.org", number) for login, number in repo.contributions()]
    else:
        counted = Counter((commit.name, commit.email) for commit in (() if repo.empty else repo.commits))
        rows = [(name, email, number) for (name, email), number in counted.most_common()]
    by_name = request.query.get("order_by") == "name"
    rows.sort(key=lambda row: row[0] if by_name else row[2], reverse=request.query.get("sort") == "desc")
    zeros = {"additions": 0, "deletions": 0}
    return _page(request, [{"name": name, "email": email, "commits": number} | zeros for name, email, number in rows])
