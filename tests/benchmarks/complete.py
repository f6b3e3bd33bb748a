"""How long the shell waits for an offer after a key press, beside a Typer program that does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.processes import Command
from tests.benchmarks.start import BARE, compare_with_bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.session import Session
    from tests.benchmarks.tables import Table


def tables(stage: Session) -> Iterator[Table]:
    """Slugs, commands, options and filters, as the script that Typer installs for bash asks for them."""
    mirror = str(stage.mirror(stage.packages))
    commands = {BARE: Command([stage.bare, "django-todo"])}
    for words in (["show", "django-a"], ["sh"], ["list", "--so"], ["list", "is:"]):
        asked = {
            "_DJPKG_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(["djpkg", *words]),
            "COMP_CWORD": str(len(words)),
            "DJPKG_DB": mirror,
        }
        commands[f"djpkg {' '.join(words)}"] = Command([stage.djpkg], asked)
    yield compare_with_bare(stage, "complete", commands, target="1.5")
