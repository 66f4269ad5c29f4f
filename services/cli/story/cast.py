"""Who plays in the story: one office of the sample data, its people with their roles, a citizen, a third party."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from services.cli.office import NOTIFY, REQUESTS
from services.cli.portal import Portal, Refused, Visitor
from services.cli.story.narrator import Narrator
from shared.calendar import Calendar, national

OFFICE_CODE = "11610113YL0000002C"  # 西安市雁塔区人民政府办公室, of the sample data
OTHER_CODE = "11500114YL00000020"  # 重庆市黔江区人民政府办公室: its clerk has no business here
MAIL_DOMAIN = "lantai.example"


@dataclass(frozen=True)
class Cast:
    """The people, the office, and the day on which the story is told."""

    portal: Portal
    narrator: Narrator
    office: dict[str, Any]
    government_id: str
    citizen: Visitor
    clerk: Visitor
    reviewer: Visitor
    approver: Visitor
    supervisor: Visitor
    admin: Visitor
    outsider: Visitor
    today: date
    calendar: Calendar

    @property
    def office_id(self) -> str:
        return str(self.office["id"])

    def working_day_near(self) -> date:
        """Return today, or on a day off the nearest working day to come."""
        return self.calendar.next_working_day(self.today)


def assemble(portal: Portal, narrator: Narrator) -> Cast:
    """Find the office, sign everybody in, and see that notices can reach them."""
    office, other = portal.agency(OFFICE_CODE), portal.agency(OTHER_CODE)
    here, above = office["id"], office["parent_id"]
    admin = portal.staff("story.admin", "管理员", ("admin", above), ("supervisor", above))
    day = portal.public.get(f"{REQUESTS}/today")
    _tell(admin, "clerk", "李静", here)
    _tell(admin, "approver", "王强", here)
    _tell(admin, "reviewer", "赵敏", here)
    _tell(admin, "supervisor", "陈刚", above)
    return Cast(
        portal=portal,
        narrator=narrator,
        office=office,
        government_id=above,
        citizen=portal.public,
        clerk=portal.staff("story.clerk", "李静", ("clerk", here)),
        reviewer=portal.staff("story.reviewer", "赵敏", ("reviewer", here)),
        approver=portal.staff("story.approver", "王强", ("approver", here)),
        supervisor=portal.staff("story.supervisor", "陈刚", ("supervisor", above)),
        admin=admin,
        outsider=portal.staff("story.outsider", "外区经办", ("clerk", other["id"])),
        today=date.fromisoformat(day["today"]),
        calendar=national(),
    )


def _tell(admin: Visitor, role: str, name: str, agency_id: str) -> None:
    """Register whom notices reach; somebody who is registered already is kept, since the story may be told twice."""
    person = {"role": role, "name": name, "mail": f"{role}@{MAIL_DOMAIN}", "subject": f"story.{role}"}
    try:
        admin.create(f"{NOTIFY}/recipients", person | {"agency_id": agency_id})
    except Refused as refusal:
        if refusal.code != "recipient_exists":
            raise
