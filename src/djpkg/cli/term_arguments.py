"""Commands whose arguments include terms, which may start with a minus: ``-is:archived``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.cli import options, project_files
from djpkg.cli.completion import candidates
from djpkg.errors import UsageError
from djpkg.model import fields
from djpkg.query import parser
from djpkg.text import quote_input

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import typer
    from typer._click.shell_completion import CompletionItem


# The key of a command's context under which the replaced arguments are kept.
_TYPED = "djpkg.typed"


def as_typed(ctx: typer.Context, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return arguments of a `TermCommand` as the user typed them, with a minus where `parse_args` replaced it."""
    return tuple(ctx.meta.get(_TYPED, {}).get(argument, argument) for argument in arguments)


class TermCommand(options.Command):
    """A command that accepts ``-field:value`` and ``-is:state``; any other argument with a minus is an option."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # vendored Click's
        """Parse the arguments after replacing the minus of such terms by ``^``, which has the same meaning.

        UsageError for an invalid one with one minus.
        """
        flags = {name for param in self.params for name in param.opts} | {"-h"}
        arguments = exclude_with_carets(args, with_value=self.options_with_value())
        ctx.meta[_TYPED] = {new: old for new, old in zip(arguments, args, strict=True) if new != old}
        for arg in option_arguments(arguments, with_value=self.options_with_value()):
            is_known = arg[:2] in flags
            reason = invalid_value(arg) if is_known else None
            if not is_known or reason is not None:
                raise self.option_error(arg, reason)
        return super().parse_args(ctx, arguments)

    def option_error(self, arg: str, reason: UsageError | None) -> UsageError:
        """Return the error for an unknown option, or for one with an invalid value for that `reason`."""
        hint = f"words select nothing here; to exclude packages, use a term such as '^grid:{arg[1:]}'"
        if reason is not None:
            hint += f"; for the option: {arg[:2]} {arg[2:]}"
        return UsageError(f"unknown option {quote_input(arg)}", hint=hint)

    def options_with_value(self) -> set[str]:
        """Return the options that take the next argument as their value."""
        return {name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts}

    def shell_complete(self, ctx: typer.Context, incomplete: str) -> list[CompletionItem]:  # type: ignore[override] # see above
        """Return options, and terms with a leading minus."""
        from typer._click.shell_completion import CompletionItem  # noqa: PLC0415 - for completion alone

        items = super().shell_complete(ctx, incomplete)
        if incomplete[:1] == "-" and incomplete[1:2] not in ("", "-"):
            items += [CompletionItem(term) for term in candidates.terms(ctx, incomplete)]
        return items


class WordCommand(TermCommand):
    """A `TermCommand` that takes words too: an unknown option like ``-todo`` is an error that shows ``'^todo'``."""

    def option_error(self, arg: str, reason: UsageError | None) -> UsageError:
        """Return the error, which shows how to exclude the word."""
        if reason is None:
            return UsageError(f"unknown option {quote_input(arg)}", hint=_exclude_hint(arg))
        hint = f"{reason.hint}; {_exclude_hint(arg)}" if reason.hint else _exclude_hint(arg)
        return UsageError(f"{arg[:2]}: {reason}", hint=hint)


def exclude_with_carets(args: Sequence[str], *, with_value: Collection[str]) -> list[str]:
    """Replace the minus of excluding terms by a caret: ``-is:archived`` -> ``^is:archived``.

    `with_value` are the options that take the next argument as their value. UsageError for ``-stars>100``.
    """
    result: list[str] = []
    is_value = False
    for index, arg in enumerate(args):
        if arg == "--":
            return [*result, *args[index:]]
        is_excluded = not is_value and _is_short(arg) and parser.is_term(arg[1:]) and not _has_value(arg)
        if is_excluded and ":" not in arg:  # a comparison: the error quotes what was typed
            parser.parse_query([arg], now=options.now())
        result.append(f"^{arg[1:]}" if is_excluded else arg)
        is_value = not is_value and arg in with_value
    return result


def option_arguments(args: Sequence[str], *, with_value: Collection[str]) -> list[str]:
    """Return the arguments with one minus that are options, without values, as in ``-n10``."""
    found: list[str] = []
    is_value = False
    for arg in args:
        if arg == "--":
            break
        if not is_value and _is_short(arg):
            found.append(arg)
        is_value = not is_value and arg in with_value
    return found


def invalid_value(arg: str) -> UsageError | None:
    """Return what is wrong with the value that is attached to an option's letter, as in ``-ninja``; else None."""
    letter, value = arg[1], arg[2:]
    try:
        match letter:
            case "n" if value and not (value.isascii() and value.isdecimal()):
                return UsageError(f"invalid number {quote_input(value)}")
            case "f" if value:
                fields.parse_columns(value)
            case "s" if value:
                parser.parse_sort([value])
            case "r" if value and not project_files.exists(value):
                return UsageError(f"no such file: {quote_input(value)}")
    except UsageError as error:
        return error
    return None


def _is_short(arg: str) -> bool:
    return arg[:1] == "-" and arg[1:2] not in ("", "-")


def _has_value(arg: str) -> bool:
    """Whether the argument is an option with an attached value, such as a file with a colon in its name."""
    return arg[1] in "nfsr" and len(arg) > len("-n") and invalid_value(arg) is None


def _exclude_hint(arg: str) -> str:
    return f"to exclude the word: '^{arg[1:]}'"
