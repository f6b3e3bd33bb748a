"""The card of one package that `show` prints on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.console import Group
from rich.constrain import Constrain
from rich.style import Style
from rich.text import Text

from djpkg.model.fields import get
from djpkg.model.package import package_url
from djpkg.model.weekly_commits import WEEKS
from djpkg.render import abbreviate, dependencies, known_values, relative_time, sparkline, states
from djpkg.render.format_value import format_value
from djpkg.render.glyphs import get_glyphs
from djpkg.render.labelled_lines import MARGIN, Item, LabelledLines, Prose
from djpkg.source_name import FORGES, SourceName
from djpkg.text import pluralize
from djpkg.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from rich.console import RenderableType

    from djpkg.model.dependencies import Dependencies
    from djpkg.model.package import Package, Provenance, Values
    from djpkg.render.glyphs import Glyphs

_MAX_WIDTH = 120
# Longer lines of prose are hard to read.
_MAX_PROSE_WIDTH = 100
_MAX_TEXT = 65_536
_MAX_NOTE = 4_096
_MAX_NAME = 200
_MAX_CONTRIBUTORS = 8
# Of packages that require this one.
_MAX_NAMES = 8
_MIN_NAMES = 3
_WITHOUT_COMMITS = frozenset(("none", "unsupported", "empty", "gone", "blocked"))
_SOURCE_ORDER = (*FORGES, SourceName.PYPI, SourceName.CATALOG)


def card(package: Package, *, now: datetime, width: int, links: bool, ascii_only: bool) -> RenderableType:
    """Return the card of a package for a terminal of `width` columns.

    Unknown values are left out or shown as unknown. `links` makes safe URLs clickable (OSC 8).
    """
    layout = _Card(package, package.values, get_glyphs(ascii_only=ascii_only), now, min(width, _MAX_WIDTH), links)
    return Constrain(Group(*layout.lines()), layout.width)


class _Card(NamedTuple):
    """A package and how to show it; every method returns a part of the card."""

    package: Package
    values: Values
    glyphs: Glyphs
    now: datetime
    width: int
    links: bool

    def lines(self) -> Iterator[RenderableType]:
        """Yield the card from top to bottom."""
        yield from self._title()
        yield from self._description()
        yield Text("")
        yield from self._state()
        yield from self._private()
        yield from self._popularity()
        yield from self._commits()
        yield from self._release()
        yield from self._dependencies()
        yield from self._urls()
        yield from self._sources()
        if self.package.suggestion:
            yield Text("")
            yield self._line("", [Item(Text(f"{self.glyphs.arrow} {self._escape(self.package.suggestion, 1000)}"))])

    # Title and description.

    def _title(self) -> Iterator[RenderableType]:
        slug, title = self._text("slug"), self._text("title")
        left = Text("").append(title or slug, "bold")
        if version := self._text("pypi_version"):
            left.append(f" {version}")
        if slug and title and slug.lower() != title.lower():
            left.append(f"  {slug}", "dim")
        if state := self._escape(states.state_word(self.values), _MAX_NAME):
            left.append("  ").append(state, states.state_style(state))
        right = Text(self._category_and_grids(), style="dim")
        room = self.width - left.cell_len - right.cell_len
        if right and room > 1:
            yield left.append(" " * room).append_text(right)
        else:
            yield Prose(left, self.width)
            if right:
                yield Prose(right, self.width)

    def _category_and_grids(self) -> str:
        grids = [self._escape(grid, _MAX_NAME) for grid in self.package.grids]
        parts = [self._escape(self.package.category, _MAX_NAME)] if self.package.category else []
        if grids:
            parts.append(f"{'grid' if len(grids) == 1 else 'grids'} {', '.join(grids)}")
        return f" {self.glyphs.dot} ".join(parts)

    def _description(self) -> Iterator[RenderableType]:
        text = known_values.text(self.values, "repo_description").strip()
        if text:
            prose = Text(self.glyphs.escape(text, block=True, limit=_MAX_TEXT))
            yield Prose(prose, min(self.width, _MAX_PROSE_WIDTH))
        labels = {"title": "title", "category": "category", "grids": "grids", "repo_description": "description"}
        if notes := self._notes(labels):
            yield self._line("", notes)

    def _state(self) -> Iterator[RenderableType]:
        """Yield why the package is in a state other than active, and whether that is edited."""
        reasons = states.state_reasons(self.values, now=self.now)
        items = [Item(Text(self._escape(reason, _MAX_NAME))) for reason in reasons]
        items += self._notes({"archived": "archived"})
        if items:
            yield self._line("state", items)

    def _private(self) -> Iterator[RenderableType]:
        """Yield what only the user states."""
        note = self.glyphs.escape(known_values.text(self.values, "note"), block=True, limit=_MAX_NOTE)
        tags = [Item(Text(self._escape(tag, _MAX_NAME))) for tag in known_values.names(self.values, "tags")]
        if note:
            yield self._line("note", [Item(Text(note))])
        if tags:
            yield self._line("tags", tags)
        if replacement := known_values.text(self.values, "replaced_by"):
            yield self._line("instead", [Item(self._url(replacement))])

    # Numbers.

    def _popularity(self) -> Iterator[RenderableType]:
        items: list[Item] = []
        stars = known_values.figure(self.values, "repo_watchers")
        forks = known_values.figure(self.values, "repo_forks")
        if stars is not None:
            items.append(Item(Text(f"{self.glyphs.star} {stars:,}", style="bold")))
            items.extend(Item(Text(text), "  ") for text in self._growth())
        if forks is not None:
            items.append(Item(Text(f"forks {forks:,}"), "   "))
        used = sum(item.text.cell_len + 3 for item in items)
        if contributors := self._contributors(self.width - 2 - used):
            items.append(Item(Text(contributors), "   "))
        items += self._notes({"repo_watchers": "stars", "repo_forks": "forks", "participants": "contributors"})
        if items:
            yield self._line("", items)

    def _growth(self) -> Iterator[str]:
        """Yield the stars gained, once the history is long enough; edited stars have no history."""
        gained = known_values.figure(self.values, "stars_90d")
        if gained is not None and "repo_watchers" not in known_values.names(self.values, "edited"):
            yield f"{gained:+,} in 90 d"

    def _contributors(self, room: int) -> str:
        """Return the number of contributors, the first names that fit, and how many more there are."""
        names = [self._escape(name, 60) for name in known_values.names(self.values, "participants")]
        if not names:
            return ""
        lead = f"{pluralize(len(names), 'contributor')}: "
        texts = [lead + _list_names(names, shown) for shown in range(1, min(len(names), _MAX_CONTRIBUTORS) + 1)]
        same_line = [text for text in texts if Text(text).cell_len <= room]
        if same_line[1:]:
            return same_line[-1]
        # On a narrow terminal up to three names on their own line.
        own_line = [text for text in texts[:3] if Text(text).cell_len <= self.width - 2]
        return own_line[-1] if own_line else texts[0]

    def _commits(self) -> Iterator[RenderableType]:
        items: list[Item] = []
        counts = known_values.weeks(self.values)
        last = known_values.text(self.values, "last_updated")
        columns = next((count for count in (WEEKS, WEEKS // 2) if count <= self.width - MARGIN), WEEKS // 4)
        if counts:
            line = Text(self.glyphs.sparkline(counts, columns), style="green")
            items.append(Item(line.append(f"  {sum(counts):,} in {len(counts)} weeks", "default")))
        elif self._text("repo_url") and known_values.text(self.values, "repo_state") not in _WITHOUT_COMMITS:
            answered = bool(known_values.text(self.values, "repo_state"))
            items.append(Item(Text("weekly counts unknown" if answered else "not fetched yet", style="dim")))
        if last:
            items.append(Item(Text(f"last {self._ago(last)}")))
        if peak := sparkline.peak_label(counts):
            items.append(Item(Text(peak, style="dim")))
        if peak and len(counts) > columns:
            items.append(Item(Text(f"{len(counts) // columns} weeks per bar", style="dim")))
        items += self._notes({"commits_over_52": "commits", "last_updated": "last"})
        if items:
            yield self._line("commits", items)

    def _release(self) -> Iterator[RenderableType]:
        items = [Item(text) for text in self._release_texts()]
        items += self._notes({"pypi_version": "version", "license": "license", "django_versions": "Django"})
        if items:
            yield self._line("release", items)

    def _release_texts(self) -> Iterator[Text]:
        version, released = self._text("pypi_version"), known_values.text(self.values, "released")
        state = known_values.text(self.values, "pypi_state")
        answered = bool(released) or any(
            lookup.source == SourceName.PYPI and lookup.answered for lookup in self.package.sources
        )
        if state == "gone":
            yield Text("gone from PyPI", style=states.state_style("gone"))
        elif state == "none":
            yield Text("not on PyPI")
        if version:
            yield Text(f"{version}, {self._ago(released)}" if released else version)
        elif state == "ok":
            yield Text("none" if answered else "not fetched yet", style="dim")
        if self.values.get("yanked"):
            yield Text("yanked", style=states.state_style("yanked"))
        yield from self._earlier_releases()
        for name in ("license", "development_status"):
            if text := self._escape(known_values.text(self.values, name), 60):
                yield Text(text)
        if state == "ok":
            yield from self._declared_versions(missing="undeclared" if answered else "")
        if required := known_values.text(self.values, "django_requires"):
            yield Text(f"requires Django {abbreviate.short_requirement(required, self.glyphs)}")

    def _earlier_releases(self) -> Iterator[Text]:
        """Yield the number of releases and the year of the first, if there are several."""
        number = known_values.figure(self.values, "releases") or 0
        first = parse_time(known_values.text(self.values, "first_released"))
        if number > 1:
            yield Text(f"{number:,} releases" + (f" since {first.year}" if first else ""))

    def _declared_versions(self, *, missing: str) -> Iterator[Text]:
        """Yield the declared Python and Django versions, or `missing`."""
        python = abbreviate.short_requirement(known_values.text(self.values, "requires_python"), self.glyphs)
        python = python or abbreviate.short_versions(known_values.names(self.values, "python_versions"), self.glyphs)
        django = abbreviate.short_versions(
            known_values.names(self.values, "django_versions"), self.glyphs, is_wide=True
        )
        for name, text in (("Python", python), ("Django", django)):
            if text:
                yield Text(f"{name} {text}")
            elif missing:
                yield Text(f"{name}: {missing}")

    def _dependencies(self) -> Iterator[RenderableType]:
        """Yield what requires the package, what no longer does, and what it requires itself."""
        found = self.package.dependencies
        if found is None:
            return
        items: list[Item] = []
        if found.used_by:
            items += self._users(found)
        if found.left:
            items.append(Item(Text(self._escape(dependencies.departures_text(found.left), _MAX_NAME))))
        if items:
            yield self._line("used by" if found.used_by else "", items)
        # Several requirements on one package differ in their markers.
        required = {one.slug: one.state for one in found.requires}
        if required:
            yield self._line("requires", [Item(self._required(*one)) for one in required.items()])

    def _required(self, slug: str, state: str) -> Text:
        text = Text(self._escape(slug, _MAX_NAME))
        if state != "active":
            text.append(" ").append(self._escape(state, _MAX_NAME), states.state_style(state))
        return text

    def _users(self, found: Dependencies) -> Iterator[Item]:
        """Yield the number of packages that require this one, and as many names as fit, on a line of their own or not.

        One line must have room for three names, or for all.
        """
        lead = dependencies.used_by_count(found)
        names = [self._escape(slug, _MAX_NAME) for slug in found.used_by]
        room = self.width - MARGIN
        texts = [_list_names(names, shown) for shown in range(1, min(len(names), _MAX_NAMES) + 1)]
        same_line = [text for text in texts if Text(f"{lead}: {text}").cell_len <= room]
        if len(same_line) >= min(_MIN_NAMES, len(texts)):
            yield Item(Text(f"{lead}: {same_line[-1]}"))
            return
        yield Item(Text(lead))
        yield Item(Text([text for text in texts if Text(text).cell_len <= room or text is texts[0]][-1]))

    # URLs.

    def _urls(self) -> Iterator[RenderableType]:
        for label, name in (("repo", "repo_url"), ("docs", "documentation_url"), ("pypi", "pypi_url")):
            items = [Item(self._url(url))] if (url := known_values.text(self.values, name)) else []
            if name == "repo_url":
                items.extend(Item(text) for text in self._repository_state())
            items += self._notes({name: ""})
            if items:
                yield self._line(label, items)
        slug = known_values.text(self.values, "slug")
        if known_values.text(self.values, "catalog_state") == "removed":
            yield self._line("catalog", [Item(Text("removed", style=states.state_style("removed")))])
        elif slug:
            yield self._line("catalog", [Item(self._url(package_url(slug)))])

    def _repository_state(self) -> Iterator[Text]:
        state = known_values.text(self.values, "repo_state")
        moved_to = known_values.text(self.values, "moved_to")
        if state == "moved" and moved_to:
            yield Text("moved to ", style=states.state_style("moved")).append_text(self._url(moved_to))
        elif state in {"gone", "blocked"}:
            yield Text(state, style=states.state_style(state))
        elif state == "empty":
            yield Text("empty")
        elif state == "unsupported":
            yield Text("not fetched: unsupported host", style="dim")

    def _url(self, url: str) -> Text:
        target = abbreviate.safe_link(url) if self.links else None
        return Text(self._escape(abbreviate.short_url(url), 2000), style=Style(link=target) if target else "")

    # Sources.

    def _sources(self) -> Iterator[RenderableType]:
        lookups = {lookup.source: lookup for lookup in self.package.sources}
        expected = [known_values.text(self.values, "forge")] if known_values.text(self.values, "forge") else []
        if known_values.text(self.values, "pypi_name"):
            expected.append(SourceName.PYPI)
        order: dict[str, int] = {name: index for index, name in enumerate(_SOURCE_ORDER)}
        names = sorted({*lookups, *expected}, key=lambda name: order.get(name, len(order)))
        items = [Item(self._last_answer(name, lookups.get(name))) for name in names]
        if items:
            yield self._line("checked", items)
        for name in names:
            lookup = lookups.get(name)
            if lookup is not None and lookup.outcome == "failed":
                yield self._line("failed", [Item(self._failure(lookup))])

    def _last_answer(self, name: str, lookup: Provenance | None) -> Text:
        source = self._escape(name, _MAX_NAME)
        if lookup is None or not lookup.answered:
            failed = lookup is not None and lookup.asked
            return Text(f"{source} ").append("no answer yet" if failed else "not fetched yet", "dim")
        return Text(f"{source} {self._ago(lookup.answered)}")

    def _failure(self, lookup: Provenance) -> Text:
        """Return the source, the time of the failed lookup and the error."""
        asked = f" {self._ago(lookup.asked)}" if lookup.asked else ""
        error = f": {self._escape(lookup.error, 500)}" if lookup.error else ""
        return Text(f"{self._escape(lookup.source, _MAX_NAME)}{asked}{error}", style="magenta")

    def _line(self, label: str, items: list[Item]) -> LabelledLines:
        return LabelledLines(label, items, separator=f" {self.glyphs.dot} ")

    def _notes(self, labels: Mapping[str, str]) -> list[Item]:
        """Return a note for each edited field of `labels`, with its upstream value."""
        notes = []
        for name, label in labels.items():
            note = Text(" ".join(filter(None, (self.glyphs.edited, label, "edited"))), style="cyan")
            if name in self.package.upstream:
                value = format_value(self.package.upstream[name], get(name).kind, self.glyphs, now=self.now)
                notes.append(Item(note.append(f", upstream: {value or 'none'}", "dim"), "   "))
            elif name in known_values.names(self.values, "edited"):
                notes.append(Item(note, "   "))
        return notes

    def _ago(self, text: str | None) -> str:
        return self.glyphs.escape(relative_time.relative(text, now=self.now))

    def _text(self, name: str) -> str:
        return self._escape(known_values.text(self.values, name), _MAX_NAME)

    def _escape(self, text: str, limit: int) -> str:
        return self.glyphs.escape(text, limit=limit)


def _list_names(names: list[str], shown: int) -> str:
    """Return ``a, b and c`` for all names, ``a, b and 17 more`` for some."""
    if shown < len(names):
        return f"{', '.join(names[:shown])} and {len(names) - shown:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else names[0]
