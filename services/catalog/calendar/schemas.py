"""HTTP bodies of holiday notices."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.catalog.calendar.models import CalendarNotice
from services.catalog.calendar.queries import Preview
from services.catalog.calendar.rules import NoticeData
from shared.calendar import DayKind
from shared.http.bodies import Day, Flag, Input, Line, Output, Paragraph, Whole

FIRST_YEAR, LAST_YEAR = 2008, 2100


class HolidayInput(Input):
    """A run of days off, both ends included."""

    name: Line = Field(examples=["春节"])
    first: Day = Field(examples=["2027-02-05"])
    last: Day = Field(examples=["2027-02-12"])


class NoticeInput(Input):
    """A notice as the State Council's general office, or a locality, issues it."""

    agency_id: UUID = Field(description="录入机关；地方通知适用于该机关及其下级")
    local: Flag = Field(
        default=False, description="是否地方放假通知（放假办法第四条）；列明该机关该年度的全部地方假日，取代其前一版本"
    )
    year: Whole = Field(ge=FIRST_YEAR, le=LAST_YEAR, examples=[2027])
    number: Line = Field(description="文号", examples=["国办发明电〔2026〕9号"])
    title: Line = Field(examples=["国务院办公厅关于2027年部分节假日安排的通知"])
    issued: Day | None = Field(default=None, description="印发日期", examples=["2026-11-10"])
    holidays: list[HolidayInput] = Field(min_length=1, max_length=40)
    make_up_days: list[Day] = Field(default=[], max_length=40, description="调休上班日")
    accept_missing: Paragraph | None = Field(
        default=None,
        description="全国通知漏列法定节日、地方通知漏列已公布的地方假日，仍要发布的，写明理由；理由记入审计",
    )

    def data(self) -> NoticeData:
        """A notice for the rules."""
        return NoticeData(
            year=self.year,
            number=self.number,
            title=self.title,
            issued=self.issued,
            holidays=tuple((h.name, h.first, h.last) for h in self.holidays),
            make_up_days=tuple(sorted(set(self.make_up_days))),
        )


class HolidayBody(Output):
    name: str
    first: date
    last: date


class NoticeBody(Output):
    """One version of one year's arrangement."""

    id: UUID
    year: int
    version: int
    local_agency_id: UUID | None
    number: str
    title: str
    issued: date | None
    holidays: list[HolidayBody]
    make_up_days: list[date]
    effective_from: datetime
    published_by: str


class DayChangeBody(Output):
    """A day that the notice turns into another kind."""

    day: date
    before: DayKind
    after: DayKind
    moves_deadlines: bool


class MissingHolidayBody(Output):
    """A statutory holiday, or local days off published before, that the notice leaves out."""

    name: str
    days: list[date]


class PreviewBody(Output):
    """What publishing the notice would mean. Which cases move is asked of the requests service."""

    version: int
    last_published_year_after: int
    calendar_version_before: str
    calendar_version_after: str
    days: list[DayChangeBody]
    missing: list[MissingHolidayBody] = Field(description="漏列的法定节日或者已公布的地方假日；不写明理由不能发布")


def notice_body(notice: CalendarNotice) -> NoticeBody:
    """Show a notice."""
    lines = (line.rsplit(" ", 2) for line in notice.holidays.splitlines())
    return NoticeBody(
        id=notice.id,
        year=notice.year,
        version=notice.version,
        local_agency_id=notice.local_agency_id,
        number=notice.number,
        title=notice.title,
        issued=notice.issued,
        holidays=[
            HolidayBody(name=name, first=date.fromisoformat(first), last=date.fromisoformat(last))
            for name, first, last in lines
        ],
        make_up_days=[date.fromisoformat(day) for day in notice.make_up_days.splitlines()],
        effective_from=notice.effective_from,
        published_by=notice.published_by,
    )


def preview_body(preview: Preview) -> PreviewBody:
    """Show a preview."""
    return PreviewBody(
        version=preview.version,
        last_published_year_after=preview.last_published_year_after,
        calendar_version_before=preview.calendar_version_before,
        calendar_version_after=preview.calendar_version_after,
        days=[
            DayChangeBody(day=c.day, before=c.before, after=c.after, moves_deadlines=c.working_changes)
            for c in preview.days
        ],
        missing=[MissingHolidayBody(name=each.name, days=list(each.days)) for each in preview.missing],
    )
