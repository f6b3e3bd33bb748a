"""One run of the benchmarks: its size, folder, programs and mirrors."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks.mirror import create_mirror

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.processes import Launcher

# Like the scripts that pip installs.
_PROGRAM = "import sys\nfrom {module} import {function}\nsys.exit({function}())\n"
_BARE = """import typer
app = typer.Typer(pretty_exceptions_enable=False)
@app.command()
def show(package: str) -> None:
    print("{}")
app()
"""


class Size(NamedTuple):
    """Number of packages and runs."""

    packages: int
    runs: int


QUICK = Size(60, 2)
FULL = 5800
"""The size of the catalog, for which most targets are set."""
TENFOLD = 58_000


@dataclass(kw_only=True)
class Session:
    """One run of the benchmarks."""

    folder: Path
    launcher: Launcher
    packages: int
    runs: int
    quick: bool
    _mirrors: dict[int, Path] = field(default_factory=dict)

    def mirror(self, packages: int) -> Path:
        """Return a mirror with this number of packages, created once."""
        if packages not in self._mirrors:
            self._mirrors[packages] = create_mirror(self.folder / f"{packages}.db", packages)
        return self._mirrors[packages]

    @cached_property
    def djpkg(self) -> str:
        """The djpkg script."""
        return self._script("djpkg", _PROGRAM.format(module="djpkg.__main__", function="main"))

    @cached_property
    def sqlite_utils(self) -> str:
        return self._script("sqlite-utils", _PROGRAM.format(module="sqlite_utils.cli", function="cli"))

    @cached_property
    def bare(self) -> str:
        """A minimal Typer program."""
        return self._script("bare", _BARE)

    def _script(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)
