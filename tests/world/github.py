"""GitHub's REST API: repositories, commits, contributors, limits, conditional requests."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlencode

from tests.world.http import Request, Response, json_response
from tests.world.model import GITHUB, Commit, Repo
from tests.world.times import utc_text

if TYPE_CHECKING:
    from tests.world.quotas import Quotas
    from tests.world.world import World

DOCS = "https://docs.github.com/rest"
VERSIONS = {"2022-11-28", "2026-03-10"}
ROUTE = re.compile(
    r"/(?:repos/(?P<owner>[^/]+)/(?P<name>[^/]+)|repositories/(?P<id>\d+))(?P<rest>/commits|/contributors)?"
)
MAX_PER_PAGE = 100


class GitHub:
    """Requests without a token are anonymous and limited to 60 per hour."""

    def __init__(self, world: World, quotas: Quotas, tokens: dict[str, str]) -> None:
        self.world = world
        self.quotas = quotas
        self.tokens = tokens

    def answer(self, request: Request) -> Response:
        if not request.headers.get("user-agent"):
            return _message(
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header", 403
            )
        version = request.headers.get("x-github-api-version", "2022-11-28")
        if version not in VERSIONS:
            return _message(f"{version} is not a valid API version.", 400)
        authorised = authorise(request, self.tokens["github"])
        if authorised is None:
            return bad_credentials()
        request.authorised = authorised
        response = self._limited(request)
        response.headers |= limit_headers(self.world, self.quotas, "github", "core", authorised=authorised)
        response.headers.setdefault("x-github-media-type", "github.v3; format=json")
        response.compress = True
        return response

    def _limited(self, request: Request) -> Response:
        if request.path == "/rate_limit":
            return self._rate_limit(authorised=request.authorised)
        quota = self.quotas.find("github", authorised=request.authorised)
        if quota is not None:
            quota.roll(self.world.now)
            if not quota.remaining:
                return over_limit(authorised=request.authorised)
        response = self._route(request)
        if response.status == 200:
            _conditional(request, response)
        response.charged = not (response.status == 304 and request.authorised)
        if quota is not None and response.charged:
            quota.used += 1
        return response

    def _route(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return _message("Not Found", 404)
        match = ROUTE.fullmatch(request.path)
        if match is None:
            return _message("Not Found", 404)
        if match["id"]:
            repo = self.world.repositories_by_id.get((GITHUB, int(match["id"])))
        else:
            path = unquote(f"{match['owner']}/{match['name']}")
            repo = self.world.find_repo(GITHUB, path)
            if repo is not None and repo.state != "gone" and repo.path.lower() != path.lower():
                return _moved(repo, match["rest"] or "", request)
        refusal = _refusal(repo, authorised=request.authorised)
        if repo is not None and request.authorised and repo.owner in self.world.refusals:
            refusal = _message(self.world.refusals[repo.owner], 403)
        if repo is None or refusal is not None:
            return refusal or _message("Not Found", 404)
        if match["rest"] == "/commits":
            return _commits(repo, request)
        if match["rest"] == "/contributors":
            return _contributors(repo, request)
        return json_response(_repository(repo, request))

    def _rate_limit(self, *, authorised: bool) -> Response:
        resources = {}
        for name, resource in (("core", "github"), ("graphql", "graphql")):
            quota = self.quotas.find(resource, authorised=authorised)
            if quota is not None:
                resets = quota.roll(self.world.now)
                counts = {"limit": quota.limit, "used": quota.used, "remaining": quota.remaining}
                resources[name] = counts | {"reset": int(resets.timestamp())}
        response = json_response({"resources": resources})
        response.charged = False
        return response


def authorise(request: Request, token: str) -> bool | None:
    """Return whether the request has the right token; None for a wrong one."""
    header = request.headers.get("authorization")
    if header is None:
        return False
    scheme, _, given = header.partition(" ")
    return True if scheme.lower() in {"bearer", "token"} and given == token else None


def limit_headers(world: World, quotas: Quotas, resource: str, name: str, *, authorised: bool) -> dict[str, str]:
    quota = quotas.find(resource, authorised=authorised)
    if quota is None:
        return {}
    resets = quota.roll(world.now)
    return {
        "x-ratelimit-limit": str(quota.limit),
        "x-ratelimit-remaining": str(quota.remaining),
        "x-ratelimit-used": str(quota.used),
        "x-ratelimit-reset": str(int(resets.timestamp())),
        "x-ratelimit-resource": name,
    }


def bad_credentials() -> Response:
    response = _message("Bad credentials", 401)
    response.charged = False
    return response


def over_limit(*, authorised: bool) -> Response:
    who = "user ID 1" if authorised else "127.0.0.1"
    response = _message(f"API rate limit exceeded for {who}.", 403)
    response.charged = False
    return response


def secondary_limit(retry_after: int | None = 60) -> Response:
    """Return the response for the secondary rate limit."""
    response = _message(
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", 403
    )
    if retry_after is not None:
        response.headers["retry-after"] = str(retry_after)
    response.charged = False
    return response


def _message(text: str, status: int, **more: object) -> Response:
    return json_response({"message": text, "documentation_url": DOCS, "status": str(status)} | more, status)


def _refusal(repo: Repo | None, *, authorised: bool) -> Response | None:
    if repo is None or repo.state == "gone":
        return _message("Not Found", 404)
    if repo.state in {"blocked_dmca", "blocked_tos"}:
        reason = repo.state.removeprefix("blocked_")
        block = {"reason": reason, "created_at": "2026-01-01T00:00:00Z", "html_url": f"https://github.com/{reason}"}
        return _message("Repository access blocked", 451 if reason == "dmca" else 403, block=block)
    if repo.state == "saml" and authorised:
        text = "Resource protected by organization SAML enforcement. You must grant your token access to it."
        return _message(text, 403)
    return None


def _moved(repo: Repo, rest: str, request: Request) -> Response:
    base = request.base
    question = request.target.partition("?")[2]
    address = f"{base}/repositories/{repo.id}{rest}" + (f"?{question}" if question else "")
    body = {"message": "Moved Permanently", "url": address, "documentation_url": DOCS}
    return json_response(body, 301, {"location": address})


def _conditional(request: Request, response: Response) -> None:
    """Add a weak ETag made from the body, or turn the response into a 304."""
    digest = hashlib.md5(response.body, usedforsecurity=False).hexdigest()
    etag = f'W/"{digest}"'
    response.headers["etag"] = etag
    response.headers["cache-control"] = f"{'private' if request.authorised else 'public'}, max-age=60, s-maxage=60"
    known = request.headers.get("if-none-match", "")
    if digest in known or known == "*":
        response.status, response.body = 304, b""


class _Page(NamedTuple):
    number: int
    size: int


def _page(request: Request) -> _Page:
    def number(name: str, default: int) -> int:
        text = request.query.get(name, "")
        return int(text) if text.isdigit() and int(text) else default

    return _Page(number("page", 1), min(number("per_page", 30), MAX_PER_PAGE))


def _links(repo: Repo, rest: str, request: Request, page: _Page, count: int) -> dict[str, str]:
    last = -(-count // page.size)

    def link(number: int, rel: str) -> str:
        query = urlencode(request.query | {"page": str(number)})
        return f'<{request.base}/repositories/{repo.id}{rest}?{query}>; rel="{rel}"'

    links = []
    if page.number > 1:
        links += [link(page.number - 1, "prev"), link(1, "first")]
    if page.number < last:
        links += [link(page.number + 1, "next"), link(last, "last")]
    return {"link": ", ".join(links)} if links else {}


def _commits(repo: Repo, request: Request) -> Response:
    """Return commits, newest first, by committer date; `sha` is a branch or the first commit."""
    if repo.empty:
        return _message("Git Repository is empty.", 409)
    commits = repo.commits
    start = request.query.get("sha", repo.default_branch)
    if start != repo.default_branch:
        indexes = [index for index, commit in enumerate(commits) if commit.oid == start]
        if not indexes:
            return _message("Not Found", 404)
        commits = commits[indexes[0] :]
    if "since" in request.query:
        since = datetime.fromisoformat(request.query["since"])
        commits = [commit for commit in commits if commit.committed >= since]
    if "until" in request.query:
        until = datetime.fromisoformat(request.query["until"])
        commits = [commit for commit in commits if commit.committed <= until]
    page = _page(request)
    shown = commits[(page.number - 1) * page.size : page.number * page.size]
    return json_response(
        [_commit(commit) for commit in shown], 200, _links(repo, "/commits", request, page, len(commits))
    )


def _contributors(repo: Repo, request: Request) -> Response:
    if repo.empty:
        return Response(204)
    if repo.state == "too_large_contributors":
        text = "The history or contributor list is too large to list contributors for this repository via the API."
        return _message(text, 403)
    people = [_account(login) | {"contributions": number} for login, number in repo.contributions()]
    page = _page(request)
    shown = people[(page.number - 1) * page.size : page.number * page.size]
    return json_response(shown, 200, _links(repo, "/contributors", request, page, len(people)))


def _account(login: str) -> dict[str, object]:
    kind = "Bot" if login.endswith("[bot]") else "User"
    return {"login": login, "id": sum(login.encode()), "type": kind, "site_admin": False}


def _commit(commit: Commit) -> dict[str, object]:
    person = {"name": commit.name, "email": commit.email}
    return {
        "sha": commit.oid,
        "commit": {
            "author": person | {"date": utc_text(commit.authored)},
            "committer": person | {"date": utc_text(commit.committed)},
            "message": "Change",
            "comment_count": 0,
        },
        "author": None if commit.login is None else _account(commit.login),
        "committer": None if commit.login is None else _account(commit.login),
        "parents": [{"sha": f"{number:040x}"} for number in range(commit.parents)],
    }


def _repository(repo: Repo, request: Request) -> dict[str, object]:
    return {
        "id": repo.id,
        "node_id": repo.node_id,
        "name": repo.name,
        "full_name": repo.path,
        "private": False,
        "owner": _account(repo.owner),
        "html_url": f"https://github.com/{repo.path}",
        "description": repo.description,
        "fork": repo.fork,
        "url": f"{request.base}/repos/{repo.path}",
        "created_at": utc_text(repo.created),
        "updated_at": utc_text(repo.updated or repo.pushed or repo.created),
        "pushed_at": utc_text(repo.pushed or repo.created),
        "size": 0 if repo.empty else 512,
        "stargazers_count": repo.stars,
        "watchers_count": repo.stars,
        "forks_count": repo.forks,
        "archived": repo.archived,
        "disabled": False,
        "open_issues_count": 0,
        "license": None if repo.license is None else {"key": repo.license.lower(), "spdx_id": repo.license},
        "visibility": "public",
        "forks": repo.forks,
        "watchers": repo.stars,
        "default_branch": repo.default_branch,
        "subscribers_count": repo.stars // 10,
    }
