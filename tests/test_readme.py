"""What the README and the pages of `djpkg help` show is what the program does."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from djpkg import config, errors
from djpkg.check import rules
from djpkg.check.exceptions import parse_ignored
from djpkg.check.report import Verdict
from djpkg.cli.app import COMMANDS
from djpkg.mirror.connection import create_in_memory
from djpkg.model import fields
from djpkg.model.event_names import EVENTS
from djpkg.query import parser as query
from djpkg.requirements.toml_file import parse_toml
from djpkg.source_name import SourceName
from tests import readme
from tests.cli.running import run
from tests.world import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCE = readme.ROOT / "src" / "djpkg"
TEXTS = {document: document.read_text(encoding="utf-8") for document in readme.DOCUMENTS}
README = TEXTS[readme.README]
EXAMPLES = {document: readme.examples(text) for document, text in TEXTS.items()}
# Variables that libraries read: rich, the standard library, httpx and platformdirs.
READ_BY_LIBRARIES = {
    "COLUMNS", "NO_COLOR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
}  # fmt: skip
# Variables that describe the system or the shell, and are not meant to be set for djpkg.
OF_THE_SYSTEM = {"HOME", "PATH", "COMP_WORDS", "COMP_CWORD"}


def page(name: str) -> str:
    return TEXTS[readme.PAGES / f"{name}.md"]


def codes(cell: str) -> list[str]:
    """Return what is marked as code."""
    return re.findall(r"`([^`]+)`", cell)


@pytest.fixture(scope="session")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[str]]:
    """Return what the examples of a document print. Each document runs once per session, in one of the workers."""
    missing = [program for program in readme.PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"the examples need {', '.join(missing)}")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # each worker has a folder of its own in that of the session

    @cache
    def of(document: Path) -> list[str]:
        kept = folder / f"examples-{document.stem}.json"
        with FileLock(f"{kept}.lock"):
            if not kept.exists():
                kept.write_text(json.dumps(readme.outputs(document)), encoding="utf-8")
            outputs: list[str] = json.loads(kept.read_text(encoding="utf-8"))
            return outputs

    return of


# The examples.


@pytest.mark.parametrize(
    ("document", "place"),
    [
        pytest.param(document, place, id=f"{document.stem}: {example.command}")
        for document, examples in EXAMPLES.items()
        for place, example in enumerate(examples)
    ],
)
def test_an_example_prints_what_the_document_shows(
    printed: Callable[[Path], list[str]], document: Path, place: int
) -> None:
    assert printed(document)[place] == EXAMPLES[document][place].output


@pytest.mark.parametrize(
    "document",
    [document for document, text in TEXTS.items() if readme.cron_commands(text)],
    ids=lambda document: document.stem,
)
def test_the_lines_of_a_crontab_print_nothing_in_the_environment_of_cron(document: Path) -> None:
    with readme.stage(readme.demo_world(), width=80) as environment:
        home = Path(environment["HOME"])
        program = home / ".local" / "bin" / "djpkg"
        program.parent.mkdir(parents=True)
        (home / "djpkg").rename(program)
        variables = readme.cron_variables(TEXTS[document])
        token = environment["GH_TOKEN"]
        known = {"HOME": str(home), "LOGNAME": "you", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
        servers = {name: value for name, value in environment.items() if name.endswith("_URL")}
        given = known | servers | variables | {name: token for name in variables if name.endswith("TOKEN")}
        for command in readme.cron_commands(TEXTS[document]):
            assert "TOKEN" not in command
            assert "%" not in command  # cron's newline
            line = command.replace("/home/you/", f"{home}/")
            ended = subprocess.run(
                ["env", "-i", *(f"{name}={value}" for name, value in given.items()), "/bin/sh", "-c", line],
                cwd=home, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            )  # fmt: skip
            assert (command, ended.returncode, ended.stdout, ended.stderr) == (command, 0, b"", b"")
        assert (home / ".local" / "share" / "djpkg" / "mirror.db").is_file()
        assert (
            json.loads(
                subprocess.run(
                    [program, "status", "--json"],
                    env=given,
                    capture_output=True,
                    check=True,
                ).stdout
            )["sources"]["github"]["token"]
            == "GITHUB_TOKEN"
        )


def test_the_token_of_a_crontab_is_a_variable_with_a_line_of_its_own() -> None:
    for document in (readme.README, readme.PAGES / "cron.md"):
        assert "GITHUB_TOKEN" in readme.cron_variables(TEXTS[document])
        assert all(
            word.startswith("/")
            for command in readme.cron_commands(TEXTS[document])
            for word in command.split()
            if word.endswith("djpkg")
        )


def test_ci_installs_the_programs_that_examples_need() -> None:
    script = (readme.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (installed,) = re.findall(r"^for program in (.*); do$", script, re.MULTILINE)
    assert set(installed.split()) | {"bash"} == set(readme.PROGRAMS)


# The README.


def test_the_readme_shows_every_command() -> None:
    shown = {word for example in EXAMPLES[readme.README] for word in re.findall(r"djpkg (\w+)", example.command)}
    assert set(COMMANDS) - {"fields"} <= shown
    listed = {command for row in readme.table(README, "command") for command in re.findall(r"djpkg (\w+)", row[0])}
    assert listed == set(COMMANDS)


def test_the_readme_links_to_every_page_and_to_nothing_that_is_missing() -> None:
    links = {link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link}
    assert links >= {str(path.relative_to(readme.ROOT)) for path in TEXTS if path != readme.README}
    assert all((readme.ROOT / link).is_file() for link in links)


def test_the_readme_has_two_set_up_commands_of_one_line() -> None:
    first, second = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert first.count("\n") == second.count("\n") == 1
    assert "pip install" in first
    assert "djpkg show django-todo" in first
    assert "pip install" in second
    assert "pytest" in second


def test_the_pages_have_no_commands_that_no_test_runs() -> None:
    pages = [text for document, text in TEXTS.items() if document != readme.README]
    kinds = {kind for text in pages for kind in re.findall(r"^```(\w+)$", text, re.MULTILINE)}
    assert kinds == {"console", "cron", "text", "toml", "yaml"}


def test_the_commands_of_ci_work(tmp_path: Path) -> None:
    commands = re.findall(r"(?:- |run: |entry: )(djpkg check.*)$", page("check"), re.MULTILINE)
    assert len(commands) == 4
    with readme.stage(readme.demo_world(), width=80) as environment:
        for command in commands:
            ended = subprocess.run(
                ["sh", "-c", command],
                cwd=environment["HOME"], env={**environment, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")},
                stdin=subprocess.DEVNULL, capture_output=True, check=False,
            )  # fmt: skip
            assert (command, ended.returncode) == (command, 0)
            assert ended.stderr in (b"", b"read requirements.txt\n")
    assert (tmp_path / "summary").read_text(encoding="utf-8").startswith("### djpkg check: nothing fails")


def test_the_exceptions_of_the_example_are_valid() -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```$", page("check"), re.MULTILINE | re.DOTALL)
    (ignored,) = parse_ignored(parse_toml("pyproject.toml", block), rules.NAMES)
    assert (ignored.package, ignored.rule) == ("django-x", "archived")


def test_every_rule_and_every_verdict_of_check_is_explained() -> None:
    assert [codes(row[0]) for row in readme.table(page("check"), "rule")] == [[name] for name in rules.NAMES]
    assert {codes(row[0])[0] for row in readme.table(page("check"), "verdict")} == set(Verdict)
    assert {"yanked", "gone"} == rules.FAIL_BY_DEFAULT
    assert "`--fail-on` is by default `yanked,gone`" in page("check")


def test_every_exit_code_of_check_is_explained() -> None:
    assert [row[0] for row in readme.table(page("check"), "code")] == ["0", "1", "2", "5", "74"]


# The tables.


def test_the_table_of_fields_is_made_from_the_register() -> None:
    assert readme.fields_table() in page("fields")


def test_the_editable_fields_are_listed() -> None:
    listed = page("fields").partition("These fields can be edited:")[2].partition(".\n")[0]
    assert codes(listed) == [field.name for field in fields.EDITABLE]


def test_the_fields_without_an_order_are_named() -> None:
    sentence = page("fields").partition("All can be sorted by")[2].partition(".\n")[0]
    assert codes(sentence) == [field.name for field in fields.FIELDS if not field.sortable]


def test_the_table_of_states_is_made_from_those_that_a_query_takes() -> None:
    assert readme.states_table() in page("query")


def test_every_term_in_the_table_is_a_filter() -> None:
    terms = [term for row in readme.table(page("query"), "term") for term in codes(row[0])]
    assert len(terms) > 30
    for term in terms:
        assert query.parse_query([term], now=NOW).filters, term


def test_every_table_and_every_column_of_the_mirror_is_explained() -> None:
    explained: dict[str, list[str]] = {}
    table = ""
    for first, columns, content in readme.table(page("mirror"), "table"):
        table = first.strip("`") or table
        assert content
        explained.setdefault(table, []).extend(codes(columns))
    with closing(create_in_memory()) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        made = {
            name: [column for _, column, _, _, _, _, hidden in db.execute(f"PRAGMA table_xinfo({name})") if hidden != 1]
            for name in names
            if not name.startswith("packages_fts_")
        }
    stored = [field.name for field in fields.FIELDS if field.name in made["packages"]]
    computed = {field.name for field in fields.FIELDS} - set(stored)
    assert set(explained["packages"]) >= computed
    others = [
        name
        for name in explained["packages"]
        if name not in computed and name not in stored and not name.startswith("djpkg ")
    ]
    explained["packages"] = stored + others
    assert {name: sorted(columns) for name, columns in explained.items()} == {
        name: sorted(columns) for name, columns in made.items()
    }


def test_every_event_is_explained() -> None:
    assert [codes(row[0]) for row in readme.table(page("json"), "event")] == [[name] for name in EVENTS]
    assert all(re.search(rf"\b{name}\b", run("changes", "--help").out) for name in EVENTS)


def test_every_json_output_has_an_example() -> None:
    with_json = {name for name in COMMANDS if "--json" in run(name, "--help").out}
    examples = [example.command for example in EXAMPLES[readme.PAGES / "json.md"]]
    assert with_json <= {command.split()[1] for command in examples if re.match(r"djpkg \w+ .*--json\b", command)}
    for option in ("--sources", "--dry-run", "--jsonl"):
        assert [command for command in examples if option in command], option


def test_every_report_is_an_object_with_a_schema() -> None:
    commands = (
        "show 409 --sources", "fetch --all --dry-run", "fetch nothing --source pypi", "edit 409", "changes", "grids",
        "fields", "status", "doctor",
    )  # fmt: skip
    for command in commands:
        document = json.loads(run(*command.split(), "--json").out)
        assert next(iter(document)) == "schema", command
        assert document["schema"] == 1


def test_every_exit_code_is_explained() -> None:
    def kinds(kind: type[errors.DjpkgError]) -> Iterator[type[errors.DjpkgError]]:
        yield kind
        for narrower in kind.__subclasses__():
            yield from kinds(narrower)

    partial = 5  # the result of a fetch; no error has it
    known = {0, partial, errors.INTERRUPTED, errors.TERMINATED, *(kind.exit_code for kind in kinds(errors.DjpkgError))}
    assert [int(row[0]) for row in readme.table(page("exit-codes"), "code")] == sorted(known)
    summary = README.partition("## Exit codes\n")[2].partition("[")[0]
    assert [int(code) for code in re.findall(r"\d+", summary)] == sorted(known)


def test_every_environment_variable_is_explained() -> None:
    explained = [name for row in readme.table(page("environment"), "variable") for name in codes(row[0])]
    assert len(explained) == len(set(explained))
    assert set(explained) == (read_in_source() | READ_BY_LIBRARIES) - OF_THE_SYSTEM


def read_in_source() -> set[str]:
    """Return the environment variables that the source reads by their names: ``environ.get("DJPKG_DB")``."""
    found = {name for api in config.APIS for name in (api.variable, *api.token_variables)}
    texts = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")]
    for text in texts:
        if "environ" not in text:
            continue  # parsing takes long
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(func=ast.Attribute(value=holder, attr="get"), args=[ast.Constant(value=str(name)), *_]):
                    pass
                case ast.Subscript(value=holder, slice=ast.Constant(value=str(name))):
                    pass
                case _:
                    continue
            if ast.unparse(holder) in ("os.environ", "environ", "environment") and name.isupper():
                found.add(name)
    return found


def test_every_source_and_its_tokens_are_explained() -> None:
    rows = {row[0].strip("`"): row for row in readme.table(page("sources"), "source")}
    assert set(rows) == {source.value for source in SourceName}
    for api in config.APIS:
        assert [name for name in codes(rows[api.source.value][2]) if name.isupper()] == list(api.token_variables)


@pytest.mark.parametrize("document", [readme.README, readme.PAGES / "json.md"], ids=lambda document: document.stem)
def test_a_record_has_as_many_keys_as_the_document_says(document: Path) -> None:
    assert f"{len(fields.RECORD)} keys" in TEXTS[document]
