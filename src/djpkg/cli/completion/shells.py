"""Completion classes for bash, zsh and fish, where Typer's are not enough.

Bash splits words at ``:`` and ``=``. Zsh and fish get descriptions, for which Typer would load rich.
"""

from __future__ import annotations

import os
import re
import shlex

from typer._click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string
from typer._completion_classes import BashComplete, FishComplete, ZshComplete
from typer._completion_shared import _completion_scripts

from djpkg.cli.completion import candidates

# Everything else is removed from descriptions, because zsh runs them through `eval`.
_UNSAFE = re.compile(r"[^A-Za-z0-9 ,.;/|-]+")
_WORD_BREAKS = re.compile("[:=]+")
# No space where a value follows. Bash 3.2, that of macOS, has no `compopt`.
_BASH_SCRIPT = BashComplete.source_template.replace(
    "    return 0", "    [[ ${COMPREPLY[0]-} != *[:=] ]] || compopt -o nospace 2>/dev/null\n    return 0"
)
# Zsh runs an autoloaded file as the function of its name at the first Tab, which must complete, too (zshcompsys(1)).
_ZSH_SCRIPT = f"""{ZshComplete.source_template}
if [[ $funcstack[1] == _%(prog_name)s ]]; then
  %(complete_func)s "$@"
fi
"""


def register() -> None:
    """Use these classes for bash, zsh and fish, and these scripts for bash and zsh."""
    _completion_scripts["bash"] = _BASH_SCRIPT
    _completion_scripts["zsh"] = _ZSH_SCRIPT
    for name, completion_class in (("bash", Bash), ("zsh", Zsh), ("fish", Fish)):
        add_completion_class(completion_class, name)


class _Shell(ShellComplete):
    """Common behaviour of the three shells."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return completions, also for ``--sort -stars``, where Click takes the value for an option."""
        name, equals, value = incomplete.partition("=")
        before, prefix = ([*args, name], value) if equals and name.startswith("--") else (args, incomplete)
        if before[-1:] in (["-s"], ["--sort"]) and prefix.startswith("-"):
            return [CompletionItem(name) for name in candidates.sorts(prefix)]
        return super().get_completions(args, incomplete)

    def complete(self) -> str:
        """Return the output for the shell; nothing after any error."""
        try:
            return super().complete()
        except Exception:  # noqa: BLE001 - a key press must not print messages
            return ""


class Bash(_Shell, BashComplete):
    """Joins the words that bash split (one per line), and returns only the part that bash replaces."""

    source_template = _BASH_SCRIPT

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the word at the cursor."""
        text, place = os.environ["COMP_WORDS"], int(os.environ["COMP_CWORD"])
        words = split_arg_string(text)
        self._before = ""
        if "\n" not in text:
            return words[1:place], words[place] if place < len(words) else ""
        joined: list[str] = []
        glued = False
        for word in words[1 : place + 1]:
            is_break = _WORD_BREAKS.fullmatch(word) is not None
            if joined and (glued or is_break):
                self._before = joined[-1] + (word if is_break else "")
                joined[-1] += word
            else:
                self._before = ""
                joined.append(word)
            glued = is_break
        if place >= len(words):
            self._before = ""
            return joined, ""
        return joined[:-1], joined[-1] if joined else ""

    def format_completion(self, item: CompletionItem) -> str:
        """Return the value after the last word break, in quotes if it has spaces: bash inserts it as it is."""
        value = str(item.value).removeprefix(self._before)
        return f'"{value}"' if " " in value else value


class Zsh(_Shell, ZshComplete):
    """Descriptions without markup; candidates without one may have the typed text anywhere: ``todo`` in django-todo."""

    source_template = _ZSH_SCRIPT

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return completions, and remember those that are only values."""
        found = super().get_completions(args, incomplete)
        self._values = [str(item.value) for item in found] if not any(item.help for item in found) else []
        return found

    def complete(self) -> str:
        """Return the command that zsh evaluates: `compadd` keeps colons, and typed text may be anywhere in a value."""
        command = super().complete()
        if not command or not self._values:
            return command
        # No space where a value follows.
        suffix = " -S ''" if self._values[0][-1:] in (":", "=") else ""
        return f"compadd -M 'l:|=* l:[:=,]|=*'{suffix} -- {' '.join(map(shlex.quote, self._values))}"

    def format_completion(self, item: CompletionItem) -> str:
        """Return ``"value":"description"``."""
        description, item.help = item.help, None
        value = super().format_completion(item)
        return f'{value}:"{_sanitize(description)}"' if description else value


class Fish(_Shell, FishComplete):
    """Descriptions without markup."""

    def format_completion(self, item: CompletionItem) -> str:
        """Return the value, a tab and the description."""
        return f"{item.value}\t{_sanitize(item.help)}" if item.help else str(item.value)


def _sanitize(text: str) -> str:
    return " ".join(_UNSAFE.sub(" ", text).split())
