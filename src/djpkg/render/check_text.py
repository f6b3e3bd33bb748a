"""The report of ``djpkg check`` as text: the same on a terminal and in a log, except for colour and width."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from djpkg.check.report import Severity
from djpkg.render import check_summary, plain_lines
from djpkg.render.glyphs import get_glyphs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from djpkg.check.report import Report
    from djpkg.render.check_summary import Noted

# Columns before a heading's text, and of the labels below it.
_INDENT = 6
_LABEL = 12
# Columns of a name and its version, so that the places of several packages are below each other.
_NAME = 29
_TARGET = 8
# Characters of one text; `--json` has the whole.
_MAX_TEXT = 300
# Packages with an exception for the same reason that are named without -v.
_MAX_IGNORED = 10

_RED, _YELLOW, _GREEN, _BOLD, _DIM = "1;31", "33", "32", "1", "2"


class Screen(NamedTuple):
    """What a renderer needs to know of the output. `width` counts for text alone; `verbose` names what is fine too."""

    width: int
    colour: bool
    ascii_only: bool
    verbose: bool
    now: datetime


def render_text(report: Report, screen: Screen) -> str:
    """Return the answer in two lines, then what fails, what is noted, what is fine, and what was asked."""
    return "".join(f"{line}\n" for line in _Page(report, screen).lines())


class _Page:
    """The parts of one report as lines."""

    def __init__(self, report: Report, screen: Screen) -> None:
        self.report = report
        self.width = screen.width
        self.colour = screen.colour
        self.verbose = screen.verbose
        self.now = screen.now
        self.glyphs = get_glyphs(ascii_only=screen.ascii_only)
        self.sections = check_summary.arrange(report)
        self.hint = "" if screen.verbose else " (-v)"

    def lines(self) -> Iterator[str]:
        yield from self._head()
        yield from self._answer()
        for noted in self.sections.fails:
            yield ""
            yield from self._block("FAIL", _RED, noted)
        rest = [list(self._notes()), [*self._fine(), *self._unlisted()]]
        for lines in rest if check_summary.can_judge(self.report) else ():
            yield from ["", *lines] if lines else []
        yield ""
        yield from self._targets()

    def _head(self) -> list[str]:
        facts = (check_summary.describe_django(self.report), check_summary.describe_mirror(self.report, now=self.now))
        amounts = check_summary.describe_amount(self.report)
        shown: list[str] = []
        for name, amount in product(self._file_names(), amounts):
            parts = [f"{name}: {amount}", *map(self._escape, facts)]
            shown = plain_lines.fill(_joined(parts, f" {self.glyphs.dot}"), width=self.width)
            if len(shown) == 1:
                break
        return shown

    def _file_names(self) -> list[str]:
        return [self._escape(name) for name in check_summary.describe_files(self.report.files)]

    def _answer(self) -> Iterator[str]:
        failure = self.report.failure
        if failure is not None:
            yield from plain_lines.fill(self._words(f"not judged: {failure.message}"), width=self.width)
            if not check_summary.can_judge(self.report):
                return
        result = check_summary.describe_result(self.report)
        result = result if failure is None else f"as of then {result}"
        style = _RED if self.sections.fails else _GREEN if self.report.packages and failure is None else ""
        forms = [f"{result}; {rest}{self.hint}" for rest in check_summary.describe_unlisted(self.report)] or [result]
        fits = [form for form in forms if plain_lines.count_columns(form) <= self.width]
        first, *others = plain_lines.fill((fits or forms[-1:])[0].split(" "), width=self.width)
        head, comma, tail = first.partition(",")
        yield f"{self._style(head, style)}{comma}{tail}"
        yield from others

    def _block(self, word: str, style: str, noted: Noted) -> Iterator[str]:
        """Yield one dependency with its evidence and what to do next."""
        yield from self._heading(word, style, noted)
        pins = check_summary.describe_pins(noted.package)
        yield from self._labelled("places", _joined(map(self._escape, pins))) if pins else []
        failing = [one for one in noted.findings if one.severity is Severity.FAIL]
        for finding in failing or noted.findings:
            yield from self._labelled(finding.rule, self._words(finding.message))
        for label, text in check_summary.next_steps(noted):
            yield from self._labelled(label, self._words(text))
        for finding in noted.findings if failing else ():
            if finding not in failing:
                ignored = f" (ignored: {finding.ignored})" if finding.ignored is not None else ""
                yield from self._labelled(finding.rule, self._words(finding.message + ignored))

    def _heading(self, word: str, style: str, noted: Noted) -> list[str]:
        package = noted.package
        name, version = self._escape(package.name), self._escape(check_summary.find_version(noted))
        places = [check_summary.describe_place(noted), check_summary.describe_origin(package)]
        places = [self._escape(place) for place in places if place]
        named = f"{name} {version}".rstrip()
        room = max(_NAME, plain_lines.count_columns(named))
        padding = " " * (room - plain_lines.count_columns(named))
        if _INDENT + room + 2 + plain_lines.count_columns("  ".join(places)) <= self.width:
            shown = f"{self._style(name, _BOLD)}{named.removeprefix(name)}{padding}  {'  '.join(places)}"
            return [self._style(word.ljust(_INDENT), style) + shown]
        return [
            *self._entry(word, style, [name, version] if version else [name]),
            *self._entry("", "", _joined(places, " ")),
        ]

    def _notes(self) -> Iterator[str]:
        for noted in self.sections.notes:
            yield from self._block("NOTE", _YELLOW, noted)
        for rule, members in self.sections.groups.items():
            yield from self._group(f"{rule} ({self.report.rules[rule]})", members)
        for reason, members in self.sections.ignored.items():
            yield from self._ignored(reason, members)
        for remark in self.report.remarks:
            yield from self._entry("NOTE", _YELLOW, self._words(f"{remark.file}:{remark.line}  {remark.message}"))

    def _group(self, title: str, members: Sequence[Noted]) -> Iterator[str]:
        """Yield the dependencies that one rule applies to on one line, with -v one line each."""
        title = self._escape(title)
        if not self.verbose:
            names = _joined(self._escape(check_summary.with_parent(one.package)) for one in members)
            yield from self._entry("NOTE", _YELLOW, [*f"{title}:".split(" "), *names])
            return
        yield from self._entry("NOTE", _YELLOW, title.split(" "))
        messages = [", ".join(finding.message for finding in one.findings) for one in members]
        yield from self._table([check_summary.with_parent(one.package) for one in members], messages)

    def _ignored(self, reason: str, members: Sequence[Noted]) -> Iterator[str]:
        title = self._escape(f"ignored ({reason})")
        if self.verbose:
            yield from self._entry("NOTE", _DIM, title.split(" "))
            messages = ["; ".join(f"{one.rule}: {one.message}" for one in noted.findings) for noted in members]
            yield from self._table([noted.package.name for noted in members], messages)
        elif len(members) > _MAX_IGNORED:
            number = sum(len(noted.findings) for noted in members)
            yield from self._entry("NOTE", _DIM, f"{title}: {number:,} findings{self.hint}".split(" "))
        else:
            names = _joined(self._escape(check_summary.with_rules(noted)) for noted in members)
            yield from self._entry("NOTE", _DIM, [*f"{title}:".split(" "), *names])

    def _fine(self) -> Iterator[str]:
        fine = self.report.with_severity(None)
        if not fine:
            return
        names = list(_joined(self._escape(package.name) for package in fine))
        line = self._entry("FINE", _GREEN, names)
        if self.verbose:
            yield from self._entry("FINE", _GREEN, [f"{len(fine):,}"])
            yield from self._table([package.name for package in fine], [package.evidence for package in fine])
        elif len(line) == 1:
            yield from line
        else:
            yield from self._entry("FINE", _GREEN, [f"{len(fine):,} packages{self.hint}"])

    def _unlisted(self) -> Iterator[str]:
        """Yield what the directory does not list: with -v all names, else those that look like Django packages."""
        unlisted = self.report.unlisted
        named = [one for one in unlisted if one.looks_like_django or self.verbose]
        if not named:
            return
        atoms = list(_joined(self._escape(one.name) for one in named))
        if rest := len(unlisted) - len(named):
            atoms += [f"and {rest:,} more{self.hint}"]
        yield from self._entry("SKIP", _DIM, [*f"{check_summary.not_listed(self.report)}:".split(" "), *atoms])

    def _targets(self) -> Iterator[str]:
        """Yield the files that the first line could not name, and which Django and Python were asked for, and why.

        Before them is why a fetch did not update all packages.
        """
        report = self.report
        if (fetch := check_summary.describe_fetch(report)) is not None:
            yield from self._target("Fetch", self._words(fetch))
        if self._file_names()[0] not in self._head()[0]:
            yield from self._target("Files", _joined(map(self._escape, report.files)))
        verdicts = check_summary.describe_verdicts(report)
        version = report.django.release or report.django.version or "unknown"
        why = f" ({report.django.why})" if report.django.why else ""
        words = self._words(f"{version}{why}{':' if verdicts else ''}")
        yield from self._target("Django", [*words, *_joined(verdicts)])
        why = f" ({report.python.why})" if report.python.why else ""
        excluded = report.excluded_by_marker
        markers = f"; excluded by markers: {len(excluded):,}{self.hint}" if excluded else ""
        if excluded and self.verbose:
            markers = f"; excluded by markers: {', '.join(excluded)}"
        yield from self._target(
            "Python", self._words(f"{report.python.version or 'unknown'}{why}{markers}", limit=None)
        )

    def _target(self, label: str, atoms: Iterable[str]) -> list[str]:
        return self._styled(label.ljust(_TARGET), _DIM, atoms, indent=_TARGET)

    def _labelled(self, label: str, atoms: Iterable[str]) -> list[str]:
        label = self._escape(label)
        first = " " * _INDENT + (label.ljust(_LABEL) if len(label) < _LABEL - 1 else f"{label}  ")
        return self._styled(first, _DIM, atoms, indent=_INDENT + _LABEL)

    def _entry(self, word: str, style: str, atoms: Iterable[str], *, indent: int = _INDENT) -> list[str]:
        return self._styled(word.ljust(indent), style, atoms, indent=indent)

    def _table(self, names: Sequence[str], texts: Sequence[str]) -> Iterator[str]:
        """Yield a name and its text on each line; a name that is wide has its own line."""
        names = [self._escape(name) for name in names]
        column = min(max(map(plain_lines.count_columns, names)), max((self.width - _INDENT) // 2, 1))
        for name, text in zip(names, texts, strict=True):
            columns = plain_lines.count_columns(name)
            if columns > column:
                yield from plain_lines.fill([name], width=self.width, first=" " * _INDENT, indent=_INDENT)
                name, columns = "", 0  # noqa: PLW2901 - shown already
                if not text:
                    continue
            first = f"{' ' * _INDENT}{name}{' ' * (column - columns)}  "
            yield from plain_lines.fill(self._words(text), width=self.width, first=first, indent=_INDENT + column + 2)

    def _styled(self, first: str, style: str, atoms: Iterable[str], *, indent: int) -> list[str]:
        line, *others = plain_lines.fill(atoms, width=self.width, first=first, indent=indent)
        return [self._style(line[: len(first)], style) + line[len(first) :], *others]

    def _words(self, text: str, *, limit: int | None = _MAX_TEXT) -> list[str]:
        return self._escape(text, limit=limit).split(" ")

    def _escape(self, text: str, *, limit: int | None = _MAX_TEXT) -> str:
        return self.glyphs.escape(text, limit=limit)

    def _style(self, text: str, style: str) -> str:
        if not (self.colour and style and text.strip()):
            return text
        shown = text.rstrip()
        return f"\x1b[{style}m{shown}\x1b[0m{text[len(shown) :]}"


def _joined(texts: Iterable[str], separator: str = ",") -> Iterator[str]:
    """Yield the texts with the separator after all but the last."""
    *others, last = [*texts] or [""]
    yield from (f"{text}{separator}" for text in others)
    yield last
