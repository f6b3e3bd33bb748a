"""The GraphQL API: costs, errors in place of objects, and rejected documents."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.world import NOW, World, WorldServer
from tests.world.test_world import HttpResponse, bearer, send

if TYPE_CHECKING:
    from tests.world.faults import FaultKind

HISTORY = (
    "history(since: $since, first: 100) { totalCount pageInfo { hasNextPage endCursor } nodes { oid authoredDate } }"
)


def query(server: WorldServer, text: str, **variables: object) -> HttpResponse:
    body = {"query": text, "variables": variables}
    return send(server, "/github/graphql", method="POST", body=body, Authorization=bearer(server))


def aliases(count: int, selection: str) -> str:
    lines = (f'r{number}: repository(owner: "acme", name: "p{number}") {{ {selection} }}' for number in range(count))
    return "\n".join(lines)


def window(count: int, head: str = "") -> str:
    selection = f"defaultBranchRef {{ target {{ oid ... on Commit {{ committedDate {HISTORY} }} }} }}"
    return f"query($since: GitTimestamp!) {{ rateLimit {{ cost nodeCount }} {head} {aliases(count, selection)} }}"


@pytest.fixture
def many(world: World) -> World:
    for number in range(50):
        world.add_repository(f"acme/p{number}", stars=number, commits=range(1, 6))
    return world


SINCE = (NOW - timedelta(days=364)).isoformat()


def test_scalars_of_many_repositories_cost_one_point(server: WorldServer, many: World) -> None:
    many.rename("acme/p1", "umbrella/p1")
    light = "nameWithOwner stargazerCount defaultBranchRef { target { oid ... on Commit { committedDate } } }"
    text = f"query {{ rateLimit {{ cost nodeCount remaining }} {aliases(50, '...Light')} }}"
    text += f" fragment Light on Repository {{ {light} }}"
    reply = query(server, text)
    data = reply.json["data"]
    assert data["rateLimit"] == {"cost": 1, "nodeCount": 0, "remaining": 4999}
    assert data["r1"]["nameWithOwner"] == "umbrella/p1"
    head = many.repo("acme/p7").commits[0]
    assert data["r7"]["defaultBranchRef"] == {"target": {"oid": head.oid, "committedDate": "2026-11-22T12:00:00Z"}}
    assert (reply.headers["x-ratelimit-resource"], reply.headers["x-ratelimit-remaining"]) == ("graphql", "4999")
    assert (server.points(), server.charged("github")) == (1, 0)


@pytest.mark.parametrize(("count", "cost"), [(1, 1), (49, 1), (50, 1)])
def test_a_history_is_one_connection_per_repository(server: WorldServer, many: World, count: int, cost: int) -> None:
    rate = query(server, window(count), since=SINCE).json["data"]["rateLimit"]
    assert rate == {"cost": cost, "nodeCount": 100 * count}


def test_nested_connections_multiply(server: WorldServer, many: World) -> None:
    history = "history(first: 100) { nodes { parents(first: 1) { totalCount } } }"
    inner = f"defaultBranchRef {{ target {{ ... on Commit {{ {history} }} }} }}"
    text = f"query {{ rateLimit(dryRun: true) {{ cost nodeCount }} {aliases(50, inner)} }}"
    assert query(server, text).json == {"data": {"rateLimit": {"cost": 51, "nodeCount": 10_000}}}
    assert server.points() == 0


def test_a_missing_repository_is_null(server: WorldServer, many: World) -> None:
    many.delete("acme/p1")
    many.block("acme/p2")
    many.repo("acme/p3").state = "saml"
    reply = query(server, f"query {{ {aliases(5, 'nameWithOwner')} }}").json
    assert [key for key, value in reply["data"].items() if value is None] == ["r1", "r2", "r3"]
    missing, forbidden = reply["errors"]
    assert (missing["type"], missing["path"]) == ("NOT_FOUND", ["r1"])
    assert (forbidden["type"], forbidden["extensions"]) == ("FORBIDDEN", {"saml_failure": True})


def test_nodes_keep_the_order_of_the_ids(server: WorldServer, many: World) -> None:
    ids = [many.repo("acme/p3").node_id, "R_unknown", many.repo("acme/p1").node_id]
    text = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Repository { stargazerCount } } }"
    reply = query(server, text, ids=ids).json
    assert reply["data"]["nodes"] == [
        {"__typename": "Repository", "stargazerCount": 3},
        None,
        {"__typename": "Repository", "stargazerCount": 1},
    ]
    assert reply["errors"][0]["path"] == ["nodes", 1]
    assert query(server, text, ids=["R"] * 101).json["errors"][0]["type"] == "ARGUMENT_LIMIT"


def test_a_history_is_paged_from_a_fixed_head(server: WorldServer, world: World) -> None:
    repo = world.add_repository("acme/p0", commits=[day / 2 for day in range(1, 251)])
    head = repo.commits[0].oid
    seen = []
    page = query(server, window(1), since=SINCE).json["data"]["r0"]["defaultBranchRef"]["target"]["history"]
    world.push(repo)
    inner = f"object(oid: $head) {{ ... on Commit {{ {HISTORY.replace('100', '100, after: $after')} }} }}"
    text = "query($id: ID!, $head: GitObjectID!, $since: GitTimestamp!, $after: String!) "
    text += f"{{ node(id: $id) {{ ... on Repository {{ {inner} }} }} }}"
    while True:
        seen += [node["oid"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
        more = query(server, text, id=repo.node_id, head=head, since=SINCE, after=after).json
        page = more["data"]["node"]["object"]["history"]
    assert seen == [commit.oid for commit in repo.commits[1:]]
    assert page["totalCount"] == 250


def test_an_empty_repository_has_no_default_branch(server: WorldServer, world: World) -> None:
    world.add_repository("acme/p0", state="empty")
    reply = query(server, window(1), since=SINCE).json
    assert (reply["data"]["r0"], "errors" in reply) == ({"defaultBranchRef": None}, False)


TODO = 'repository(owner: "acme", name: "p0")'


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"{{ {TODO} {{ stargazersCount }} }}", "doesn't exist on type 'Repository'"),
        ('{ repository(owner: "acme") { id } }', "missing required arguments: name"),
        ('{ repository(owner: "acme", name: "p0", follow: true) { id } }', "doesn't accept argument 'follow'"),
        (f"{{ {TODO} {{ defaultBranchRef {{ target {{ committedDate }} }} }} }}", "'GitObject'"),
        (f"{{ {TODO} {{ object(oid: 1) {{ ... on Commit {{ history {{ nodes {{ oid }} }} }} }} }} }}", "`first`"),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", "Variable $ids"),
        ("{ repository(", "Parse error"),
    ],
)
def test_an_invalid_document_is_rejected(server: WorldServer, many: World, text: str, part: str) -> None:
    reply = query(server, text).json
    assert part in reply["errors"][0]["message"]
    assert "data" not in reply


def test_the_list_of_stargazers_is_forbidden(server: WorldServer, many: World) -> None:
    reply = query(server, f"{{ {aliases(1, 'id stargazers { totalCount }')} }}").json
    assert reply["errors"][0]["type"] == "FORBIDDEN"


def test_a_token_is_required(server: WorldServer) -> None:
    assert send(server, "/github/graphql", method="POST", body={"query": "{ rateLimit { cost } }"}).status == 401


def test_the_rate_limit_is_an_error_with_status_200(server: WorldServer, many: World) -> None:
    server.exhaust("graphql")
    reply = query(server, f"{{ {aliases(1, 'id')} }}")
    assert (reply.status, reply.headers["x-ratelimit-remaining"]) == (200, "0")
    assert reply.json["errors"][0]["type"] == "RATE_LIMITED"


@pytest.mark.parametrize(
    ("kind", "size", "expected"),
    [
        ("resource_limits", 2, (5, 2, ["RESOURCE_LIMITS_EXCEEDED"], 5, 5)),
        ("drop_aliases", 2, (2, 2, [], 5, 5)),
        ("null_aliases", 2, (5, 2, [], 5, 5)),
        ("short_nodes", 3, (5, 5, [], 3, 5)),
        ("short_history", 3, (5, 5, [], 3, 3)),
    ],
)
def test_document_faults(server: WorldServer, many: World, kind: FaultKind, size: int, expected: Any) -> None:
    server.fault("graphql", kind=kind, size=size)
    reply = query(server, window(5), since=SINCE).json
    data = reply["data"]
    del data["rateLimit"]
    history = data["r0"]["defaultBranchRef"]["target"]["history"]
    assert expected == (
        len(data),
        sum(value is not None for value in data.values()),
        [error["type"] for error in reply.get("errors", [])],
        len(history["nodes"]),
        history["totalCount"],
    )
