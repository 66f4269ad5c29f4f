"""The office of the samples and its people."""

from dataclasses import dataclass
from typing import Any

from services.cli.office import NOTIFY
from services.cli.portal import Portal, Refused, Visitor

OFFICE_CODE = "11500114YL00000020"  # 重庆市黔江区人民政府办公室
STAFF = (("clerk", "周燕"), ("reviewer", "吴涛"), ("approver", "郑华"))


@dataclass(frozen=True)
class Office:
    """Who handles the sample cases."""

    agency_id: str
    citizen: Visitor
    clerk: Visitor
    approver: Visitor


def open_office(portal: Portal) -> Office:
    """Sign the office's people in, and register whom notices reach: the office's staff and the government's 督查."""
    office = portal.agency(OFFICE_CODE)
    here, above = office["id"], office["parent_id"]
    admin = portal.staff("sample.admin", "系统管理员", ("admin", above))
    for role, name in STAFF:
        _register(admin, here, role, name)
    _register(admin, above, "supervisor", "冯军")
    return Office(
        agency_id=here,
        citizen=portal.public,
        clerk=portal.staff("sample.clerk", "周燕", ("clerk", here)),
        approver=portal.staff("sample.approver", "郑华", ("approver", here)),
    )


def _register(admin: Visitor, agency_id: str, role: str, name: str) -> None:
    body: dict[str, Any] = {"agency_id": agency_id, "role": role, "name": name, "subject": f"sample.{role}"}
    try:
        admin.create(f"{NOTIFY}/recipients", body | {"mail": f"{role}@qianjiang.lantai.example"})
    except Refused as refusal:
        if refusal.code != "recipient_exists":
            raise
