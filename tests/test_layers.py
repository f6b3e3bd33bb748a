"""Imports point one way and form no cycle.

cli > fetch, render > sources, mirror > check, editing, query, requirements > model > the modules at the top
"""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, NamedTuple

import pytest

from djpkg.cli.app import COMMANDS
from tests import readme

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = readme.ROOT / "src" / "djpkg"
CONTRIBUTING = readme.ROOT / ".github" / "CONTRIBUTING.md"
PURE = {"check", "editing", "query", "requirements", "model"}
# The folders that a module of each folder may import from; "top" is the modules beside the folders.
MAY_IMPORT = {
    "cli": {"cli", "fetch", "render", "mirror", "check", "editing", "query", "requirements", "model", "top"},
    "fetch": {"fetch", "sources", "mirror", "query", "requirements", "model", "top"},
    "render": {"render", "check", "query", "model", "top"},
    "sources": {"sources", "model", "top"},
    "mirror": {"mirror", "check", "editing", "query", "requirements", "model", "top"},
    "check": {"check", "requirements", "model", "top"},
    "editing": {"editing", "model", "top"},
    "query": {"query", "model", "top"},
    "requirements": {"requirements", "model", "top"},
    "model": {"model", "top"},
    "top": {"top"},
}
# No pure module imports any of these: it has no network, no file, no database and no clock of its own.
OUTSIDE_WORLD = {
    "asyncio",
    "httpx",
    "msgspec",
    "os",
    "pathlib",
    "rich",
    "socket",
    "sqlite3",
    "sqlite_utils",
    "subprocess",
    "time",
    "typer",
}
# What no pure module calls: they open no file and get the time as an argument. Method names, and whole names.
IMPURE_METHODS = {"now", "utcnow", "today", "utc_now", "open", "read_text", "read_bytes", "write_text", "write_bytes"}
IMPURE_CALLS = {"open", "print", "input", "utc_now", "time.time"}
MAX_TOP_MODULES = 8
MAX_LINES = 400
MIN_LINES = 25
MAX_SHORT_MODULES = 6

MODULES = {
    ".".join(("djpkg", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}


def folder(module: str) -> str:
    """The folder below djpkg that a module lies in; "top" for the modules beside the folders."""
    parts = module.split(".")
    path = MODULES[module]
    return parts[1] if len(parts) > 2 or (path.name == "__init__.py" and len(parts) == 2) else "top"


class Contents(NamedTuple):
    """What the rules look at in a module.

    Imports are dotted names, in functions too: all, and those that are not for type checking alone. Strings may be the
    names of modules for `import_module`: ``"djpkg.cli.commands.show"``.
    """

    imports: set[str]
    run_time_imports: set[str]
    strings: list[str]
    called_methods: set[str]
    impure_calls: list[str]


@cache
def contents(module: str) -> Contents:
    nodes = list(ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))))
    typing_only = {
        child
        for node in nodes
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for part in node.body
        for child in ast.walk(part)
    }
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    return Contents(
        imports=imported_names(nodes),
        run_time_imports=imported_names(node for node in nodes if node not in typing_only),
        strings=[node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)],
        called_methods={called.attr for called in calls if isinstance(called, ast.Attribute)},
        impure_calls=impure_calls(calls),
    )


def imported_names(nodes: Iterable[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= MODULES.keys() else names | {node.module}
    return found


def impure_calls(calls: Iterable[ast.expr]) -> list[str]:
    """The called functions that read a file or the clock."""
    return [
        ast.unparse(called)
        for called in calls
        if (isinstance(called, ast.Attribute) and called.attr in IMPURE_METHODS) or ast.unparse(called) in IMPURE_CALLS
    ]


@cache
def own_imports(module: str) -> set[str]:
    """The modules of djpkg that a module imports, late, by a string and for type checking too; not djpkg itself."""
    names = contents(module).imports.union(contents(module).strings)
    return {name for name in names if name in MODULES and name != "djpkg"}


@cache
def graph() -> dict[str, set[str]]:
    return {module: own_imports(module) for module in MODULES}


@pytest.mark.parametrize("module", [module for module in MODULES if module not in {"djpkg", "djpkg.__main__"}])
def test_a_module_imports_only_what_its_folder_may(module: str) -> None:
    wrong = {other for other in own_imports(module) if folder(other) not in MAY_IMPORT[folder(module)]}
    assert not wrong


def test_there_is_no_import_cycle() -> None:
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_a_package_file_imports_nothing() -> None:
    # Importing a module runs the files of all packages above it; if they imported modules, they could hide cycles.
    packages = [module for module, path in MODULES.items() if path.name == "__init__.py" and module != "djpkg"]
    assert {module: own_imports(module) for module in packages if own_imports(module)} == {}


@pytest.mark.parametrize("module", [module for module in MODULES if folder(module) in PURE])
def test_a_pure_module_does_not_touch_the_outside_world(module: str) -> None:
    assert not {name.partition(".")[0] for name in contents(module).run_time_imports} & OUTSIDE_WORLD


@pytest.mark.parametrize("module", [module for module in MODULES if folder(module) in PURE])
def test_a_pure_module_opens_no_file_and_reads_no_clock(module: str) -> None:
    assert contents(module).impure_calls == []


@pytest.mark.parametrize(
    "text", ["open('x')", "datetime.now(UTC)", "date.today()", "times.utc_now()", "utc_now()", "time.time()"]
)
def test_calls_that_a_pure_module_may_not_have_are_recognized(text: str) -> None:
    assert impure_calls(node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def test_the_graph_has_the_modules_that_are_imported_by_name() -> None:
    assert set(COMMANDS.values()) <= own_imports("djpkg.cli.app")
    forges = {f"djpkg.sources.rest_forge.{name}" for name in ("gitlab", "bitbucket", "forgejo")}
    assert forges <= own_imports("djpkg.sources.registry")


@pytest.mark.parametrize("module", [module for module in MODULES if folder(module) in {"cli", "render"}])
def test_a_command_contains_no_sql(module: str) -> None:
    assert not contents(module).called_methods & {"execute", "executemany", "executescript", "cursor"}


@pytest.mark.parametrize("module", MODULES)
def test_no_statement_numbers_its_values(module: str) -> None:
    # Python 3.12.0 to 3.12.3 warns where ``?1`` is bound to a sequence, and refuses numbers from 3.14 on.
    assert not [text for text in contents(module).strings if re.search(r"= ?\?\d|\(\?\d", text)]


@pytest.mark.parametrize("module", [module for module in MODULES if folder(module) == "model"])
def test_the_model_contains_no_sql(module: str) -> None:
    assert not [text for text in contents(module).strings if re.search(r"\b(SELECT|COLLATE|WHERE)\b", text)]


def test_only_fetch_imports_both_the_network_and_the_mirror() -> None:
    both = {module for module in MODULES if {"sources", "mirror"} <= {folder(name) for name in own_imports(module)}}
    assert {folder(module) for module in both} == {"fetch"}


def test_only_the_transport_imports_httpx() -> None:
    importing = {
        module for module in MODULES if any(name.partition(".")[0] == "httpx" for name in contents(module).imports)
    }
    assert importing == {"djpkg.sources.http.transport"}


def test_every_folder_has_a_rule() -> None:
    assert {folder(module) for module in MODULES} == set(MAY_IMPORT)


def test_contributing_describes_every_folder() -> None:
    rows = readme.table(CONTRIBUTING.read_text(encoding="utf-8"), "folder of `src/djpkg`")
    folders = {f"`{path.parent.name}/`" for path in SOURCE.glob("*/*") if path.is_file() and path.parent.name[0] != "_"}
    assert sorted(row[0] for row in rows) == sorted({"`*.py`", *folders})


def test_the_project_has_no_other_files_at_its_top() -> None:
    expected = {"pyproject.toml", "src", "tests", "README.md", "LICENSE", "CHANGELOG.md"}
    assert {path.name for path in readme.ROOT.iterdir() if not path.name.startswith(".")} == expected


def test_few_modules_lie_at_the_top() -> None:
    top = [path.name for path in SOURCE.glob("*.py") if not path.name.startswith("__")]
    assert len(top) <= MAX_TOP_MODULES


def test_modules_can_be_read_in_one_sitting_and_are_worth_a_file() -> None:
    lines = {
        module: len(path.read_text(encoding="utf-8").splitlines())
        for module, path in MODULES.items()
        if not path.name.startswith("__")
    }
    assert {module: count for module, count in lines.items() if count > MAX_LINES} == {}
    assert len([module for module, count in lines.items() if count < MIN_LINES]) <= MAX_SHORT_MODULES
