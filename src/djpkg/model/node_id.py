"""The forges' ids of repositories, which survive renames: a number, a UUID, or GitHub's node id."""

from __future__ import annotations

import base64
import binascii
import re

_LEGACY_NODE_ID = re.compile(rb"[0-9]+:Repository([0-9]{1,18})")
_NEW_NODE_ID = re.compile(rb"\x92\x00(?:([\x00-\x7f])|\xcc(.)|\xcd(..)|\xce(.{4})|\xcf(.{8}))", re.DOTALL)


def is_same_node(one: str, other: str) -> bool:
    """Return whether two ids are of one repository; GitHub has two formats of node ids, which contain one number."""
    number = database_id(one)
    return one == other or (number is not None and number == database_id(other))


def database_id(node_id: str) -> int | None:
    """Return the number in a node id of GitHub: ``MDEwOlJlcG9zaXRvcnk5`` and ``R_kgAJ`` contain 9; else None."""
    try:
        if node_id.startswith("R_"):
            text = node_id.removeprefix("R_")
            decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            found = _NEW_NODE_ID.fullmatch(decoded)
            is_canonical = base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() == text
            return int.from_bytes(found[found.lastindex or 0]) if found and is_canonical else None
        found = _LEGACY_NODE_ID.fullmatch(base64.b64decode(node_id, validate=True))
        return int(found[1]) if found else None
    except (binascii.Error, ValueError):
        return None
