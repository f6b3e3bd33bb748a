"""Whether an answer is about the repository that was requested.

A forge may give the name of a renamed repository to a new one. The forge's id of a repository never changes, so a
repository with another id than the stored one is another repository, wherever a redirect leads. An owner may delete a
repository and make it anew: then the user decides, with a fetch that names the package and has --refetch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.errors import UnexpectedPayload
from djpkg.model.node_id import is_same_node

if TYPE_CHECKING:
    from djpkg.model.lookups import RepositoryTarget
    from djpkg.source_name import SourceName


ACCEPTING = "to take the new one, whose history begins anew: djpkg fetch PACKAGE --refetch"
"""The hint of a failure about another repository; the report puts the slug in."""


class OtherRepository(UnexpectedPayload):
    """Another repository has the name of the requested one."""


def check_identity(
    target: RepositoryTarget, *, path: str, node_id: str | None, renamed: bool, source: SourceName
) -> None:
    """Raise OtherRepository, which names the other one, or UnexpectedPayload, if an answer is not about `target`.

    `path` and `node_id` are those in the answer. `renamed` means that the forge itself redirected the request.
    """
    if target.node_id is not None and node_id is not None:
        if not is_same_node(target.node_id, node_id):
            raise OtherRepository(
                f"{source}: {target.path} is another repository now: the id of {path} is {node_id},"
                f" and was {target.node_id}",
                hint=ACCEPTING,
            )
    elif not renamed and path.lower() not in {known.lower() for known in target.paths}:
        raise UnexpectedPayload(f"{source}: got an answer about {path} instead of {target.path}")
