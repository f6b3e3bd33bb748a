"""Parse the most frequent forms of a requirement without `packaging.requirements`, whose import takes 15 ms.

They are a name with plain versions, and with a marker of one comparison with the version of Python or the platform.
"""

from __future__ import annotations

import re

from djpkg.requirements.requirement import Mention

_CLAUSE = r"(?:(?:==|!=|<=|>=|<|>)\s*[0-9]+(?:\.[0-9]+)*|~=\s*[0-9]+(?:\.[0-9]+)+)\s*"
_MARKER = r"""(python_version|sys_platform)\s*(==|!=|<=|>=|<|>)\s*(?:"([a-z0-9.]+)"|'([a-z0-9.]+)')\s*"""
_SIMPLE = re.compile(
    rf"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*((?:{_CLAUSE}(?:,\s*{_CLAUSE})*)?)(?:;\s*{_MARKER})?", re.ASCII
)


def parse_simple(text: str, file: str, line: int) -> Mention | None:
    """Return the same as for any other requirement (PEP 508); None if the text has another form or is invalid.

    Extras, URLs, prereleases, wildcards and longer markers are other forms. Clauses and markers are written as
    `packaging` prints them.
    """
    match = _SIMPLE.fullmatch(text)
    if match is None:
        return None
    name, specifiers, variable, operator, *values = match.groups()
    clauses = sorted({"".join(clause.split()) for clause in specifiers.split(",") if clause})
    pin = min((clause[2:] for clause in clauses if clause.startswith("==")), default=None)
    marker = None if variable is None else f'{variable} {operator} "{values[0] or values[1]}"'
    return Mention(normalize(name), file, line, None, ",".join(clauses), marker, version=pin)


def normalize(name: str) -> str:
    """Return the normalized form of a valid project name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
