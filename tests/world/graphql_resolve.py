"""Resolve the fields of GitHub's GraphQL schema."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.world.model import GITHUB, Commit, Repo
from tests.world.times import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.world.faults import Fault
    from tests.world.world import World

Failure = dict[str, object]
"""An error in place of an object: type and message; the path is added later."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A commit and its repository."""

    repo: Repo
    commit: Commit


@dataclass(frozen=True, slots=True)
class History:
    """One page of the history before a commit."""

    repo: Repo
    total: int
    shown: Sequence[Commit]
    first: int
    more: bool
    start: str


class Resolver:
    def __init__(self, world: World, fault: Fault | None) -> None:
        self.world = world
        self.fault = fault

    def repository(self, owner: str, name: str, followRenames: bool = True) -> Repo | Failure | None:  # noqa: FBT001, FBT002, N803  GitHub's spelling
        path = f"{owner}/{name}"
        repo = self.world.find_repo(GITHUB, path)
        if repo is None or repo.state == "gone" or (not followRenames and repo.path.lower() != path.lower()):
            text = f"Could not resolve to a Repository with the name '{path}'."
            return {"type": "NOT_FOUND", "message": text}
        return self._if_accessible(repo)

    def node(self, id: str) -> Repo | Failure | None:  # noqa: A002  GitHub's spelling
        repo = self.world.repositories_by_node.get(id)
        if repo is None or repo.state == "gone":
            text = f"Could not resolve to a node with the global id of '{id}'."
            return {"type": "NOT_FOUND", "message": text}
        return self._if_accessible(repo)

    def _if_accessible(self, repo: Repo) -> Repo | Failure | None:
        if repo.owner in self.world.refusals:
            return {"type": "FORBIDDEN", "message": self.world.refusals[repo.owner]}
        return _if_accessible(repo)

    def resolve(self, kind: str, name: str, value: Any, arguments: dict[str, Any]) -> Any:
        if kind == "RateLimit":
            return value[name]
        if kind == "Commit":
            if name == "history":
                return self._history(value, **arguments)
            return _COMMIT[name](value)
        if kind == "Repository":
            if name == "object":
                return _object(value, **arguments)
            return _REPOSITORY[name](value)
        return _OTHERS[kind, name](value)

    def _history(
        self,
        parent: Placed,
        first: int = 30,
        after: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> History:
        """Return a page, filtered by committer date like `git log --since`."""
        repo, commits = parent.repo, parent.repo.commits
        if commits[0].oid != parent.commit.oid:
            place = next(place for place, commit in enumerate(commits) if commit.oid == parent.commit.oid)
            commits = commits[place:]
        if since is not None:
            moment = datetime.fromisoformat(since)
            commits = [commit for commit in commits if commit.committed >= moment]
        if until is not None:
            moment = datetime.fromisoformat(until)
            commits = [commit for commit in commits if commit.committed <= moment]
        start = int(after.rpartition(" ")[2]) + 1 if after is not None else 0
        shown, total = commits[start : start + first], len(commits)
        more = start + first < total
        if self.fault is not None and self.fault.size is not None:
            if self.fault.kind == "short_nodes":
                shown = shown[: self.fault.size]
            elif self.fault.kind == "short_history":
                total = min(total, start + self.fault.size)
                shown, more = shown[: self.fault.size], False
        return History(repo, total, shown, start, more, parent.commit.oid)


def _if_accessible(repo: Repo) -> Repo | Failure | None:
    """Return the repository, or the error that GitHub returns for a blocked one."""
    if repo.state == "saml":
        text = "Resource protected by organization SAML enforcement. You must grant your token access to it."
        return {"type": "FORBIDDEN", "message": text, "extensions": {"saml_failure": True}}
    return None if repo.state in {"blocked_dmca", "blocked_tos"} else repo


def _object(repo: Repo, oid: str | None = None, expression: str | None = None) -> Placed | None:
    head = repo.head
    if head is None:
        return None
    if expression in {"HEAD", repo.default_branch} or oid == head.oid:
        return Placed(repo, head)
    wanted = oid or expression
    return next((Placed(repo, commit) for commit in repo.commits if commit.oid == wanted), None)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)


def _cursor(history: History, place: int) -> str | None:
    return f"{history.start} {history.first + place}" if history.shown else None


_REPOSITORY: dict[str, Callable[[Repo], object]] = {
    "archivedAt": lambda repo: _moment(repo.archived_at),
    "createdAt": lambda repo: utc_text(repo.created),
    "databaseId": lambda repo: repo.id,
    "defaultBranchRef": lambda repo: None if repo.empty else repo,
    "description": lambda repo: repo.description,
    "diskUsage": lambda repo: 0 if repo.empty else 512,
    "forkCount": lambda repo: repo.forks,
    "homepageUrl": lambda _: None,
    "id": lambda repo: repo.node_id,
    "isArchived": lambda repo: repo.archived,
    "isDisabled": lambda _: False,
    "isEmpty": lambda repo: repo.empty,
    "isFork": lambda repo: repo.fork,
    "isLocked": lambda _: False,
    "isMirror": lambda _: False,
    "isPrivate": lambda _: False,
    "isTemplate": lambda _: False,
    "latestRelease": lambda _: None,
    "licenseInfo": lambda repo: repo if repo.license else None,
    "lockReason": lambda _: None,
    "name": lambda repo: repo.name,
    "nameWithOwner": lambda repo: repo.path,
    "owner": lambda repo: repo.owner,
    "pushedAt": lambda repo: _moment(repo.pushed),
    "stargazerCount": lambda repo: repo.stars,
    "updatedAt": lambda repo: utc_text(repo.updated or repo.pushed or repo.created),
    "url": lambda repo: f"https://github.com/{repo.path}",
}

_COMMIT: dict[str, Callable[[Placed], object]] = {
    "abbreviatedOid": lambda placed: placed.commit.oid[:7],
    "author": lambda placed: placed,
    "authoredDate": lambda placed: utc_text(placed.commit.authored),
    "committedDate": lambda placed: utc_text(placed.commit.committed),
    "id": lambda placed: f"C_{placed.commit.oid}",
    "message": lambda _: "Change",
    "oid": lambda placed: placed.commit.oid,
    "parents": lambda placed: placed,
}

_OTHERS: dict[tuple[str, str], Callable[[Any], object]] = {
    ("License", "key"): lambda repo: repo.license.lower(),
    ("License", "name"): lambda repo: repo.license,
    ("License", "spdxId"): lambda repo: repo.license,
    ("Ref", "id"): lambda repo: f"REF_{repo.node_id}",
    ("Ref", "name"): lambda repo: repo.default_branch,
    ("Ref", "prefix"): lambda _: "refs/heads/",
    ("Ref", "target"): lambda repo: Placed(repo, repo.head),
    ("GitActor", "date"): lambda placed: utc_text(placed.commit.authored),
    ("GitActor", "email"): lambda placed: placed.commit.email,
    ("GitActor", "name"): lambda placed: placed.commit.name,
    ("GitActor", "user"): lambda placed: placed.commit.login,
    ("User", "id"): lambda login: f"U_{login}",
    ("User", "login"): lambda login: login,
    ("CommitHistoryConnection", "totalCount"): lambda history: history.total,
    ("CommitHistoryConnection", "pageInfo"): lambda history: history,
    ("CommitHistoryConnection", "nodes"): lambda history: [Placed(history.repo, commit) for commit in history.shown],
    ("CommitConnection", "totalCount"): lambda placed: placed.commit.parents,
    ("CommitConnection", "nodes"): lambda placed: [placed] * placed.commit.parents,
    ("PageInfo", "endCursor"): lambda history: _cursor(history, len(history.shown) - 1),
    ("PageInfo", "startCursor"): lambda history: _cursor(history, 0),
    ("PageInfo", "hasNextPage"): lambda history: history.more,
    ("PageInfo", "hasPreviousPage"): lambda history: history.first > 0,
}
