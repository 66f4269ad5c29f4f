"""Who works in the samples: the people of every government, and the office that handles the sample cases."""

from dataclasses import dataclass
from typing import Any

from services.cli.office import CATALOG, NOTIFY
from services.cli.portal import Portal, Refused, Visitor

OFFICE_CODE = "11500114YL00000020"  # 重庆市黔江区人民政府办公室
STAFF = (("clerk", "周燕"), ("reviewer", "吴涛"), ("approver", "郑华"), ("supervisor", "冯军"))


@dataclass(frozen=True)
class Office:
    """Who handles the sample cases."""

    agency_id: str
    citizen: Visitor
    clerk: Visitor
    approver: Visitor


def register_people(portal: Portal, governments: list[dict[str, Any]]) -> None:
    """Register whom notices reach: clerk, reviewer, approver and 督查 of each of the five governments.

    A notice goes to the nearest agency that has such a person, so these stand for the whole government.
    """
    for government in governments:
        admin = portal.staff("sample.admin", "系统管理员", ("admin", government["id"]))
        for role, name in STAFF:
            _register(admin, government["id"], role, name, government["locality"])


def open_office(portal: Portal) -> Office:
    """Sign in the people of the office that handles the sample cases."""
    office = portal.agency(OFFICE_CODE)
    here = office["id"]
    return Office(
        agency_id=here,
        citizen=portal.public,
        clerk=portal.staff("sample.clerk", "周燕", ("clerk", here)),
        approver=portal.staff("sample.approver", "郑华", ("approver", here)),
    )


def find_governments(portal: Portal) -> list[dict[str, Any]]:
    """Return the agencies that have none above them."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        asked = {"cursor": cursor} if cursor else {}
        page = portal.public.get(f"{CATALOG}/agencies", limit=100, **asked)
        found.extend(each for each in page["items"] if each["parent_id"] is None)
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def _register(admin: Visitor, agency_id: str, role: str, name: str, locality: str) -> None:
    person = {"role": role, "name": name, "subject": f"sample.{role}", "mail": f"{role}@{locality}.lantai.example"}
    try:
        admin.create(f"{NOTIFY}/recipients", person | {"agency_id": agency_id})
    except Refused as refusal:
        if refusal.code != "recipient_exists":
            raise
