"""The human view of one package: what `show` draws on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.constrain import Constrain
from rich.style import Style
from rich.text import Text

from djpkg.model.fields import get
from djpkg.model.package import package_page
from djpkg.model.weekly_commits import WEEKS
from djpkg.render import abbreviate, known_figures, relative_time, sparkline, states
from djpkg.render import typed_values as look
from djpkg.render.format_value import format_value
from djpkg.render.glyphs import glyphs as glyphs_for
from djpkg.render.labelled_lines import MARGIN, LabelledLines, Piece, Prose
from djpkg.source_name import FORGES, SourceName
from djpkg.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.console import RenderableType

    from djpkg.model.package import Package, Provenance, Value, Values
    from djpkg.render.glyphs import Glyphs

_WIDEST = 120
# Longer lines of prose are hard to read.
_WIDEST_PROSE = 100
_LONGEST_TEXT = 65_536
_LONGEST_NAME = 200
_MOST_NAMES = 8
_NOTHING_TO_COUNT = known_figures.NO_REPOSITORY | {"empty", "gone", "blocked"}
_ORDER = (*FORGES, SourceName.PYPI, SourceName.CATALOG)


def card(package: Package, *, now: datetime, width: int, links: bool, ascii_only: bool) -> RenderableType:
    """Everything worth knowing of a package, for a terminal of `width` columns.

    What is unknown is left out or said to be unknown. `links` makes addresses clickable (OSC 8) where they are plain.
    """
    drawing = _Drawing(package, package.values, glyphs_for(ascii_only=ascii_only), now, min(width, _WIDEST), links)
    return Constrain(Group(*drawing.lines()), drawing.width)


class _Drawing(NamedTuple):
    """A package, and with what and for when it is drawn."""

    package: Package
    values: Values
    glyphs: Glyphs
    now: datetime
    width: int
    links: bool

    def lines(self) -> Iterator[RenderableType]:
        """The card from top to bottom."""
        yield from self._title()
        yield from self._description()
        yield Text("")
        yield from self._popularity()
        yield from self._commits()
        yield from self._release()
        yield from self._addresses()
        yield from self._checked()
        if self.package.suggestion:
            yield Text("")
            yield self._flow("", [Piece(Text(f"{self.glyphs.arrow} {self._foreign(self.package.suggestion, 1000)}"))])

    # Title and description.

    def _title(self) -> Iterator[RenderableType]:
        slug, title = self._text("slug"), self._text("title")
        left = Text("").append(title or slug, "bold")
        if version := self._text("pypi_version"):
            left.append(f" {version}")
        if slug and title and slug.lower() != title.lower():
            left.append(f"  {slug}", "dim")
        for state in states.states(self.values):
            left.append("  ").append(state, states.style(state))
        right = Text(self._place(), style="dim")
        room = self.width - left.cell_len - right.cell_len
        if right and room > 1:
            yield left.append(" " * room).append_text(right)
        else:
            yield Prose(left, self.width)
            if right:
                yield Prose(right, self.width)

    def _place(self) -> str:
        """Category and grids."""
        grids = [self._foreign(grid, _LONGEST_NAME) for grid in self.package.grids]
        parts = [self._foreign(self.package.category, _LONGEST_NAME)] if self.package.category else []
        if grids:
            parts.append(f"{'grid' if len(grids) == 1 else 'grids'} {', '.join(grids)}")
        return self.glyphs.join(parts)

    def _description(self) -> Iterator[RenderableType]:
        text = look.text(self.values, "repo_description").strip()
        if text:
            prose = Text(self.glyphs.foreign(text, block=True, limit=_LONGEST_TEXT))
            yield Prose(prose, min(self.width, _WIDEST_PROSE))
        notes = [
            note
            for name, label in (
                ("title", "title"),
                ("category", "category"),
                ("grids", "grids"),
                ("repo_description", "description"),
            )
            for note in self._note(name, label)
        ]
        if notes:
            yield self._flow("", notes)

    # Figures.

    def _popularity(self) -> Iterator[RenderableType]:
        pieces = []
        stars, forks = (
            known_figures.known_figure(self.values, "repo_watchers"),
            known_figures.known_figure(self.values, "repo_forks"),
        )
        if stars is not None:
            pieces.append(Piece(Text(f"{self.glyphs.star} {stars:,}", style="bold")))
        if forks is not None:
            pieces.append(Piece(Text(f"forks {forks:,}"), "   "))
        used = sum(piece.text.cell_len + 3 for piece in pieces)
        if people := self._people(self.width - 2 - used):
            pieces.append(Piece(Text(people), "   "))
        for name, label in (("repo_watchers", "stars"), ("repo_forks", "forks"), ("participants", "contributors")):
            pieces.extend(self._note(name, label))
        if pieces:
            yield self._flow("", pieces)

    def _people(self, room: int) -> str:
        """The contributors' number, the first of their names that fit, and how many more there are."""
        names = [self._foreign(name, 60) for name in look.names(self.values, "participants")]
        if not names:
            return ""
        lead = f"{pluralize(len(names), 'contributor')}: "
        texts = [lead + _some(names, shown) for shown in range(1, min(len(names), _MOST_NAMES) + 1)]
        beside = [text for text in texts if Text(text).cell_len <= room]
        if beside[1:]:
            return beside[-1]
        # On a narrow terminal up to three names on a line of their own.
        below = [text for text in texts[:3] if Text(text).cell_len <= self.width - 2]
        return below[-1] if below else texts[0]

    def _commits(self) -> Iterator[RenderableType]:
        pieces: list[Piece] = []
        counts = known_figures.known_weeks(self.values)
        last = look.text(self.values, "last_updated")
        body = self.width - MARGIN
        columns = next((some for some in (WEEKS, WEEKS // 2) if some <= body), WEEKS // 4)
        if counts:
            drawn = Text(self.glyphs.sparkline(counts, columns), style="green")
            pieces.append(Piece(drawn.append(f"  {sum(counts):,} in {len(counts)} weeks", "default")))
        elif self._text("repo_url") and look.text(self.values, "repo_state") not in _NOTHING_TO_COUNT:
            pieces.append(Piece(Text("not fetched yet", style="dim")))
        if last:
            pieces.append(Piece(Text(f"last {self._ago(last)}")))
        if scale := sparkline.scale(counts):
            pieces.append(Piece(Text(scale, style="dim")))
        if scale and len(counts) > columns:
            pieces.append(Piece(Text(f"{len(counts) // columns} weeks a bar", style="dim")))
        for name, label in (("commits_over_52", "commits"), ("last_updated", "last")):
            pieces.extend(self._note(name, label))
        if pieces:
            yield self._flow("commits", pieces)

    def _release(self) -> Iterator[RenderableType]:
        pieces = [Piece(piece) for piece in self._release_facts()]
        pieces.extend(self._note("pypi_version", "version"))
        if pieces:
            yield self._flow("release", pieces)

    def _release_facts(self) -> Iterator[Text]:
        version, released = self._text("pypi_version"), look.text(self.values, "released")
        state = look.text(self.values, "pypi_state")
        answered = bool(released) or any(
            said.source == SourceName.PYPI and said.answered for said in self.package.sources
        )
        if state == "gone":
            yield Text("gone from PyPI", style=states.style("gone"))
        elif state == "none":
            yield Text("not on PyPI")
        if version:
            yield Text(f"{version}, {self._ago(released)}" if released else version)
        elif state == "ok":
            yield Text("none" if answered else "not fetched yet", style="dim")
        if look.flag(self.values, "yanked"):
            yield Text("yanked", style=states.style("yanked"))
        for name in ("license", "development_status"):
            if text := self._foreign(look.text(self.values, name), 60):
                yield Text(text)
        if state == "ok":
            yield from self._runs_with(said_nothing="undeclared" if answered else "")

    def _runs_with(self, *, said_nothing: str) -> Iterator[Text]:
        """Python and Django; what PyPI was asked about and had nothing to say on is undeclared."""
        python = abbreviate.short_requirement(look.text(self.values, "requires_python"), self.glyphs)
        python = python or abbreviate.short_versions(look.names(self.values, "python_versions"), self.glyphs)
        django = abbreviate.short_versions(look.names(self.values, "django_versions"), self.glyphs, listed=3)
        for name, text in (("Python", python), ("Django", django)):
            if text:
                yield Text(f"{name} {text}")
            elif said_nothing:
                yield Text(f"{name}: {said_nothing}")

    # Addresses.

    def _addresses(self) -> Iterator[RenderableType]:
        for label, name in (("repo", "repo_url"), ("docs", "documentation_url"), ("pypi", "pypi_url")):
            pieces = [Piece(self._address(url))] if (url := look.text(self.values, name)) else []
            if name == "repo_url":
                pieces.extend(Piece(piece) for piece in self._repository_state())
            pieces.extend(self._note(name, ""))
            if pieces:
                yield self._flow(label, pieces)
        slug = look.text(self.values, "slug")
        if look.text(self.values, "catalog_state") == "removed":
            yield self._flow("catalog", [Piece(Text("removed", style=states.style("removed")))])
        elif slug:
            yield self._flow("catalog", [Piece(self._address(package_page(slug)))])

    def _repository_state(self) -> Iterator[Text]:
        state = look.text(self.values, "repo_state")
        moved_to = look.text(self.values, "moved_to")
        if state == "moved" and moved_to:
            yield Text("moved to ", style=states.style("moved")).append_text(self._address(moved_to))
        elif state in {"gone", "blocked"}:
            yield Text(state, style=states.style(state))
        elif state == "empty":
            yield Text("empty")
        elif state == "unsupported":
            yield Text("not refreshed: no source for this address", style="dim")

    def _address(self, url: str) -> Text:
        target = abbreviate.link(url) if self.links else None
        return Text(self._foreign(abbreviate.short_address(url), 2000), style=Style(link=target) if target else "")

    # Where it all comes from.

    def _checked(self) -> Iterator[RenderableType]:
        told = {said.source: said for said in self.package.sources}
        expected = [look.text(self.values, "forge")] if look.text(self.values, "forge") else []
        if look.text(self.values, "pypi_name"):
            expected.append(SourceName.PYPI)
        order: dict[str, int] = {name: place for place, name in enumerate(_ORDER)}
        names = sorted({*told, *expected}, key=lambda name: order.get(name, 9))
        pieces = [Piece(self._answer(name, told.get(name))) for name in names]
        if pieces:
            yield self._flow("checked", pieces)
        for name in names:
            said = told.get(name)
            if said is not None and said.outcome == "failed":
                yield self._flow("failed", [Piece(self._failure(said))])

    def _answer(self, name: str, said: Provenance | None) -> Text:
        source = self._foreign(name, _LONGEST_NAME)
        if said is None or not said.answered:
            return Text(f"{source} ").append("not fetched yet", "dim")
        return Text(f"{source} {self._ago(said.answered)}")

    def _failure(self, said: Provenance) -> Text:
        """The source, when it was asked, and why there is no answer."""
        asked = f" {self._ago(said.asked)}" if said.asked else ""
        reason = f": {self._foreign(said.error, 500)}" if said.error else ""
        return Text(f"{self._foreign(said.source, _LONGEST_NAME)}{asked}{reason}", style="magenta")

    # Small things.

    def _flow(self, label: str, pieces: list[Piece]) -> LabelledLines:
        return LabelledLines(label, pieces, dot=f" {self.glyphs.dot} ")

    def _note(self, name: str, label: str) -> list[Piece]:
        """That a field is edited, and what lies beneath."""
        if name not in self.package.upstream:
            return [] if name not in look.names(self.values, "edited") else [Piece(self._mark(label), "   ")]
        beneath: Value = self.package.upstream[name]
        shown = format_value(beneath, get(name).kind, self.glyphs, now=self.now) or "none"
        return [Piece(self._mark(label).append(f", upstream: {shown}", "dim"), "   ")]

    def _mark(self, label: str) -> Text:
        return Text(f"{self.glyphs.edited} {label} edited" if label else f"{self.glyphs.edited} edited", style="cyan")

    def _ago(self, text: str | None) -> str:
        return self.glyphs.foreign(relative_time.relative(text, now=self.now))

    def _text(self, name: str) -> str:
        return self._foreign(look.text(self.values, name), _LONGEST_NAME)

    def _foreign(self, text: str, limit: int) -> str:
        return self.glyphs.foreign(text, limit=limit)


def _some(names: list[str], shown: int) -> str:
    """``a, b and c`` for all of them, ``a, b and 17 more`` for some."""
    if shown < len(names):
        return f"{', '.join(names[:shown])} and {len(names) - shown:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else names[0]
