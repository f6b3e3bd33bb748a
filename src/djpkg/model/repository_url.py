"""Parse repository URLs of the catalog and of users into forge, host and path.

Accepted forms: ``https://host/owner/name`` (also http, git, ssh, git+https, …, or no scheme) and the scp form
``git@host:owner/name``. A URL has an optional user, a host, an optional port, a path, and a query and fragment that are
ignored. Only printable ASCII without backslashes is accepted. Anything that two programs could read differently (a
second ``@``, other dot characters, ``..``) is rejected, never repaired: requests go to the host that is visible.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from djpkg.config import APIS
from djpkg.source_name import SourceName

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PUBLIC_FORGES: Mapping[str, SourceName] = MappingProxyType({api.host: api.source for api in APIS if api.host})

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

# Strings, compiled at first use: most runs never parse a repository URL, and compiling takes 1 ms.
_USER = r"(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,63}@)?"
HOST_PATTERN = r"(?P<host>[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62})*)"
_TAIL = r"(?P<path>[^?#]*)(?:[?#].*)?"
_PRINTABLE = r"[!-\[\]-~]{1,2000}"
_URL = (
    rf"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{{0,20}}):)?//{_USER}{HOST_PATTERN}(?::(?P<port>[0-9]*))?(?=[/?#]|$){_TAIL}"
)
_BARE = rf"{HOST_PATTERN}(?::(?P<port>[0-9]+))?(?=[/?#]|$){_TAIL}"
# The form of scp and git. It has no port: host:22/owner/name would be ambiguous.
_SCP = rf"{_USER}{HOST_PATTERN}[:/](?!//|[0-9]+/[^/?#]+/[^/?#]){_TAIL}"
_SSH_SCHEME = r"^(?i:(?:git\+)?ssh)://"

_ENCODED_DOT = "%2[Ee]"
_ENCODED_SLASH = "%2[Ff]|%5[Cc]"

_GITHUB_OWNER = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}"
_BITBUCKET_OWNER = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,61}"
_FORGEJO_OWNER = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,39}"
_NAME = r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}(?<!\.[Gg][Ii][Tt])"
_GITHUB_NAME = rf"{_GITHUB_OWNER}/[A-Za-z0-9._-]{{1,100}}"
_GITLAB_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}(?<!\.[Gg][Ii][Tt])"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# First segments that are pages of the site, never an owner.
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
# GitLab: "Reserved project and group names"; never a project.
_GITLAB_RESERVED = _words(
    """- badges blame blob builds commits create create_dir edit find_file new preview raw refs tree update
    wikis"""
)
# First segment of a project's public pages: "-" today, the others before GitLab 13.
_GITLAB_PROJECT_PAGES = _GITLAB_RESERVED | _words(
    """activity boards branches commit compare container_registry cycle_analytics environments forks graphs group_links
    issues jobs labels merge_requests milestones network pipeline_schedules pipelines project_members releases snippets
    starrers tags"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository on a forge.

    `host` is lower-case, with a port only if the configured server has one; `path` keeps its case.
    """

    kind: SourceName
    host: str
    path: str

    @property
    def coordinate(self) -> str:
        """The key of its facts; lower-case, because forges ignore case."""
        return f"{self.host}/{self.path}".lower()

    @property
    def url(self) -> str:
        """The URL of its web page."""
        return f"https://{self.host}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRepository:
    """No URL, or one that djpkg cannot look up; `reason` is a short printable text."""

    state: Literal["none", "unsupported"]
    reason: str


def parse_repository_url(url: str | None, forges: Mapping[str, SourceName] = NO_FORGES) -> Repository | NoRepository:
    """Return the repository at `url`. Never raises.

    `forges` are additional servers, ``host`` or ``host:port`` (lower-case); one with a port matches that port only.
    Deeper pages, queries, fragments, ``.git`` and ``www.`` are removed.
    """
    if url is None or not url.strip():
        return NoRepository(state="none", reason="no URL")
    text = url.strip(" \t\r\n")
    if not re.fullmatch(_PRINTABLE, text):
        return _unsupported("the URL contains invalid characters or is too long")
    if not (match := _match_url(text)):
        return _unsupported("not a repository URL")
    parts = match.groupdict()
    scheme = (parts.get("scheme") or "").lower()
    if scheme not in _DEFAULT_PORTS:
        return _unsupported(f"unsupported scheme {scheme}")
    name, port = parts["host"].lower(), parts.get("port") or ""
    if not (forge := _find_forge(name, port, default_port=_DEFAULT_PORTS[scheme], forges=forges)):
        return _unsupported(f"{name}{port and f':{port}'} is not a known forge")
    host, kind = forge
    # pip: git+https://host/owner/name@revision
    path = parts["path"].partition("@")[0] if scheme.startswith("git+") else parts["path"]
    return _parse_path(kind, host, path)


def web_address(text: str) -> str | None:
    """Return the https URL of a repository given as git writes it, without a scheme, or as ``owner/name`` on GitHub.

    The server may be unknown. None for other texts.
    """
    found = parse_repository_url(f"https://github.com/{text}" if re.fullmatch(_GITHUB_NAME, text) else text)
    match = _match_url(text) if re.fullmatch(_PRINTABLE, text) else None
    scheme = (match.groupdict().get("scheme") or "").lower() if match is not None else ""
    segments = [_without_git(segment) for segment in match["path"].split("/") if segment] if match is not None else []
    if isinstance(found, Repository):
        # A web address may be that of a page below the repository.
        is_ssh = scheme.endswith("ssh") or (match is not None and match.re.pattern == _SCP)
        return None if is_ssh and len(segments) != found.path.count("/") + 1 else found.url
    if match is None or scheme not in _DEFAULT_PORTS:
        return None
    is_plain = len(segments) > 1 and all(re.fullmatch(_NAME, segment) for segment in segments)
    return f"https://{match['host'].lower()}/{'/'.join(segments)}" if is_plain and "." in match["host"] else None


def _unsupported(reason: str) -> NoRepository:
    return NoRepository(state="unsupported", reason=reason)


def _match_url(text: str) -> re.Match[str] | None:
    if match := re.fullmatch(_URL, text) or re.fullmatch(_BARE, text):
        return match
    # ssh://git@host:owner/name mixes URL and scp form; it is common, and git reads it as the scp form.
    return re.fullmatch(_SCP, re.sub(_SSH_SCHEME, "", text, count=1))


def _find_forge(
    name: str, port: str, *, default_port: str, forges: Mapping[str, SourceName]
) -> tuple[str, SourceName] | None:
    """Return the host under which facts are stored, and its forge; None if host or port are unknown."""
    exact = f"{name}:{port}"
    if exact in forges:
        return exact, forges[exact]
    if port and port != default_port:
        return None
    for host in (name, name.removeprefix("www.")):
        if kind := PUBLIC_FORGES.get(host) or forges.get(host):
            return host, kind
    return None


def _parse_path(kind: SourceName, host: str, path: str) -> Repository | NoRepository:
    decoded = re.sub(_ENCODED_SLASH, "/", re.sub(_ENCODED_DOT, ".", path))
    if not {".", ".."}.isdisjoint(decoded.split("/")):
        return _unsupported("the path contains . or ..")
    segments = _PATH_PARSERS.get(kind, _owner_and_name)([segment for segment in path.split("/") if segment])
    if segments is None:
        return _unsupported(f"the path names no repository on {host}")
    return Repository(kind=kind, host=host, path="/".join(segments))


def _without_git(name: str) -> str:
    """Remove ``.git``; on all forges no repository name ends in it."""
    return name[:-4] if name.lower().endswith(".git") else name


def _owner_and_name(
    segments: Sequence[str], *, owner_pattern: str = _FORGEJO_OWNER, pages: frozenset[str] = frozenset()
) -> Sequence[str] | None:
    if len(segments) < 2:  # noqa: PLR2004 - an owner and a name
        return None
    owner, name = segments[0], _without_git(segments[1])
    if owner.lower() in pages or not re.fullmatch(owner_pattern, owner) or not re.fullmatch(_NAME, name):
        return None
    return owner, name


def _gitlab_path(segments: Sequence[str]) -> Sequence[str] | None:
    """Return groups of any depth and a project: the segments before the first page, or up to one that ends in .git."""
    path: list[str] = []
    for index, segment in enumerate(segments):
        pages = _GITLAB_PROJECT_PAGES if index > 1 else _GITLAB_RESERVED
        if segment in pages:
            break
        path.append(_without_git(segment))
        if path[-1] in pages:
            return None
        if path[-1] != segment:
            break
    if len(path) < 2 or path[0].lower() in _GITLAB_PAGES:  # noqa: PLR2004 - a namespace and a project
        return None
    return path if all(re.fullmatch(_GITLAB_SEGMENT, segment) for segment in path) else None


# A forge that is not listed has paths of an owner and a name.
_PATH_PARSERS: Mapping[SourceName, Callable[[Sequence[str]], Sequence[str] | None]] = MappingProxyType(
    {
        SourceName.GITHUB: partial(_owner_and_name, owner_pattern=_GITHUB_OWNER, pages=_GITHUB_PAGES),
        SourceName.GITLAB: _gitlab_path,
        SourceName.BITBUCKET: partial(_owner_and_name, owner_pattern=_BITBUCKET_OWNER, pages=_BITBUCKET_PAGES),
        SourceName.FORGEJO: partial(_owner_and_name, owner_pattern=_FORGEJO_OWNER, pages=_FORGEJO_PAGES),
    }
)
