"""Route that tells which open cases a holiday notice would move, before it is published in the catalog."""

from datetime import date
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.requests.applications.answers import AtDesk
from services.requests.redating import queries
from shared.auth import Role, Staff
from shared.auth.scope import require, visible
from shared.calendar import Holiday, InvalidNotice, Notice, OutsideCalendar
from shared.http.bodies import Day, Flag, Input, Line, Output, Whole
from shared.http.problems import responses
from shared.http.sessions import Read
from shared.replicas.arrangement import Arrangement

router = APIRouter(prefix="/redatings", tags=["期限重算"])
ASKERS = (Role.ADMIN, Role.SUPERVISOR)
FIRST_YEAR, LAST_YEAR = 2008, 2100


class RunInput(Input):
    """A run of days off, both ends included."""

    name: Line = Field(examples=["春节"])
    first: Day = Field(examples=["2027-02-05"])
    last: Day = Field(examples=["2027-02-12"])


class NoticeInput(Input):
    """The notice as it would be published."""

    agency_id: UUID = Field(description="录入机关；地方通知适用于该机关及其下级")
    local: Flag = Field(default=False, description="是否地方放假通知")
    year: Whole = Field(ge=FIRST_YEAR, le=LAST_YEAR, examples=[2027])
    number: Line = Field(examples=["国办发明电〔2026〕9号"])
    holidays: list[RunInput] = Field(min_length=1, max_length=40)
    make_up_days: list[Day] = Field(default=[], max_length=40, description="调休上班日")

    def arrangement(self) -> Arrangement:
        """The year as this paper has it; raises InvalidNotice."""
        runs = tuple(Holiday(run.name, run.first, run.last, self.number) for run in self.holidays)
        works = {day: Holiday("调休上班", day, day, self.number) for day in self.make_up_days}
        notice = Notice(self.year, runs, works, number=self.number)
        return Arrangement.of_notice(notice, self.agency_id if self.local else None)


class MovedBody(Output):
    """An open case whose due day, or its certainty, would change."""

    application_id: UUID
    receipt_number: str
    due_on_before: date
    due_on_after: date
    provisional_before: bool
    provisional_after: bool


class PreviewBody(Output):
    """What publishing the notice would do to the open cases: those in sight by name, all others by number."""

    looked_at: int = Field(description="已查看的在办申请件数（全部）")
    moved_total: int = Field(description="期限或者其确定性会变化的件数")
    moved_elsewhere: int = Field(description="其他机关期限同样会变化的件数，不列明")
    moved: list[MovedBody] = Field(description=f"其中最先届满的至多 {queries.LISTED_AT_MOST} 件")


@router.post(
    "/preview",
    summary="预览放假通知对在办申请的影响",
    responses=responses(422, examples={422: (InvalidNotice, OutsideCalendar)}),
)
async def preview_redating(body: NoticeInput, principal: Staff, session: Read, desk: AtDesk) -> PreviewBody:
    """Name each open case that the notice would date anew, with its day before and after; nothing is written."""
    await require(session, principal, ASKERS, body.agency_id)
    places = await visible(session, principal, ASKERS)
    found = await queries.preview(session, desk, places, body.arrangement())
    return PreviewBody.model_validate(found)
