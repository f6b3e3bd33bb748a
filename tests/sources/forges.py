"""The forges without a bulk API, each with its API in the test world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from djpkg.credentials import Token
from djpkg.sources.rest_forge.bitbucket import Bitbucket
from djpkg.sources.rest_forge.forgejo import Forgejo
from djpkg.sources.rest_forge.gitlab import GitLab
from tests.sources.requesting import FEW_ATTEMPTS, days_of, head_of
from tests.world import BITBUCKET, CODEBERG, GITLAB

if TYPE_CHECKING:
    from djpkg.model.facts import ForgeFacts
    from djpkg.sources.rest_forge.forge import RestForge
    from tests.world import Repo, World, WorldServer


@dataclass(frozen=True)
class ForgeCase:
    """One forge: its source class, its API in the world, and the variables of its URL and token.

    `repository` matches requests for a repository, `commits` those for its commits.
    """

    source: type[RestForge]
    api: str
    host: str
    url_variable: str
    token_variable: str
    repository: str
    commits: str = "/commits"

    def new_source(self, server: WorldServer, *, token: bool | str = False, **options: Any) -> RestForge:
        """Return the source for the world's server; with the right token, a given one, or none."""
        if token:
            secret = self.secret(server) if token is True else token
            options["token"] = Token(self.token_variable, secret)
        options.setdefault("base_url", server.env[self.url_variable])
        options.setdefault("limits", FEW_ATTEMPTS)
        return self.source(clock=lambda: server.world.now, **options)

    def secret(self, server: WorldServer) -> str:
        return server.token_env(self.api)[self.token_variable]

    def add(self, world: World, path: str = "acme/todo", **values: Any) -> Repo:
        return world.add_repository(path, host=self.host, **values)

    def __str__(self) -> str:
        return self.api


FORGE_CASES = (
    ForgeCase(GitLab, "gitlab", GITLAB, "DJPKG_GITLAB_URL", "GITLAB_TOKEN", r"^/projects/[^/]+$"),
    ForgeCase(
        Bitbucket, "bitbucket", BITBUCKET, "DJPKG_BITBUCKET_URL", "BITBUCKET_TOKEN", r"^/repositories/[^/]+/[^/]+$"
    ),
    ForgeCase(Forgejo, "codeberg", CODEBERG, "DJPKG_CODEBERG_URL", "CODEBERG_TOKEN", r"^/repos/[^/]+/[^/]+$"),
)


def check_facts(facts: ForgeFacts | None, repo: Repo) -> None:
    """Check repository, head and weeks against the world."""
    assert facts is not None
    assert facts.state == "ok"
    repository = facts.repository
    assert repository is not None
    assert (repository.path, repository.stars, repository.forks) == (repo.path, repo.stars, repo.forks)
    assert repository.description == (repo.description or "")
    assert repository.archived == (None if repo.host == BITBUCKET else repo.archived)
    assert (repository.head, repository.head_at) == head_of(repo)
    assert facts.weeks is not None
    assert facts.weeks.head == (repository.head or "")
    assert facts.weeks.days == days_of(repo)
