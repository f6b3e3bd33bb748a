"""The time of shell completion, compared with a minimal Typer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.processes import Command
from tests.benchmarks.start import BARE, compare_with_bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.session import Session
    from tests.benchmarks.tables import Table


def tables(session: Session) -> Iterator[Table]:
    """Complete slugs, commands, options and filters, with the variables of Typer's bash script."""
    mirror = str(session.mirror(session.packages))
    commands = {BARE: Command([session.bare, "django-todo"])}
    for words in (["show", "django-a"], ["sh"], ["list", "--so"], ["list", "is:"]):
        environment = {
            "_DJPKG_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(["djpkg", *words]),
            "COMP_CWORD": str(len(words)),
            "DJPKG_DB": mirror,
        }
        commands[f"djpkg {' '.join(words)}"] = Command([session.djpkg], environment)
    yield compare_with_bare(session, "complete", commands, target="1.5")
