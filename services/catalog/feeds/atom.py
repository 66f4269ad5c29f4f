"""The feed as Atom (RFC 4287), with tombstones (RFC 6721) for what was withdrawn."""

from collections.abc import Sequence
from datetime import datetime

from lxml import etree

from services.catalog.documents.publication import Publishing
from services.catalog.feeds.queries import ChangeView
from services.catalog.feeds.rules import Change

ATOM = "http://www.w3.org/2005/Atom"
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
EMPTY_SINCE = "1970-01-01T00:00:00+00:00"  # Atom demands a date; a feed without changes has never been updated


def render(views: Sequence[ChangeView], publishing: Publishing, *, title: str, address: str) -> bytes:
    """Return the document for the newest change of each document, newest first."""
    namespaces: dict[str | None, str] = {None: ATOM, "at": TOMBSTONES}
    feed = etree.Element(f"{{{ATOM}}}feed", nsmap=namespaces)  # type: ignore[arg-type]  # None is the default one
    _text(feed, "id", address)
    _text(feed, "title", title)
    _text(feed, "updated", views[0].entry.changed_at.isoformat() if views else EMPTY_SINCE)
    etree.SubElement(feed, f"{{{ATOM}}}link", rel="self", type="application/atom+xml", href=address)
    for view in views:
        if view.gone:
            _tombstone(feed, view)
        else:
            _entry(feed, view, publishing)
    rendered: bytes = etree.tostring(feed, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return rendered


def _entry(feed: "etree._Element", view: ChangeView, publishing: Publishing) -> None:
    entry = etree.SubElement(feed, f"{{{ATOM}}}entry")
    change = Change(view.entry.change)
    _text(entry, "id", f"urn:uuid:{view.document.id}")
    _text(entry, "title", view.entry.title)
    _text(entry, "updated", view.entry.changed_at.isoformat())
    _published(entry, view.document.published_at)
    author = etree.SubElement(entry, f"{{{ATOM}}}author")
    _text(author, "name", view.agency_name)
    url = publishing.url(view.document.id)
    etree.SubElement(entry, f"{{{ATOM}}}link", rel="alternate", type="text/html", href=url)
    etree.SubElement(entry, f"{{{ATOM}}}category", term=change.value, label=change.label)
    if view.entry.reason:
        _text(entry, "summary", f"{change.label}：{view.entry.reason}")


def _tombstone(feed: "etree._Element", view: ChangeView) -> None:
    when = view.entry.changed_at.isoformat()
    deleted = etree.SubElement(feed, f"{{{TOMBSTONES}}}deleted-entry", ref=f"urn:uuid:{view.document.id}", when=when)
    comment = etree.SubElement(deleted, f"{{{TOMBSTONES}}}comment")
    comment.text = _clean(view.entry.reason or Change.WITHDRAWN.label)


def _published(entry: "etree._Element", at: datetime | None) -> None:
    if at is not None:
        _text(entry, "published", at.isoformat())


def _text(parent: "etree._Element", name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{ATOM}}}{name}").text = _clean(text)


def _clean(text: str) -> str:
    """Leave out what XML 1.0 cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
