"""HTTP bodies of cases: what is filed, what a clerk records, what staff read with personal data masked."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.requests.applications.commands import NewApplication
from services.requests.applications.personal import Content, Personal, is_plausible_id_number
from services.requests.applications.queries import Line as CaseLine
from services.requests.applications.queries import View, overdue_by
from services.requests.applications.rules import ApplicantKind, Channel, FormWanted, ObtainBy
from services.requests.clock.events import RegulationName
from services.requests.corrections.rules import answer_term
from services.requests.desk import Desk
from services.requests.extensions.schemas import ExtensionBody, extension_body
from services.requests.replies.schemas import ReplyBody, reply_body
from services.requests.third_parties.schemas import ConsultationBody, consultation_body
from shared.events.requests import ApplicationState
from shared.http.bodies import Day, Input, Line, Output, Paragraph

Phone = Annotated[str, StringConstraints(pattern=r"^[0-9+() 转-]{5,30}$")]
Email = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^[^@\s\x00-\x1f<>,;]+@[^@\s\x00-\x1f<>,;]+\.[a-zA-Z]{2,}$")
]
IdNumber = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z()-]{4,40}$")]

UNCONFIRMED = Field(description="期限所依据的条文中有待法制机构确认的")

STATE_LABELS = {
    ApplicationState.AWAITING_CONFIRMATION: "待双方确认",
    ApplicationState.RUNNING: "办理中",
    ApplicationState.AWAITING_CORRECTION: "等待补正",
    ApplicationState.PAUSED: "征求意见中（期限中止计算）",
    ApplicationState.OVERDUE: "逾期未答复",
    ApplicationState.REPLIED: "已答复",
    ApplicationState.REPLIED_LATE: "已答复（逾期）",
    ApplicationState.WITHDRAWN: "已撤回",
    ApplicationState.ABANDONED: "视为放弃",
}


class IdDocument(StrEnum):
    """身份证明 (Art. 29(一))."""

    RESIDENT_ID = "resident_id"
    PASSPORT = "passport"
    TRAVEL_PERMIT = "travel_permit"
    UNIFIED_CREDIT_CODE = "unified_credit_code"
    OTHER = "other"


class ApplicantInput(Input):
    """Who applies. At least one way to reach the applicant is needed."""

    kind: ApplicantKind = Field(description="自然人，或法人、其他组织的一种（年度报告表三的列）")
    name: Line = Field(description="姓名或者名称", examples=["王芳"])
    id_document: IdDocument = IdDocument.RESIDENT_ID
    id_number: IdNumber = Field(description="身份证明号码", examples=["11010519491231002X"])
    phone: Phone | None = Field(default=None, examples=["13812345678"])
    email: Email | None = Field(default=None, examples=["wang.fang@example.cn"])
    address: Line | None = Field(default=None, examples=["青山县人民路1号"])

    @model_validator(mode="after")
    def can_be_reached(self) -> Self:
        """Art. 29(一): 联系方式 is part of an application."""
        if self.phone is None and self.email is None and self.address is None:
            raise ValueError("请至少填写一种联系方式（电话、邮箱或地址）")
        return self

    def personal(self) -> Personal:
        return Personal(self.name, self.id_document.value, self.id_number, self.phone, self.email, self.address)


class ContentInput(Input):
    """What is asked for (Art. 29(二))."""

    title: Line = Field(description="所需政府信息的名称", examples=["2025年城区供热管网改造项目验收报告"])
    description: Paragraph = Field(
        description="便于行政机关查询的特征性描述", examples=["2025年10月完工的城区供热管网改造项目竣工验收报告全文。"]
    )
    document_number: Line | None = Field(default=None, description="文号", examples=["青政发〔2025〕12号"])

    def content(self) -> Content:
        return Content(self.title, self.description, self.document_number)


class ApplicationInput(ContentInput):
    """An application for information 政府信息公开申请."""

    agency_id: UUID = Field(description="受理机关")
    applicant: ApplicantInput
    form_wanted: FormWanted = Field(default=FormWanted.ELECTRONIC, description="信息的形式要求")
    obtain_by: ObtainBy = Field(default=ObtainBy.EMAIL, description="获取信息的方式")

    @model_validator(mode="after")
    def can_be_sent(self) -> Self:
        """The way wanted needs its address."""
        needed = {ObtainBy.EMAIL: self.applicant.email, ObtainBy.POST: self.applicant.address}
        if self.obtain_by in needed and needed[self.obtain_by] is None:
            raise ValueError("所选获取方式缺少相应的邮箱或地址")
        return self

    def command(self) -> NewApplication:
        return NewApplication(
            self.agency_id,
            self.applicant.kind,
            self.applicant.personal(),
            self.content(),
            self.form_wanted,
            self.obtain_by,
        )


class RegistrationInput(ApplicationInput):
    """An application that arrived by another channel, with the day on which it truly arrived."""

    channel: Channel = Field(description="申请渠道")
    delivered_on: Day = Field(
        description="当面提交之日、邮件签收之日或者实际收到之日；可以早于今天", examples=["2026-11-20"]
    )


class ReceiptBody(Output):
    """登记回执. The secret code is shown here and never again."""

    id: UUID
    receipt_number: str = Field(description="受理编号")
    code: str = Field(description="查询码，仅此一次显示，请妥善保存")
    agency_name: str
    state: ApplicationState
    state_label: str
    registered_at: datetime
    received_on: date | None
    due_on: date | None
    provisional: bool
    unconfirmed: bool = UNCONFIRMED
    version: int
    status_url: str = Field(description="凭受理编号和查询码查询办理进度的页面")


class ConfirmationInput(Input):
    """双方确认 (Art. 31): when, how, and with whom."""

    on: Day = Field(description="双方确认之日", examples=["2026-11-20"])
    how: Line = Field(description="确认方式", examples=["电话"])
    with_whom: Line = Field(description="与谁确认", examples=["申请人本人"])


class ReasonInput(Input):
    reason: Paragraph = Field(description="理由", examples=["不属于本科室职责，退回登记窗口。"])


class WithdrawalInput(ReasonInput):
    on: Day = Field(description="撤回之日", examples=["2026-11-20"])


class RegulationInput(ReasonInput):
    """另定适用的条例; a decision of the 负责人."""

    regulation: RegulationName


class PersonalDataInput(Input):
    """Why the data is read; it goes into the audit trail."""

    reason: Line = Field(description="查阅事由", examples=["邮寄答复需要收件地址"])


class PersonalBody(Output):
    name: str
    id_document: IdDocument
    id_number: str
    phone: str | None
    email: str | None
    address: str | None


class ApplicantBody(PersonalBody):
    """The applicant, masked."""

    kind: ApplicantKind
    kind_label: str
    id_number_plausible: bool | None = Field(description="居民身份证号码校验位是否正确；其他证件为空")
    other_applications: int = Field(description="同一申请人在本机关的其他申请件数")


class CaseSummary(Output):
    """A case as lists show it."""

    id: UUID
    version: int
    receipt_number: str
    agency_id: UUID
    agency_name: str
    channel: Channel
    channel_label: str
    applicant_name: str
    applicant_kind: ApplicantKind
    title: str
    state: ApplicationState
    state_label: str
    registered_at: datetime
    received_on: date | None
    signed_for: bool
    due_on: date | None
    provisional: bool
    unconfirmed: bool = UNCONFIRMED
    left: int | None = Field(description="剩余工作日；已办结的为空")
    overdue_by: int | None = Field(description="已逾期的工作日数；未逾期或者已办结的为空")


class CaseBody(CaseSummary):
    """A case with its parts, dated as of today."""

    applicant: ApplicantBody
    description: str
    document_number: str | None
    form_wanted: FormWanted
    obtain_by: ObtainBy
    delivered_on: date
    registered_by: str
    signed_for_at: datetime | None
    signed_for_by: str | None
    regulation: RegulationName | None
    regulation_chosen: bool
    counted: int
    correction_answer_by: date | None
    correction_answer_provisional: bool = Field(description="暂定：correction_answer_by 所在年度的放假通知尚未发布")
    paused_until: date | None
    pause_provisional: bool = Field(description="暂定：paused_until 所在年度的放假通知尚未发布")
    closed_on: date | None
    calendar_version: str
    consultations: list[ConsultationBody]
    extensions: list[ExtensionBody]
    reply: ReplyBody | None


def case_summary(line: CaseLine, desk: Desk) -> CaseSummary:
    """Show a case in a list."""
    row = line.row
    return CaseSummary(
        id=row.id,
        version=row.version,
        receipt_number=row.receipt_number,
        agency_id=row.agency_id,
        agency_name=line.agency_name,
        channel=Channel(row.channel),
        channel_label=Channel(row.channel).label,
        applicant_name=row.applicant_masked,
        applicant_kind=ApplicantKind(row.applicant_kind),
        title=Content.open(desk.vault, row.content_sealed).title,
        state=line.state,
        state_label=STATE_LABELS[line.state],
        registered_at=row.registered_at,
        received_on=row.received_on,
        signed_for=row.signed_for_at is not None,
        due_on=row.due_on,
        provisional=row.provisional,
        unconfirmed=row.unconfirmed,
        left=line.left,
        overdue_by=line.overdue_by,
    )


def case_body(view: View, desk: Desk) -> CaseBody:
    """Show a case wholly."""
    row, standing = view.row, view.standing
    content = Content.open(desk.vault, row.content_sealed)
    answer = answer_term(row.answer_by, view.facts, view.calendar)
    late = overdue_by(standing.state, standing.due_on, view.today, view.calendar)
    summary = case_summary(CaseLine(row, view.agency_name, standing.state, standing.left, late), desk)
    return CaseBody(
        **summary.model_dump(exclude={"due_on", "provisional", "unconfirmed"}),
        due_on=standing.due_on,
        provisional=standing.provisional,
        unconfirmed=standing.unconfirmed,
        applicant=_applicant(view, desk),
        description=content.description,
        document_number=content.document_number,
        form_wanted=FormWanted(row.form_wanted),
        obtain_by=ObtainBy(row.obtain_by),
        delivered_on=row.delivered_on,
        registered_by=row.registered_by,
        signed_for_at=row.signed_for_at,
        signed_for_by=row.signed_for_by,
        regulation=None if standing.regulation is None else RegulationName(standing.regulation),
        regulation_chosen=row.regulation_override is not None,
        counted=standing.counted,
        correction_answer_by=None if answer is None else answer.last,
        correction_answer_provisional=answer is not None and answer.provisional,
        paused_until=standing.paused_until,
        pause_provisional=standing.paused_until is not None and view.calendar.is_provisional(standing.paused_until),
        closed_on=row.closed_on,
        calendar_version=view.calendar.version,
        consultations=[consultation_body(part, desk, view.calendar) for part in view.consultations],
        extensions=[extension_body(part) for part in view.extensions],
        reply=None if view.reply is None else reply_body(view.reply, desk, standing.applied),
    )


def _applicant(view: View, desk: Desk) -> ApplicantBody:
    personal = Personal.open(desk.vault, view.row.personal_sealed)
    kind = ApplicantKind(view.row.applicant_kind)
    checked = personal.id_document == IdDocument.RESIDENT_ID
    return ApplicantBody(
        **personal_body(personal.masked()).model_dump(),
        kind=kind,
        kind_label=kind.label,
        id_number_plausible=is_plausible_id_number(personal.id_number) if checked else None,
        other_applications=view.same_applicant,
    )


def personal_body(personal: Personal) -> PersonalBody:
    """Show the data as it is given: masked or opened is the caller's choice."""
    return PersonalBody(
        name=personal.name,
        id_document=IdDocument(personal.id_document),
        id_number=personal.id_number,
        phone=personal.phone,
        email=personal.email,
        address=personal.address,
    )
