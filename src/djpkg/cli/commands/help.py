"""``djpkg help``: the topic pages, and the help of one command.

A topic is a Markdown file in the folder `help`, or a configuration for another program. Its first line is a heading:
the title that the list of topics shows.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from djpkg import config
from djpkg.cli import options, terminal
from djpkg.cli.options import Db
from djpkg.errors import ConfigError, UsageError
from djpkg.render import plain_lines
from djpkg.text import quote_input

if TYPE_CHECKING:
    from typer.core import TyperCommand, TyperGroup

CONFIGURATION = ".yaml"
PAGES = Path(__file__).parent.parent / "help"
# The topic that a command's help continues with.
TOPIC_OF_COMMAND = {"list": "query", "check": "check", "fetch": "sources", "fields": "fields"}

app = options.new_app()


def complete_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Topics and commands that start with what was typed."""
    names = dict.fromkeys([*find_topics(), *_program(ctx).list_commands(ctx)])
    return [name for name in names if name.startswith(incomplete)]


@app.command(
    cls=options.Command,
    epilog=options.examples(
        "djpkg help",
        "djpkg help query",
        "djpkg help list",
        "djpkg help json | less",
    ),
)
def help_(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[TOPIC|COMMAND]",
            help="A topic or a command; without one, list them all.",
            autocompletion=complete_names,
        ),
    ] = None,
    *,
    db: Db = None,
) -> None:
    """Show help on a topic or a command.

    A topic is a page of reference, for example on queries or on exit codes. In a pipe it is plain Markdown.
    """
    if name is None:
        terminal.write_stdout(_overview(ctx))
        return
    topics = find_topics()
    is_command = name in _program(ctx).list_commands(ctx)
    topic = TOPIC_OF_COMMAND.get(name) if is_command else name
    if not is_command and name not in topics:
        raise _unknown(name, [*topics, *_program(ctx).list_commands(ctx)])
    if is_command:
        terminal.write_stdout(_command_help(ctx, name))
    if topic is not None:
        terminal.write_stdout("\n" if is_command else "")
        page = topics[topic].read_text(encoding="utf-8")
        if topics[topic].suffix == CONFIGURATION:
            terminal.write_stdout(_configuration(page, db))
        else:
            _print_page(page)


def find_topics() -> dict[str, Path]:
    """Return the page of each topic, by name in alphabetical order."""
    return {page.stem: page for page in sorted(PAGES.iterdir()) if page.suffix in (".md", CONFIGURATION)}


def _configuration(template: str, db: Path | None) -> str:
    """Return the configuration for the mirror. It is the same on a terminal, where it is copied."""
    from djpkg.cli.suggested_command import add_db_option, quote_word  # noqa: PLC0415 - for this page only
    from djpkg.render.datasette import render_config  # noqa: PLC0415 - as above

    try:
        path = config.mirror_path(os.environ, db)
    except ConfigError:  # no home directory
        path = Path("mirror.db")
    file = quote_word(str(path if db is None else db))
    command = add_db_option("djpkg help datasette", db)
    return render_config(template, database=path.stem, file=file, command=command)


def _overview(ctx: typer.Context) -> str:
    """Return the topics and the commands, one line each, which a terminal that is too narrow gets as several."""
    commands = {name: _command(ctx, name).get_short_help_str(limit=200) for name in _program(ctx).list_commands(ctx)}
    titles = {name: _title(page) for name, page in find_topics().items()}
    longest = max(map(len, [*commands, *titles]))
    width = terminal.width() if terminal.is_terminal() else sys.maxsize

    def wrap(text: str, first: str = "") -> list[str]:
        return plain_lines.fill(text.split(" "), width=width, first=first, indent=len(first))

    lines = ["Topics:"]
    lines += [line for name, title in titles.items() for line in wrap(title, f"  {name:{longest}}  ")]
    lines += ["", "Commands:"]
    lines += [line for name, about in commands.items() for line in wrap(about, f"  {name:{longest}}  ")]
    lines += ["", *wrap("djpkg help NAME shows the page of a topic, or the help of a command.")]
    return "\n".join(lines) + "\n"


def _title(page: Path) -> str:
    with page.open(encoding="utf-8") as lines:
        return lines.readline().removeprefix("# ").strip()


def _command_help(ctx: typer.Context, name: str) -> str:
    """Return the same text as ``djpkg NAME --help``."""
    command = _command(ctx, name)
    return command.get_help(command.make_context(name, [], parent=ctx.find_root(), resilient_parsing=True)) + "\n"


def _program(ctx: typer.Context) -> TyperGroup:
    return cast("TyperGroup", ctx.find_root().command)


def _command(ctx: typer.Context, name: str) -> TyperCommand:
    return cast("TyperCommand", _program(ctx).get_command(ctx, name))


def _print_page(text: str) -> None:
    """Render a page on a terminal that can show it; else print its Markdown as it is."""
    if terminal.is_terminal() and not terminal.ascii_only():
        from djpkg.render.page import render_page

        terminal.print_renderable(render_page(text, links=terminal.supports_links()))
    else:
        terminal.write_stdout(text)


def _unknown(name: str, known: list[str]) -> UsageError:
    from difflib import get_close_matches  # noqa: PLC0415 - typing errors only

    near = dict.fromkeys(get_close_matches(name.lower(), known, n=3, cutoff=0.6))
    hint = f"did you mean {', '.join(near)}?" if near else "djpkg help lists topics and commands"
    return UsageError(f"unknown topic or command {quote_input(name)}", hint=hint)
