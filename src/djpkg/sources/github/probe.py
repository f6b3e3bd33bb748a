"""The probe query: facts and heads of many repositories.

It has no connection, so that 100 repositories cost one point. Sources: GitHub GraphQL "Using global node IDs" and its
schema. The list of stargazers is restricted, their number is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from djpkg.errors import SourceError
from djpkg.model.facts import RepositoryFacts
from djpkg.model.node_id import is_same_node
from djpkg.sources.github.errors import SOURCE
from djpkg.sources.github.graphql import GraphQLResponse, NoResult, request_body, string_literal
from djpkg.sources.github.rest import NodeId, Oid, parse_license, parse_path
from djpkg.sources.http import payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.github.graphql import ResultPath

_QUERY = """
query Probe%(parameters)s {
  rateLimit { limit cost remaining resetAt }
  %(repositories)s
}
fragment Facts on Repository {
  id nameWithOwner description stargazerCount forkCount isArchived archivedAt isDisabled isEmpty
  licenseInfo { spdxId }
  defaultBranchRef { target { oid ... on Commit { committedDate } } }
}
"""
_BY_ID = "nodes(ids: $ids) { ...Facts }"
_BY_NAME = "r%(number)d: repository(owner: %(owner)s, name: %(name)s, followRenames: true) { ...Facts }"


class _License(msgspec.Struct, rename="camel"):
    spdx_id: str | None = None


class _Target(msgspec.Struct, rename="camel"):
    oid: Oid
    committed_date: str | None = None


class _Branch(msgspec.Struct):
    target: _Target | None = None


class _Repository(msgspec.Struct, rename="camel"):
    id: NodeId
    name_with_owner: str
    stargazer_count: payload.Count
    fork_count: payload.Count
    is_archived: bool
    is_disabled: bool
    is_empty: bool
    description: str | None
    license_info: _License | None
    default_branch_ref: _Branch | None
    archived_at: str | None = None


_REPOSITORY = msgspec.json.Decoder(_Repository)


def probe_query(targets: Sequence[RepositoryTarget]) -> bytes:
    """Return the request body for a batch: by node id, which survives renames, else by name."""
    ids = [target.node_id for target in targets if target.node_id is not None]
    repositories = [_BY_ID] if ids else []
    for number, target in enumerate(targets):
        if target.node_id is None:
            owner, _, name = target.path.partition("/")
            repositories.append(
                _BY_NAME % {"number": number, "owner": string_literal(owner), "name": string_literal(name)}
            )
    parameters = "($ids: [ID!]!)" if ids else ""
    query = _QUERY % {"parameters": parameters, "repositories": "\n  ".join(repositories)}
    return request_body(query, ids=ids) if ids else request_body(query)


def parse_probe(
    response: GraphQLResponse, targets: Sequence[RepositoryTarget]
) -> list[RepositoryFacts | NoResult | SourceError]:
    """Return the facts of each target, why they are missing, or the error in its record."""
    paths: list[ResultPath] = []
    ids = 0
    for number, target in enumerate(targets):
        paths.append((f"r{number}",) if target.node_id is None else ("nodes", ids))
        ids += target.node_id is not None
    return [_parse_repository(raw, target) for raw, target in zip(response.results(paths), targets, strict=True)]


def _parse_repository(
    raw: msgspec.Raw | NoResult, target: RepositoryTarget
) -> RepositoryFacts | NoResult | SourceError:
    if isinstance(raw, NoResult):
        return raw
    try:
        record = payload.decode_json(_REPOSITORY, raw, source=SOURCE)
        head = record.default_branch_ref.target if record.default_branch_ref is not None else None
        if record.is_disabled or (head is None and (not record.is_empty or target.head is not None)):
            return NoResult.UNCLEAR  # it may be blocked, or the branch is missing from the response; it was not empty
        at = head.committed_date if head is not None else None
        facts = RepositoryFacts(
            # The stored path was validated before; doing it again for thousands of repositories is slow.
            path=target.path if record.name_with_owner == target.path else parse_path(record.name_with_owner),
            node_id=record.id,
            description=payload.clean_text(record.description or ""),
            stars=record.stargazer_count,
            forks=record.fork_count,
            archived=record.is_archived,
            archived_at=_parse_archived_at(record),
            license=parse_license(record.license_info.spdx_id if record.license_info is not None else None),
            head=head.oid if head is not None else None,
            head_at=payload.normalize_time(at, source=SOURCE) if at is not None else None,
        )
    except SourceError as error:
        return error
    return facts if target.node_id is None or is_same_node(target.node_id, record.id) else NoResult.UNCLEAR


def _parse_archived_at(record: _Repository) -> str | None:
    if not record.is_archived or record.archived_at is None:
        return None
    return payload.normalize_time(record.archived_at, source=SOURCE)
