"""An office at work, as its clerks drive it through the API: for the story and the sample data.

A `CaseFile` (or `DraftFile`) reads the version before each act, as a form on a screen would.
"""

from typing import Any

from services.cli.portal import Answer, Visitor

REQUESTS = "/api/requests/v1"
CATALOG = "/api/catalog/v1"
SENTIMENT = "/api/sentiment/v1"
NOTIFY = "/api/notify/v1"
REVIEW_ITEMS = (
    "state_secret",
    "work_secret",
    "trade_secret",
    "privacy",
    "three_securities",
    "internal_or_process",
)


class Record:
    """One thing with a version, at its address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def read(self, who: Visitor) -> Answer:
        """Return it as it is now."""
        return who.get(self.address)

    def act(self, who: Visitor, step: str, **body: Any) -> dict[str, Any]:
        """Do one step on the version that stands now; return the thing as it is then. Raises Refused."""
        acted = who.act(f"{self.address}/{step}", body, self.read(who).etag)
        found: dict[str, Any] = acted.body
        return found


class CaseFile(Record):
    """One application in an office, with what its applicant holds."""

    def __init__(self, receipt: dict[str, Any]) -> None:
        super().__init__(f"{REQUESTS}/applications/{receipt['id']}")
        self.id: str = receipt["id"]
        self.number: str = receipt["receipt_number"]
        self.code: str = receipt["code"]
        self.registered_at: str = receipt["registered_at"]

    def clock(self, who: Visitor) -> dict[str, Any]:
        """Return the clock's answer with its ledger."""
        found: dict[str, Any] = who.get(f"{self.address}/clock").body
        return found


class DraftFile(Record):
    """One document on the workbench; its acts have addresses of their own."""

    def __init__(self, document_id: str) -> None:
        super().__init__(f"{CATALOG}/workbench/documents/{document_id}")
        self.id = document_id

    def act(self, who: Visitor, step: str, **body: Any) -> dict[str, Any]:
        acted = who.act(f"{CATALOG}/documents/{self.id}/{step}", body, self.read(who).etag)
        found: dict[str, Any] = acted.body
        return found

    def edit(self, who: Visitor, **content: Any) -> dict[str, Any]:
        """Replace the text; raises Refused."""
        edited = who.act(f"{CATALOG}/documents/{self.id}", content, self.read(who).etag, method="PUT")
        found: dict[str, Any] = edited.body
        return found


def applicant(name: str, mail: str, id_number: str) -> dict[str, Any]:
    """Return a natural person who can be reached by mail."""
    return {"kind": "natural_person", "name": name, "id_number": id_number, "email": mail, "phone": "13800138000"}


def file_online(citizen: Visitor, agency_id: str, who: dict[str, Any], title: str, description: str) -> CaseFile:
    """File an application online; the citizen gets a number and a secret code."""
    body = {"agency_id": agency_id, "applicant": who, "title": title, "description": description}
    return CaseFile(citizen.create(f"{REQUESTS}/applications", body).body)


def register_letter(
    clerk: Visitor, agency_id: str, who: dict[str, Any], title: str, delivered_on: str, channel: str = "post_registered"
) -> CaseFile:
    """Register what arrived on paper, with the day on which it truly arrived."""
    body = {
        "agency_id": agency_id,
        "applicant": who,
        "title": title,
        "description": f"{title}，请提供电子版全文。",
        "channel": channel,
        "delivered_on": delivered_on,
    }
    return CaseFile(clerk.create(f"{REQUESTS}/registrations", body).body)


def all_clear() -> list[dict[str, Any]]:
    """Return a 保密审查 that found nothing, item by item."""
    return [{"item": item, "clear": True} for item in REVIEW_ITEMS]
