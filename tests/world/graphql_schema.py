"""The supported part of GitHub's GraphQL schema; other fields are rejected as unknown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A field of `type` (None for a scalar). A connection costs one request per parent object."""

    type: str | None = None
    arguments: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    connection: bool = False


def _scalars(names: str) -> dict[str, Field]:
    return {name: Field() for name in names.split()}


def _connection(kind: str, more: str = "") -> Field:
    return Field(kind, frozenset(f"first last after before {more}".split()), connection=True)


_PAGES = _scalars("totalCount") | {"pageInfo": Field("PageInfo")}

SCHEMA: dict[str, dict[str, Field]] = {
    "Query": {
        "repository": Field("Repository", frozenset({"owner", "name", "followRenames"}), frozenset({"owner", "name"})),
        "node": Field("Node", frozenset({"id"}), frozenset({"id"})),
        "nodes": Field("Node", frozenset({"ids"}), frozenset({"ids"})),
        "rateLimit": Field("RateLimit", frozenset({"dryRun"})),
    },
    "RateLimit": _scalars("cost limit nodeCount remaining resetAt used"),
    "Node": _scalars("id"),
    "Repository": _scalars(
        "archivedAt createdAt databaseId description diskUsage forkCount homepageUrl id isArchived isDisabled isEmpty "
        "isFork isLocked isMirror isPrivate isTemplate lockReason name nameWithOwner pushedAt stargazerCount updatedAt "
        "url"
    )
    | {
        "defaultBranchRef": Field("Ref"),
        "latestRelease": Field("Release"),
        "licenseInfo": Field("License"),
        "object": Field("GitObject", frozenset({"oid", "expression"})),
        "owner": Field("RepositoryOwner"),
        "stargazers": _connection("StargazerConnection"),
    },
    "RepositoryOwner": _scalars("id login"),
    "License": _scalars("key name spdxId"),
    "Release": _scalars("tagName publishedAt"),
    "Ref": _scalars("id name prefix") | {"target": Field("GitObject")},
    "GitObject": _scalars("id oid abbreviatedOid"),
    "Commit": _scalars("abbreviatedOid authoredDate committedDate id message oid")
    | {
        "author": Field("GitActor"),
        "history": _connection("CommitHistoryConnection", "since until author path"),
        "parents": _connection("CommitConnection"),
    },
    "GitActor": _scalars("date email name") | {"user": Field("User")},
    "User": _scalars("id login"),
    "CommitHistoryConnection": _PAGES | {"nodes": Field("Commit")},
    "CommitConnection": _PAGES | {"nodes": Field("Commit")},
    "StargazerConnection": _scalars("totalCount"),
    "PageInfo": _scalars("endCursor hasNextPage hasPreviousPage startCursor"),
}
