"""Whether an answer is about the repository that was requested.

A forge may give the name of a renamed repository to a new one. The forge's id of a repository never changes, so a
repository with another id than the stored one is another repository, wherever a redirect leads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.errors import UnexpectedPayload
from djpkg.model.node_id import is_same_node

if TYPE_CHECKING:
    from djpkg.model.lookups import RepositoryTarget
    from djpkg.source_name import SourceName


def check_identity(
    target: RepositoryTarget, *, path: str, node_id: str | None, renamed: bool, source: SourceName
) -> None:
    """Raise UnexpectedPayload, which names the other repository, if an answer is not about `target`.

    `path` and `node_id` are those in the answer. `renamed` means that the forge itself redirected the request.
    """
    if target.node_id is not None and node_id is not None:
        if not is_same_node(target.node_id, node_id):
            raise UnexpectedPayload(
                f"{source}: {target.path} is another repository now: the id of {path} is {node_id},"
                f" and was {target.node_id}"
            )
    elif not renamed and path.lower() not in {known.lower() for known in target.paths}:
        raise UnexpectedPayload(f"{source}: got an answer about {path} instead of {target.path}")
