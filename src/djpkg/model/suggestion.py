"""Find the repository that a project names as its own where it is not the one of its package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model import announcements
from djpkg.model.facts import ForgeFacts, PypiFacts
from djpkg.model.repository_url import Repository, parse_repository_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from djpkg.model.facts import Facts, RepositoryFacts
    from djpkg.source_name import SourceName


def suggest_repository(
    repository: Repository | None, facts: Facts | None, forges: Mapping[str, SourceName]
) -> str | None:
    """Return the URL of another repository that the facts name as the project's own.

    In a forge's facts that is one to which the description says that the project moved, in those of PyPI one on another
    host, unless PyPI links to a repository on the same host too.
    """
    if isinstance(facts, ForgeFacts) and facts.repository is not None and repository is not None:
        return _find_announced(facts.repository, repository, forges)
    if isinstance(facts, PypiFacts):
        parsed = (parse_repository_url(url, forges) for url in facts.repository_urls)
        linked = [one for one in parsed if isinstance(one, Repository)]
        if linked and all(repository is None or one.host != repository.host for one in linked):
            return linked[0].url
    return None


def _find_announced(current: RepositoryFacts, repository: Repository, forges: Mapping[str, SourceName]) -> str | None:
    """Return the first repository to which the description says that the project moved."""
    known = {repository.path.lower(), current.path.lower()}
    name = repository.path.rpartition("/")[2]
    for url, lead in announcements.find_announcements(current.description):
        one = parse_repository_url(url, forges)
        if not isinstance(one, Repository) or (one.host == repository.host and one.path.lower() in known):
            continue
        new_name, elsewhere = one.path.rpartition("/")[2], one.host != repository.host
        if announcements.is_move(lead, name=name, new_name=new_name, elsewhere=elsewhere):
            return one.url
    return None
