"""GitHub's GraphQL API: validate a document, compute its cost, and resolve it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphql import FieldNode, GraphQLSyntaxError, SelectionSetNode

from tests.world.github import authorise, bad_credentials, limit_headers
from tests.world.graphql_document import Document, RefusedDocumentError
from tests.world.graphql_resolve import Resolver
from tests.world.graphql_schema import SCHEMA
from tests.world.http import Request, Response, json_response
from tests.world.times import utc_text

if TYPE_CHECKING:
    from tests.world.quotas import Quotas
    from tests.world.world import World


class GraphQL:
    """The server's `max_in_flight["graphql"]` is the number of documents that a client sent at the same time."""

    def __init__(self, world: World, quotas: Quotas, tokens: dict[str, str]) -> None:
        self.world = world
        self.quotas = quotas
        self.tokens = tokens

    def answer(self, request: Request) -> Response:
        if not request.headers.get("user-agent"):
            return json_response({"message": "Please make sure your request has a User-Agent header"}, 403)
        if request.method != "POST":
            return json_response({"message": "Not Found"}, 404)
        request.authorised = bool(authorise(request, self.tokens["github"]))
        if not request.authorised:
            if "authorization" in request.headers:
                return bad_credentials()
            response = json_response({"message": "This endpoint requires you to be authenticated."}, 401)
            response.charged = False
            return response
        response = self._answer(request)
        response.headers |= limit_headers(self.world, self.quotas, "graphql", "graphql", authorised=True)
        response.compress = True
        return response

    def _answer(self, request: Request) -> Response:
        quota = self.quotas.find("graphql", authorised=True)
        if quota is not None:
            quota.roll(self.world.now)
            if not quota.remaining:
                response = _errors({"type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 1."})
                response.charged = False
                return response
        try:
            document = Document.read(request.body)
            document.check()
        except RefusedDocumentError as refusal:
            return _errors(refusal.error)
        except (GraphQLSyntaxError, ValueError, KeyError) as error:
            return _errors({"message": f"Parse error: {error}"})
        points = document.cost
        if document.dry:
            points = 0
        if quota is not None:
            quota.used += points
        response = json_response(self._run(document, request))
        response.points = points
        return response

    def _run(self, document: Document, request: Request) -> dict[str, object]:
        rate = self._rate(document)
        fault = request.document_fault
        run = _Run(document, Resolver(self.world, fault), rate)
        data: dict[str, object] = {}
        served = 0
        for key, node in document.flat(document.operation.selection_set, "Query").items():
            if node.name.value == "rateLimit":
                data[key] = run.pick(node.selection_set, "RateLimit", rate, [key])
                continue
            if document.dry:
                continue
            served += 1
            if fault is not None and fault.size is not None and served > fault.size:
                if fault.kind == "drop_aliases":
                    continue
                if fault.kind in {"resource_limits", "null_aliases"}:
                    data[key] = None
                    if fault.kind == "resource_limits" and served == fault.size + 1:
                        text = "Resource limits for this query exceeded."
                        run.errors.append({"type": "RESOURCE_LIMITS_EXCEEDED", "path": [key], "message": text})
                    continue
            data[key] = run.root(node, key)
        return {"data": data} | ({"errors": run.errors} if run.errors else {})

    def _rate(self, document: Document) -> dict[str, object]:
        quota = self.quotas.find("graphql", authorised=True)
        resets = utc_text(quota.roll(self.world.now)) if quota is not None else None
        counts = {"limit": quota.limit, "remaining": quota.remaining, "used": quota.used} if quota is not None else {}
        return counts | {"cost": document.cost, "nodeCount": document.nodes, "resetAt": resets}


def _errors(*errors: dict[str, object]) -> Response:
    return json_response({"errors": list(errors)})


@dataclass(slots=True)
class _Run:
    """The execution of one document."""

    document: Document
    resolver: Resolver
    rate: dict[str, object]
    errors: list[dict[str, object]] = field(default_factory=list)

    def root(self, node: FieldNode, key: str) -> object:
        """Resolve `repository`, `node` or `nodes`."""
        arguments = self.document.arguments(node)
        if node.name.value == "repository":
            return self._found(self.resolver.repository(**arguments), node, [key])
        if node.name.value == "node":
            return self._found(self.resolver.node(arguments["id"]), node, [key])
        return [self._found(self.resolver.node(one), node, [key, index]) for index, one in enumerate(arguments["ids"])]

    def _found(self, found: object, node: FieldNode, path: list[str | int]) -> object:
        if isinstance(found, dict):
            self.errors.append(found | {"path": path})
            return None
        return None if found is None else self.pick(node.selection_set, "Repository", found, path)

    def pick(self, selection: SelectionSetNode | None, kind: str, value: object, path: list[str | int]) -> object:
        """Return the selected fields of `value`, an object of type `kind`."""
        picked: dict[str, object] = {}
        for key, node in self.document.flat(selection, kind).items():
            name = node.name.value
            if name == "__typename":
                picked[key] = kind
                continue
            if name == "stargazers":
                text = "Resource not accessible: the list of stargazers is restricted."
                self.errors.append({"type": "FORBIDDEN", "path": [*path, key], "message": text})
                picked[key] = None
                continue
            found = self.resolver.resolve(kind, name, value, self.document.arguments(node))
            inner = SCHEMA[kind][name].type
            if found is None or inner is None:
                picked[key] = found
                continue
            concrete = {"GitObject": "Commit", "Node": "Repository", "RepositoryOwner": "User"}.get(inner, inner)
            if isinstance(found, list):
                picked[key] = [self.pick(node.selection_set, concrete, one, path) for one in found]
            else:
                picked[key] = self.pick(node.selection_set, concrete, found, [*path, key])
        return picked
