"""Find the repository to which a description says that the project moved.

Descriptions link to many repositories: what a project is a port of, a demo, a tool that was split off. So an address
counts only after words that announce a move of the project as a whole.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_URL = r"https?://[!-;=?-~]{3,300}"
_MAX_URLS = 20
# In characters.
_MAX_LEAD = 300
_PUNCTUATION = ".,;:!?)]}'"
_SENTENCE_END = r"[.!?;|\n]\s|\s[-\u2013\u2014]\s"
# Words and signs that lead to the address. Each can be read in several ways, so it is read once ("*+"): trying all of
# them would take forever.
_LEADS = (
    r"(?:[][\s:,(<>*\u2192-]|\b(?:over|to|at|in|on|under|here|see|is|now|this|the|our|its|new|home|location|address|url|repo"
    r"|repository|github|gitlab|bitbucket|codeberg|(?:[\w-]+\s+)?(?:organi[sz]ation|org|group|namespace|account))\b)*+$"
)
# The verb, then nothing but such words.
_MOVED = (
    r"(?i)\b(?:moved|moving|migrated|migrating|relocated|transferred"
    r"|new (?:home|location|address|repo|repository)"
    r"|now (?:at|in|on|lives|living|hosted|maintained|developed)|(?:lives|hosted|maintained|developed) (?:at|in|on)"
    r"|(?:continue[sd]|happens) (?:at|in|on))\b(?:,?\s+(?:permanently|officially|recently)\b)*"
    rf"(?:\s+from\s+(?:\S*[/.]\S*|github|gitlab|bitbucket|codeberg|sourceforge)(?=\s))?{_LEADS}"
)
_MIRROR = rf"(?i)\b(?:(?:read[- ]only|github|gitlab|official|unofficial)\s+)*mirror(?:\s+(?:of|for))?\b{_LEADS}"
# Another project, whose name may be the same.
_OTHER_PROJECT = r"(?i)\b(?:based|clone|copy|fork|forked|port|ported|replaces|which)\b"
# The words of a subject that is the project as a whole.
_WHOLE = frozenset(
    re.findall(
        "[a-z]+",
        """a all also and application archived active app are been being code codebase deprecated development django
        entire everything further git github has have important is it its library longer main maintained maintenance
        new no note notice now of official officially our package permanently please plugin project recently repo
        repository since source sources the this unmaintained ve warning was we whole work""",
    )
)


class Announcement(NamedTuple):
    """An address in a description, and the part of its sentence before the address."""

    url: str
    lead: str


def find_announcements(description: str) -> Iterator[Announcement]:
    """Yield the http(s) URLs in a description with their leads, except the former one in "moved from".

    Where nothing but "see" or so comes before an address, the lead begins with the sentence before it.
    """
    for match in islice(re.finditer(_URL, description), _MAX_URLS):
        *before, lead = re.split(_SENTENCE_END, description[max(match.start() - _MAX_LEAD, 0) : match.start()])
        if before and re.match(f"(?i){_LEADS}", lead):
            lead = f"{before[-1]} {lead}"
        if not re.search(r"(?i)\bfrom:?\s+$", lead):
            yield Announcement(match[0].rstrip(_PUNCTUATION), lead)


def is_move(lead: str, *, name: str, new_name: str, elsewhere: bool) -> bool:
    """Return whether the words before an address say that the repository `name` as a whole moved to `new_name`.

    What moved is the subject: the project, nothing, or its name. Any other subject does if the name stays the same; a
    part that was split off has a name of its own. `elsewhere`: the address is on another host, where the original of a
    mirror counts too.
    """
    verb = re.search(_MOVED, lead) or (re.search(_MIRROR, lead) if elsewhere else None)
    if verb is None or re.search(_OTHER_PROJECT, lead[: verb.start()]):
        return False
    own = _words(name)
    return own == _words(new_name) or set(_words(lead[: verb.start()])) <= _WHOLE.union(own)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())
