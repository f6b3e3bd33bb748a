"""Any repository address that a person or the catalog holds, as forge, host and path, or why it is none.

An address is taken apart by one strict grammar of printable ASCII: what two programs could read in two ways (backslash,
a second ``@``, a foreign dot, ``..``) is refused and not repaired, so that a request goes to the host that one sees.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HOSTS: Mapping[str, SourceName] = MappingProxyType(
    {
        "github.com": SourceName.GITHUB,
        "gitlab.com": SourceName.GITLAB,
        "bitbucket.org": SourceName.BITBUCKET,
        "codeberg.org": SourceName.FORGEJO,
    }
)

NO_FORGES: Mapping[str, SourceName] = MappingProxyType({})

_DEFAULT_PORTS = MappingProxyType(
    {
        "": "443",
        "http": "80",
        "https": "443",
        "git": "9418",
        "ssh": "22",
        "git+http": "80",
        "git+https": "443",
        "git+ssh": "22",
    }
)

# Patterns are compiled at their first use: most runs of the program never see an address.
_USER = r"(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,63}@)?"
HOST_PATTERN = r"(?P<host>[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*)"
_TAIL = r"(?P<path>[^?#]*)(?:[?#].*)?"
_PLAIN = r"[!-\[\]-~]{1,2000}"
_URL = (
    rf"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{{0,20}}):)?//{_USER}{HOST_PATTERN}(?::(?P<port>[0-9]*))?(?=[/?#]|$){_TAIL}"
)
_BARE = rf"{HOST_PATTERN}(?::(?P<port>[0-9]+))?(?=[/?#]|$){_TAIL}"
# As scp and git take it. A port has no place in it: what host:22/owner/name means is anyone's guess.
_SCP = rf"{_USER}{HOST_PATTERN}[:/](?!//|[0-9]+/[^/?#]+/[^/?#]){_TAIL}"
_SSH_SCHEME = r"^(?i:(?:git\+)?ssh)://"

_ENCODED_DOT = "%2[Ee]"
_ENCODED_SLASH = "%2[Ff]|%5[Cc]"

_GITHUB_OWNER = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}"
_BITBUCKET_OWNER = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,61}"
_FORGEJO_OWNER = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,39}"
_NAME = r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}(?<!\.[Gg][Ii][Tt])"
_GITLAB_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}(?<!\.[Gg][Ii][Tt])"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# First segments that are pages of the site and can be no owner.
_GITHUB_PAGES = _words(
    """about account apps codespaces collections contact copilot customer-stories dashboard enterprise events explore
    features gist gists integrations issues join login logout marketplace mobile new notifications organizations orgs
    pricing pulls readme search security sessions settings signup site sponsors stars team topics trending users
    watching"""
)
_BITBUCKET_PAGES = _words(
    "account api blog dashboard product repo repositories site snippets socialauth support workspace"
)
_FORGEJO_PAGES = _words(
    """admin api assets attachments avatars captcha explore issues login metrics milestones new notifications org pulls
    repo repo-avatars user"""
)
_GITLAB_PAGES = _words(
    """- admin api assets dashboard explore files groups help import jwt login oauth profile projects public s search
    snippets unsubscribes uploads users v2"""
)
# GitLab: "Reserved project and group names"; none of them can be a project.
_GITLAB_RESERVED = _words(
    """- badges blame blob builds commits create create_dir edit find_file new preview raw refs tree update
    wikis"""
)
# Where the pages of a project begin, in addresses of today (after "-") and of before 2019.
_GITLAB_CUTS = _GITLAB_RESERVED | _words(
    """activity boards branches commit compare graphs issues merge_requests milestones network pipelines snippets
    tags"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository on a forge.

    `host` is lower-case and carries a port only where one was configured with it; `path` keeps its case.
    """

    kind: SourceName
    host: str
    path: str

    @property
    def coordinate(self) -> str:
        """The key of its facts: forges do not tell apart what differs in case alone."""
        return f"{self.host}/{self.path}".lower()

    @property
    def url(self) -> str:
        """Its page."""
        return f"https://{self.host}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRepository:
    """No address at all, or one that djpkg can ask nobody about; `reason` says why, in a few printable words."""

    state: Literal["none", "unsupported"]
    reason: str


def parse_repository_url(
    address: str | None, forges: Mapping[str, SourceName] = NO_FORGES
) -> Repository | NoRepository:
    """The repository that `address` names.

    `forges` are further servers, ``host`` or ``host:port`` (lower-case) to kind; one with a port takes that port only.
    Deeper pages, queries, fragments, ``.git`` and ``www.`` are taken off. Nothing is raised, whatever the address.
    """
    if address is None or not address.strip():
        return NoRepository(state="none", reason="no address")
    text = address.strip(" \t\r\n")
    if not re.fullmatch(_PLAIN, text):
        return _unsupported("the address holds characters that have no place in one, or is too long")
    if not (match := _match(text)):
        return _unsupported("not an address of a repository")
    parts = match.groupdict()
    scheme = (parts.get("scheme") or "").lower()
    if scheme not in _DEFAULT_PORTS:
        return _unsupported(f"{scheme} is no scheme of repositories")
    name, port = parts["host"].lower(), parts.get("port") or ""
    if not (place := _place(name, port, default_port=_DEFAULT_PORTS[scheme], forges=forges)):
        return _unsupported(f"{name}{port and f':{port}'} is no forge that djpkg knows")
    host, kind = place
    # pip: git+https://host/owner/name@revision
    path = parts["path"].partition("@")[0] if scheme.startswith("git+") else parts["path"]
    return _repository(kind, host, path)


_ELSEWHERE = re.compile(
    r"\b(moved|moving|moves|migrated|migrating|relocated|transferred|new (home|location|address|repo|repository)"
    r"|now (at|on|in|hosted|lives|living|developed|maintained)|(lives|hosted|developed|maintained) (at|on|in)"
    r"|continued|superseded|mirror)\b",
    re.IGNORECASE,
)


def announced_addresses(text: str) -> list[str]:
    """The http(s) addresses, without punctuation behind them, of a description that says that the project is elsewhere.

    Others name what they are a port of, or what they work with.
    """
    if not _ELSEWHERE.search(text):
        return []
    return [found.rstrip(".,;:!?)]}'") for found in re.findall(r"https?://[!-;=?-~]{3,300}", text)]


def _unsupported(reason: str) -> NoRepository:
    return NoRepository(state="unsupported", reason=reason)


def _match(text: str) -> re.Match[str] | None:
    if match := re.fullmatch(_URL, text) or re.fullmatch(_BARE, text):
        return match
    # ssh://git@host:owner/name is half a URL and half what scp takes; it is common, and git's meaning of it is plain.
    return re.fullmatch(_SCP, re.sub(_SSH_SCHEME, "", text, count=1))


def _place(
    name: str, port: str, *, default_port: str, forges: Mapping[str, SourceName]
) -> tuple[str, SourceName] | None:
    """The host as facts are stored under it, and its kind; None for a host or a port that nobody named."""
    exact = f"{name}:{port}"
    if exact in forges:
        return exact, forges[exact]
    if port and port != default_port:
        return None
    for host in (name, name.removeprefix("www.")):
        if kind := HOSTS.get(host) or forges.get(host):
            return host, kind
    return None


def _repository(kind: SourceName, host: str, path: str) -> Repository | NoRepository:
    decoded = re.sub(_ENCODED_SLASH, "/", re.sub(_ENCODED_DOT, ".", path))
    if not {".", ".."}.isdisjoint(decoded.split("/")):
        return _unsupported("the address climbs with dots")
    segments = [segment for segment in path.split("/") if segment]
    named = _PATHS[kind](segments)
    if named is None:
        return _unsupported(f"the address names no repository of {host}")
    return Repository(kind=kind, host=host, path="/".join(named))


def _without_git(name: str) -> str:
    """GitHub, GitLab, Bitbucket and Forgejo: no repository's own name ends in ``.git``."""
    return name[:-4] if name.lower().endswith(".git") else name


def _owner_and_name(segments: Sequence[str], *, owners: str, pages: frozenset[str]) -> Sequence[str] | None:
    if len(segments) < 2:  # noqa: PLR2004 - an owner and a name
        return None
    owner, name = segments[0], _without_git(segments[1])
    if owner.lower() in pages or not re.fullmatch(owners, owner) or not re.fullmatch(_NAME, name):
        return None
    return owner, name


def _github_path(segments: Sequence[str]) -> Sequence[str] | None:
    return _owner_and_name(segments, owners=_GITHUB_OWNER, pages=_GITHUB_PAGES)


def _bitbucket_path(segments: Sequence[str]) -> Sequence[str] | None:
    return _owner_and_name(segments, owners=_BITBUCKET_OWNER, pages=_BITBUCKET_PAGES)


def _forgejo_path(segments: Sequence[str]) -> Sequence[str] | None:
    return _owner_and_name(segments, owners=_FORGEJO_OWNER, pages=_FORGEJO_PAGES)


def _gitlab_path(segments: Sequence[str]) -> Sequence[str] | None:
    """A namespace of any depth and a project: all up to the first segment that is a page or ends in ``.git``."""
    named: list[str] = []
    for place, segment in enumerate(segments):
        pages = _GITLAB_CUTS if place > 1 else _GITLAB_RESERVED
        if segment in pages:
            break
        named.append(_without_git(segment))
        if named[-1] in pages:
            return None
        if named[-1] != segment:
            break
    if len(named) < 2 or named[0].lower() in _GITLAB_PAGES:  # noqa: PLR2004 - a namespace and a project
        return None
    return named if all(re.fullmatch(_GITLAB_SEGMENT, segment) for segment in named) else None


_PATHS: Mapping[SourceName, Callable[[Sequence[str]], Sequence[str] | None]] = MappingProxyType(
    {
        SourceName.GITHUB: _github_path,
        SourceName.GITLAB: _gitlab_path,
        SourceName.BITBUCKET: _bitbucket_path,
        SourceName.FORGEJO: _forgejo_path,
    }
)
