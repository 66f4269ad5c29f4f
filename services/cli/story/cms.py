"""A government-website CMS, standing in for a real one: it polls the change feed from where it stopped, and answers."""

from typing import Any

from services.cli.office import CATALOG
from services.cli.portal import Refused, Visitor

SITE = "https://www.yanta.example.gov.cn/zwgk"


class StandInCms:
    """Keeps the feed's cursor and the pages that it shows. `editor` is the CMS's own account (clerk of the agency)."""

    def __init__(self, public: Visitor, editor: Visitor, agency_id: str) -> None:
        self._public = public
        self._editor = editor
        self._agency_id = agency_id
        self._cursor: str | None = None
        self.pages: dict[str, str] = {}

    def catch_up(self) -> None:
        """Go to the end of the feed without taking what lies before: a site that was filled by its last run."""
        while self._next()["has_more"]:
            continue

    def poll(self) -> list[dict[str, Any]]:
        """Take every new change, show or remove its page, and answer for it; return the changes."""
        taken: list[dict[str, Any]] = []
        while True:
            page = self._next()
            for change in page["items"]:
                self._take(change)
                taken.append(change)
            if not page["has_more"]:
                return taken

    def _next(self) -> dict[str, Any]:
        asked = {"cursor": self._cursor} if self._cursor else {}
        page: dict[str, Any] = self._public.get(f"{CATALOG}/feed", agency_id=self._agency_id, limit=100, **asked).body
        self._cursor = page["next_cursor"]
        return page

    def _take(self, change: dict[str, Any]) -> None:
        address = f"{SITE}/{change['document_id']}.html"
        if change["change"] == "withdrawn":
            self.pages.pop(change["document_id"], None)
        else:
            try:
                page = self._public.get(f"{CATALOG}/documents/{change['document_id']}")
            except Refused as refusal:
                if refusal.status != 410:  # withdrawn meanwhile: the feed says so in a moment
                    raise
                return
            self.pages[change["document_id"]] = page["title"]
        receipt = {"cms": "雁塔区政府门户网站", "sequence": change["sequence"], "outcome": "taken"}
        withdrawn = change["change"] == "withdrawn"
        self._editor.create(f"{CATALOG}/feed/receipts", receipt if withdrawn else receipt | {"url": address})
