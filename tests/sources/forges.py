"""The three forges that are asked repository by repository, each with its place in the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from djpkg.credentials import Token
from djpkg.sources.rest_forge.bitbucket import Bitbucket
from djpkg.sources.rest_forge.forgejo import Forgejo
from djpkg.sources.rest_forge.gitlab import GitLab
from tests.sources.requesting import IMPATIENT, days_of, head_of
from tests.world import BITBUCKET, CODEBERG, GITLAB

if TYPE_CHECKING:
    from djpkg.model.facts import ForgeFacts
    from djpkg.sources.rest_forge.forge import RestForge
    from tests.world import Repo, World, WorldServer


@dataclass(frozen=True)
class Place:
    """One forge: its source, its name in the world, the variables of its address and of its token.

    `page` matches requests for the page of a repository, `commits` those for its commits.
    """

    source: type[RestForge]
    api: str
    host: str
    address: str
    variable: str
    page: str
    commits: str = "/commits"

    def make(self, server: WorldServer, *, token: bool | str = False, **options: Any) -> RestForge:
        """The source, pointed at the world; with the right token, or a stated one, or none."""
        if token:
            secret = self.secret(server) if token is True else token
            options["token"] = Token(self.variable, secret)
        options.setdefault("base_url", server.env[self.address])
        options.setdefault("limits", IMPATIENT)
        return self.source(clock=lambda: server.world.now, **options)

    def secret(self, server: WorldServer) -> str:
        return server.token_env(self.api)[self.variable]

    def add(self, world: World, path: str = "acme/todo", **values: Any) -> Repo:
        return world.add_repository(path, host=self.host, **values)

    def __str__(self) -> str:
        return self.api


PLACES = (
    Place(GitLab, "gitlab", GITLAB, "DJPKG_GITLAB_URL", "GITLAB_TOKEN", r"^/projects/[^/]+$"),
    Place(Bitbucket, "bitbucket", BITBUCKET, "DJPKG_BITBUCKET_URL", "BITBUCKET_TOKEN", r"^/repositories/[^/]+/[^/]+$"),
    Place(Forgejo, "codeberg", CODEBERG, "DJPKG_CODEBERG_URL", "CODEBERG_TOKEN", r"^/repos/[^/]+/[^/]+$"),
)


def check_facts(facts: ForgeFacts, repo: Repo) -> None:
    """The facts are what the world holds: page, head and weeks."""
    assert facts.state == "ok"
    page = facts.repository
    assert page is not None
    assert (page.path, page.stars, page.forks) == (repo.path, repo.stars, repo.forks)
    assert page.description == (repo.description or "")
    assert page.archived == (None if repo.host == BITBUCKET else repo.archived)
    assert (page.head, page.head_at) == head_of(repo)
    assert facts.weeks is not None
    assert facts.weeks.head == (page.head or "")
    assert facts.weeks.days == days_of(repo)
