"""Events as an Atom feed (RFC 4287). ASCII: other characters are written as character references."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape as escape_xml
from xml.sax.saxutils import quoteattr

from djpkg import HOME_PAGE
from djpkg.render.escape import escape

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_TITLE = "Django Packages: changes"


class FeedEvent(NamedTuple):
    """One event: its time (UTC text), the package's id, slug and page, the event's name, old and new value if any."""

    at: str
    package: int
    slug: str
    page: str | None
    event: str
    old: str | None
    new: str | None


def render_feed(
    events: Sequence[FeedEvent], *, selection: Iterable[str], private: Collection[str], updated: str
) -> str:
    """Return the feed of the events, in the given order.

    Its id is a hash of the `selection` as typed, that of an entry one of the event alone: both stay the same in later
    feeds. The title shows the selection without the `private` words, because feeds are published. `updated` is the
    time of a feed without events.
    """
    chosen = sorted(selection)
    shown = " ".join(word for word in chosen if word not in private)
    title = f"{_TITLE} ({shown})" if shown else _TITLE
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"  <title>{_text(title)}</title>",
        f"  <id>{_id('changes', *chosen)}</id>",
        f"  <updated>{_text(max((event.at for event in events), default=updated))}</updated>",
        f"  <author><name>djpkg</name><uri>{HOME_PAGE}</uri></author>",
        f"  <generator uri={_attribute(HOME_PAGE)}>djpkg</generator>",
    ]
    for event in dict.fromkeys(events):
        lines += _entry_lines(event)
    text = "\n".join([*lines, "</feed>", ""])
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _entry_lines(event: FeedEvent) -> Iterator[str]:
    values = " \N{RIGHTWARDS ARROW} ".join(value for value in (event.old, event.new) if value)
    summary = f"{event.event} {values}" if values else event.event
    identity = (str(event.package), event.at, event.event, repr(event.old), repr(event.new))
    yield "  <entry>"
    yield f"    <title>{_text(f'{event.slug}: {summary}')}</title>"
    yield f"    <id>{_id('event', *identity)}</id>"
    yield f"    <updated>{_text(event.at)}</updated>"
    if event.page is not None:
        yield f'    <link rel="alternate" href={_attribute(event.page)}/>'
    yield f"    <category term={_attribute(event.event)}/>"
    yield f'    <content type="text">{_text(summary)}</content>'
    yield "  </entry>"


def _id(*parts: str) -> str:
    """Return an id that is always the same for these texts."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, chr(0).join((HOME_PAGE, *parts)))}"


def _text(text: str) -> str:
    """Return text of others for XML: what XML cannot contain is replaced by visible marks."""
    return escape_xml(escape(text))


def _attribute(text: str) -> str:
    return quoteattr(escape(text))
