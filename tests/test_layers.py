"""Imports point one way: cli > refresh, render > sources, mirror > programs > pure modules > errors."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "djpkg"
FOLDERS = ("cli", "refresh", "render", "sources", "mirror", "programs")
# What a module of a layer may import of djpkg; pure modules may import each other.
ALLOWED = {
    "cli": {"cli", "refresh", "render", "mirror", "programs", "pure"},
    "refresh": {"refresh", "sources", "mirror", "pure"},
    "render": {"render", "pure"},
    "sources": {"sources", "programs", "pure"},
    "mirror": {"mirror", "pure"},
    "programs": {"programs", "pure"},
    "pure": {"pure"},
}
# Outside world: no pure module touches it.
UNCLEAN = {
    "httpx",
    "sqlite3",
    "sqlite_utils",
    "rich",
    "typer",
    "subprocess",
    "socket",
    "asyncio",
    "os",
    "pathlib",
    "msgspec",
}
MODULES = sorted(SOURCE.rglob("*.py"))


def layer(name: str) -> str:
    """The layer of a module of djpkg, by its dotted name below it."""
    first = name.partition(".")[0]
    return first if first in FOLDERS else "pure"


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def imports(path: Path, *, at_run_time: bool = False) -> set[str]:
    """The modules that a file imports, late ones too; those for type checking alone are left out on demand."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            typing_only.update(child for part in node.body for child in ast.walk(part))
    found: set[str] = set()
    for node in ast.walk(tree):
        if at_run_time and node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def of_djpkg(names: set[str]) -> set[str]:
    known = {f"djpkg.{dotted(path)}".removesuffix(".__init__") for path in MODULES}
    return {name.removeprefix("djpkg.") for name in names if name in known and name != "djpkg"}


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_its_own_layer_and_those_below(path: Path) -> None:
    name = dotted(path)
    if name in {"__init__", "__main__"}:
        pytest.skip("the two doors")
    wrong = {other for other in of_djpkg(imports(path)) if layer(other) not in ALLOWED[layer(name)]}
    assert not wrong


@pytest.mark.parametrize("path", [path for path in MODULES if layer(dotted(path)) == "pure"], ids=dotted)
def test_a_pure_module_touches_nothing_outside(path: Path) -> None:
    if dotted(path) in {"__init__", "__main__"}:
        pytest.skip("the two doors")
    touched = {name.partition(".")[0] for name in imports(path, at_run_time=True)} & UNCLEAN
    if dotted(path) == "config":
        touched -= {"pathlib"}  # it names places, and opens none
    assert not touched


@pytest.mark.parametrize("path", [path for path in MODULES if layer(dotted(path)) in {"cli", "render"}], ids=dotted)
def test_a_command_holds_no_sql(path: Path) -> None:
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & {"execute", "executemany", "executescript", "cursor"}


def test_errors_stand_on_nothing() -> None:
    assert not of_djpkg(imports(SOURCE / "errors.py"))


def test_only_refresh_knows_both_the_network_and_the_mirror() -> None:
    both = {
        dotted(path) for path in MODULES if {"sources", "mirror"} <= {layer(name) for name in of_djpkg(imports(path))}
    }
    assert {name.partition(".")[0] for name in both} == {"refresh"}


def test_only_the_wire_knows_httpx() -> None:
    knowing = {dotted(path) for path in MODULES if any(name.partition(".")[0] == "httpx" for name in imports(path))}
    assert knowing == {"sources.wire"}


def test_every_layer_has_modules() -> None:
    assert {layer(dotted(path)) for path in MODULES} == set(ALLOWED)
