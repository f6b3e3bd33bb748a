"""The probe: pages and heads of many repositories. It has no connection, so that a hundred of them cost one point.

Source of the rules: GitHub GraphQL "Using global node IDs" and its schema. The list of stargazers is restricted, their
number is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from djpkg.errors import SourceError
from djpkg.model.facts import RepositoryFacts
from djpkg.sources.github.errors import SOURCE
from djpkg.sources.github.graphql import RATE, Answered, Gap, quote, write_query
from djpkg.sources.github.rest import NodeId, Oid, read_license, read_path
from djpkg.sources.http import payload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from djpkg.model.lookups import RepositoryTarget
    from djpkg.sources.github.graphql import Place

_LIGHT = (
    "fragment L on Repository{id nameWithOwner description stargazerCount forkCount isArchived isDisabled isEmpty "
    "licenseInfo{spdxId} defaultBranchRef{target{oid ...on Commit{committedDate}}}}"
)


class _License(msgspec.Struct, rename="camel", gc=False):
    spdx_id: str | None = None


class _Target(msgspec.Struct, rename="camel", gc=False):
    oid: Oid
    committed_date: str | None = None


class _Branch(msgspec.Struct, gc=False):
    target: _Target | None = None


class _Repository(msgspec.Struct, rename="camel", gc=False):
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


_REPOSITORY = msgspec.json.Decoder(_Repository)


def write_probe(asks: Sequence[RepositoryTarget]) -> bytes:
    """A request for the pages of repositories: by node id, which renames do not change, else by name."""
    ids = [ask.node_id for ask in asks if ask.node_id is not None]
    named = "".join(
        f"r{number}:repository(owner:{quote(owner)},name:{quote(name)},followRenames:true){{...L}}"
        for number, ask in enumerate(asks)
        if ask.node_id is None
        for owner, _, name in (ask.path.partition("/"),)
    )
    if not ids:
        return write_query(f"query Probe{{{RATE} {named}}}{_LIGHT}")
    return write_query(f"query Probe($ids:[ID!]!){{{RATE} nodes(ids:$ids){{...L}}{named}}}{_LIGHT}", ids=ids)


def read_probe(answered: Answered, asks: Sequence[RepositoryTarget]) -> list[RepositoryFacts | Gap | SourceError]:
    """What a probe says of each of `asks`; a record that makes no sense is an error of its own."""
    places: list[Place] = []
    ids = 0
    for number, ask in enumerate(asks):
        places.append((f"r{number}",) if ask.node_id is None else ("nodes", ids))
        ids += ask.node_id is not None
    picked = answered.pick(places)
    return [_checked(_read(one, ask), ask) for one, ask in zip(picked, asks, strict=True)]


def _read(raw: msgspec.Raw | Gap, ask: RepositoryTarget) -> RepositoryFacts | Gap | SourceError:
    if isinstance(raw, Gap):
        return raw
    try:
        found = payload.decode(_REPOSITORY, raw, source=SOURCE)
        target = found.default_branch_ref.target if found.default_branch_ref is not None else None
        if found.is_disabled or (target is None and not found.is_empty):
            return Gap.UNCLEAR  # blocked perhaps, or a part that was left out
        at = target.committed_date if target is not None else None
        return RepositoryFacts(
            # The name that was asked for is one: thousands of them are not taken apart again.
            path=ask.path if found.name_with_owner == ask.path else read_path(found.name_with_owner),
            node_id=found.id,
            description=payload.clean(found.description or ""),
            stars=found.stargazer_count,
            forks=found.fork_count,
            archived=found.is_archived,
            license=read_license(found.license_info.spdx_id if found.license_info is not None else None),
            head=target.oid if target is not None else None,
            head_at=payload.time(at, source=SOURCE) if at is not None else None,
        )
    except SourceError as error:
        return error


def _checked(found: RepositoryFacts | Gap | SourceError, ask: RepositoryTarget) -> RepositoryFacts | Gap | SourceError:
    """A repository that was asked for by its id has that id; old ids may come back in their new form."""
    if not isinstance(found, RepositoryFacts) or ask.node_id in {None, found.node_id}:
        return found
    return found if found.path.lower() == ask.path.lower() else Gap.UNCLEAR
