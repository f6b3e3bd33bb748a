"""Parse and validate one GraphQL document as GitHub does, and compute its cost.

Each connection counts as one request per parent object. A document costs one point per hundred requests, at least one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    value_from_ast_untyped,
)

from tests.world.graphql_schema import SCHEMA, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NODES = 500_000
MAX_IDS = 100
MAX_PER_PAGE = 100

_parse = lru_cache(maxsize=64)(lambda text: parse(text, no_location=True))


class RefusedDocumentError(Exception):
    """A document that is answered with errors only."""

    def __init__(self, message: str, **more: object) -> None:
        super().__init__(message)
        self.error = {"message": message} | more


@dataclass(slots=True)
class Document:
    """One operation with its fragments, variables and cost."""

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    variables: dict[str, Any]
    requests: int = 0
    nodes: int = 0
    dry: bool = False
    _flat: dict[tuple[int, str], dict[str, FieldNode]] = field(default_factory=dict)
    _arguments: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, body: bytes) -> Document:
        """Parse a request body; documents are cached by their text."""
        request = json.loads(body)
        tree: DocumentNode = _parse(request["query"])
        operations = [node for node in tree.definitions if isinstance(node, OperationDefinitionNode)]
        wanted = request.get("operationName")
        if wanted is not None:
            operations = [node for node in operations if node.name is not None and node.name.value == wanted]
        if len(operations) != 1:
            message = "An operation name is required" if operations else f"No operation named {wanted!r}"
            raise RefusedDocumentError(message)
        fragments = {node.name.value: node for node in tree.definitions if isinstance(node, FragmentDefinitionNode)}
        return cls(operations[0], fragments, _variables(operations[0], request.get("variables") or {}))

    @property
    def cost(self) -> int:
        return max(1, int(self.requests / 100 + 0.5))

    def check(self) -> None:
        """Count requests and nodes; raise RefusedDocumentError if GitHub would reject the document."""
        for name, fragment in self.fragments.items():
            if fragment.type_condition.name.value not in SCHEMA:
                message = f"No such type {fragment.type_condition.name.value}, so it can't be a fragment condition"
                raise RefusedDocumentError(message, path=[f"fragment {name}"])
        self._check(self.operation.selection_set, "Query", 1, ["query"])
        if self.nodes > MAX_NODES:
            message = (
                f"This query requests up to {self.nodes:,} possible nodes which exceeds the maximum limit of 500,000."
            )
            raise RefusedDocumentError(message, type="MAX_NODE_LIMIT_EXCEEDED")

    def _check(self, selection: SelectionSetNode | None, kind: str, times: int, path: list[str]) -> None:
        for node, owner in self._fields(selection, kind):
            name = node.name.value
            if name == "__typename":
                continue
            here = [*path, node.alias.value if node.alias else name]
            known = SCHEMA[owner].get(name)
            if known is None:
                message = f"Field '{name}' doesn't exist on type '{owner}'"
                more = {"code": "undefinedField", "typeName": owner, "fieldName": name}
                raise RefusedDocumentError(message, path=here, extensions=more)
            arguments = self._check_arguments(node, known, here)
            if (known.type is None) != (node.selection_set is None):
                message = f"Field '{name}' must have selections, or must not: it is of type {known.type or 'scalar'}"
                raise RefusedDocumentError(message, path=here)
            inner = times
            if name == "nodes" and owner == "Query":
                inner = self._check_ids(arguments["ids"])
            if known.connection:
                inner = self._check_page(node, arguments, times, here)
            if name == "rateLimit" and arguments.get("dryRun"):
                self.dry = True
            if known.type is not None:
                self._check(node.selection_set, known.type, inner, here)

    def _check_arguments(self, node: FieldNode, known: Field, path: list[str]) -> dict[str, Any]:
        arguments = self.arguments(node)
        for name in arguments:
            if name not in known.arguments:
                message = f"Field '{node.name.value}' doesn't accept argument '{name}'"
                raise RefusedDocumentError(message, path=path, extensions={"code": "argumentNotAccepted"})
        for name in known.required:
            if arguments.get(name) is None:
                message = f"Field '{node.name.value}' is missing required arguments: {name}"
                raise RefusedDocumentError(message, path=path, extensions={"code": "missingRequiredArguments"})
        return arguments

    def _check_ids(self, ids: list[str]) -> int:
        if len(ids) > MAX_IDS:
            message = f"You may not provide more than {MAX_IDS} node ids; you provided {len(ids)}."
            raise RefusedDocumentError(message, type="ARGUMENT_LIMIT")
        return len(ids)

    def _check_page(self, node: FieldNode, arguments: dict[str, Any], times: int, path: list[str]) -> int:
        self.requests += times
        size = arguments.get("first") or arguments.get("last")
        listed = any(
            inner.name.value in {"nodes", "edges"} for inner, _ in self._fields(node.selection_set, "PageInfo")
        )
        if size is None:
            if listed:
                message = f"You must provide a `first` or `last` value to properly paginate the `{node.name.value}`."
                raise RefusedDocumentError(message, type="MISSING_PAGINATION_BOUNDARIES", path=path)
            return times
        if not 1 <= size <= MAX_PER_PAGE:
            message = (
                f"Requesting {size} records on the `{node.name.value}` connection exceeds the `first` limit of 100."
            )
            raise RefusedDocumentError(message, type="EXCESSIVE_PAGINATION", path=path)
        self.nodes += times * size
        return times * int(size)

    def _fields(self, selection: SelectionSetNode | None, kind: str) -> Iterator[tuple[FieldNode, str]]:
        """Yield the fields of a selection and its fragments, each with its parent type."""
        for node in selection.selections if selection is not None else ():
            if isinstance(node, FieldNode):
                yield node, kind
            elif isinstance(node, InlineFragmentNode):
                inner = node.type_condition.name.value if node.type_condition is not None else kind
                if inner not in SCHEMA:
                    message = f"No such type {inner}, so it can't be a fragment condition"
                    raise RefusedDocumentError(message)
                yield from self._fields(node.selection_set, inner)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                yield from self._fields(fragment.selection_set, fragment.type_condition.name.value)

    def flat(self, selection: SelectionSetNode | None, kind: str) -> dict[str, FieldNode]:
        """Return the fields selected on an object of type `kind`, by key; repeated keys are merged."""
        cache_key = (id(selection), kind)
        if cache_key not in self._flat:
            found: dict[str, FieldNode] = {}
            for node, owner in self._fields(selection, kind):
                if owner == kind or owner in INTERFACES.get(kind, ()):
                    key = node.alias.value if node.alias else node.name.value
                    found[key] = _merged(found[key], node) if key in found else node
            self._flat[cache_key] = found
        return self._flat[cache_key]

    def arguments(self, node: FieldNode) -> dict[str, Any]:
        cache_key = id(node)
        if cache_key not in self._arguments:
            values = (
                (one.name.value, value_from_ast_untyped(one.value, self.variables)) for one in node.arguments or ()
            )
            self._arguments[cache_key] = {name: value for name, value in values if value is not None}
        return self._arguments[cache_key]


INTERFACES = {
    "Repository": ("Node",),
    "Commit": ("Node", "GitObject"),
    "Ref": ("Node",),
    "User": ("Node", "RepositoryOwner"),
}


def _merged(first: FieldNode, second: FieldNode) -> FieldNode:
    if first.selection_set is None or second.selection_set is None:
        return first
    both = SelectionSetNode(selections=(*first.selection_set.selections, *second.selection_set.selections))
    return FieldNode(name=first.name, alias=first.alias, arguments=first.arguments, selection_set=both, directives=())


def _variables(operation: OperationDefinitionNode, given: dict[str, Any]) -> dict[str, Any]:
    values = {}
    for definition in operation.variable_definitions or ():
        name = definition.variable.name.value
        if name in given:
            values[name] = given[name]
        elif definition.default_value is not None:
            values[name] = value_from_ast_untyped(definition.default_value)
        elif definition.type.kind == "non_null_type":
            message = f"Variable ${name} of type {definition.type} was provided invalid value"
            raise RefusedDocumentError(message, extensions={"value": None})
    return values
