"""How the shells ask for completions, where Typer's own way falls short.

Bash parts words at ``:`` and ``=``; zsh and fish are handed descriptions, for which Typer would load rich.
"""

from __future__ import annotations

import os
import re

from typer._click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string
from typer._completion_classes import BashComplete, FishComplete, ZshComplete

from djpkg.cli.completion import candidates

# What a description may hold: it passes an `eval` in zsh.
_OTHERS = re.compile(r"[^A-Za-z0-9 ,.;/|-]+")
_BREAKS = re.compile("[:=]+")


def prepare() -> None:
    """Answer bash, zsh and fish in these ways from now on."""
    for name, answering in (("bash", Bash), ("zsh", Zsh), ("fish", Fish)):
        add_completion_class(answering, name)


class _Answering(ShellComplete):
    """What all three have in common."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """As Click has it, but for ``--sort -stars``, whose value it takes for an option."""
        name, equals, value = incomplete.partition("=")
        before, begun = ([*args, name], value) if equals and name.startswith("--") else (args, incomplete)
        if before[-1:] in (["-s"], ["--sort"]) and begun.startswith("-"):
            return [CompletionItem(name) for name in candidates.sorts(begun)]
        return super().get_completions(args, incomplete)

    def complete(self) -> str:
        """Nothing, where anything goes wrong."""
        try:
            return super().complete()
        except Exception:  # noqa: BLE001 - a key press is no place for messages
            return ""


class Bash(_Answering, BashComplete):
    """Words come as bash parts them, one a line; only the part that bash would replace is offered."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor's, and that one."""
        text, place = os.environ["COMP_WORDS"], int(os.environ["COMP_CWORD"])
        words = split_arg_string(text)
        self._before = ""
        if "\n" not in text:
            return words[1:place], words[place] if place < len(words) else ""
        joined: list[str] = []
        glued = False
        for word in words[1 : place + 1]:
            is_break = _BREAKS.fullmatch(word) is not None
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
        """The value from the last break on."""
        return str(item.value).removeprefix(self._before)


class Zsh(_Answering, ZshComplete):
    """Descriptions without markup."""

    def format_completion(self, item: CompletionItem) -> str:
        """``"value":"description"``."""
        said, item.help = item.help, None
        value = super().format_completion(item)
        return f'{value}:"{_described(said)}"' if said else value


class Fish(_Answering, FishComplete):
    """Descriptions without markup."""

    def format_completion(self, item: CompletionItem) -> str:
        """The value, and after a tab what it is."""
        return f"{item.value}\t{_described(item.help)}" if item.help else str(item.value)


def _described(text: str) -> str:
    return " ".join(_OTHERS.sub(" ", text).split())
