"""Intake and the doors of a case: which day counts as received, which dates a clerk may enter, who may act when.

Invariants: a receipt day comes from 条例 Art. 31 and never from a client; nothing is handled before 签收; a date that a
clerk enters lies neither in the future nor before the receipt.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.requests.clock.events import RegulationName
from shared.errors import Category, DomainError
from shared.events.requests import ApplicationState

REGULATION_2019 = date(2019, 5, 15)
FIRST_RECEIPT = date(2008, 5, 1)
CLOSED_STATES = frozenset(
    {
        ApplicationState.REPLIED,
        ApplicationState.REPLIED_LATE,
        ApplicationState.WITHDRAWN,
        ApplicationState.ABANDONED,
    }
)


class Channel(StrEnum):
    """How an application arrived 申请渠道."""

    ONLINE = "online"
    COUNTER = "counter"
    POST_REGISTERED = "post_registered"
    POST_ORDINARY = "post_ordinary"
    EMAIL = "email"
    FAX = "fax"

    @property
    def label(self) -> str:
        return _CHANNELS[self]


_CHANNELS = {
    Channel.ONLINE: "网上提交",
    Channel.COUNTER: "当面提交",
    Channel.POST_REGISTERED: "邮寄（需签收）",
    Channel.POST_ORDINARY: "平常信函",
    Channel.EMAIL: "电子邮件",
    Channel.FAX: "传真",
}


class ApplicantKind(StrEnum):
    """The columns of table 三 of the annual report: 自然人, and five kinds of 法人或其他组织."""

    NATURAL_PERSON = "natural_person"
    BUSINESS = "business"
    RESEARCH = "research"
    PUBLIC_INTEREST = "public_interest"
    LEGAL_SERVICE = "legal_service"
    OTHER_ORGANISATION = "other_organisation"

    @property
    def label(self) -> str:
        return _KINDS[self]


_KINDS = {
    ApplicantKind.NATURAL_PERSON: "自然人",
    ApplicantKind.BUSINESS: "商业企业",
    ApplicantKind.RESEARCH: "科研机构",
    ApplicantKind.PUBLIC_INTEREST: "社会公益组织",
    ApplicantKind.LEGAL_SERVICE: "法律服务机构",
    ApplicantKind.OTHER_ORGANISATION: "其他组织",
}


class FormWanted(StrEnum):
    """形式要求 (Art. 29(三)): in what form the information is wanted."""

    PAPER = "paper"
    ELECTRONIC = "electronic"
    INSPECTION = "inspection"


class ObtainBy(StrEnum):
    """获取信息的方式、途径 (Art. 29(三))."""

    POST = "post"
    EMAIL = "email"
    FAX = "fax"
    PICK_UP = "pick_up"
    ON_SITE = "on_site"


class EntryType(StrEnum):
    """What may stand in a case's history. The clock reads some of them, people read all."""

    REGISTERED = "registered"
    SIGNED_FOR = "signed_for"
    RETURNED = "returned"
    CONFIRMED = "confirmed"
    CORRECTION_NOTICE = "correction_notice"
    CORRECTED = "corrected"
    CONSULTATION_STARTED = "consultation_started"
    CONSULTATION_DELIVERED = "consultation_delivered"
    CONSULTATION_ENDED = "consultation_ended"
    EXTENDED = "extended"
    REGULATION_CHOSEN = "regulation_chosen"
    REPLIED = "replied"
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"
    DOCUMENT_PUBLISHED = "document_published"

    @property
    def label(self) -> str:
        return _ENTRIES[self]


_ENTRIES = {
    EntryType.REGISTERED: "登记",
    EntryType.SIGNED_FOR: "签收",
    EntryType.RETURNED: "退回",
    EntryType.CONFIRMED: "双方确认收到申请",
    EntryType.CORRECTION_NOTICE: "发出补正告知书",
    EntryType.CORRECTED: "收到补正后的申请",
    EntryType.CONSULTATION_STARTED: "发出征求意见书",
    EntryType.CONSULTATION_DELIVERED: "征求意见书送达",
    EntryType.CONSULTATION_ENDED: "收到意见",
    EntryType.EXTENDED: "延长答复期限并告知申请人",
    EntryType.REGULATION_CHOSEN: "另定适用的条例",
    EntryType.REPLIED: "答复",
    EntryType.WITHDRAWN: "申请人撤回",
    EntryType.ABANDONED: "逾期不补正，视为放弃",
    EntryType.DOCUMENT_PUBLISHED: "相关文件已主动公开",
}


BEFORE_HANDLING = frozenset({EntryType.REGISTERED, EntryType.SIGNED_FOR, EntryType.RETURNED})


class DateInFuture(DomainError):
    code = "date_in_future"
    title = "日期不能晚于今天"
    category = Category.UNPROCESSABLE


class DateBeforeReceipt(DomainError):
    code = "date_before_receipt"
    title = "日期不能早于收到申请之日"
    category = Category.UNPROCESSABLE


class DateBeforeLaw(DomainError):
    """No Regulation was in force."""

    code = "date_before_law"
    title = "该日《政府信息公开条例》尚未施行"
    category = Category.UNPROCESSABLE


class CaseClosed(DomainError):
    code = "case_closed"
    title = "该申请已办结"
    category = Category.INVALID_STATE


class NotSignedFor(DomainError):
    """签收 comes before any handling."""

    code = "not_signed_for"
    title = "尚未签收，请先签收再办理"
    category = Category.INVALID_STATE


class AlreadySignedFor(DomainError):
    code = "already_signed_for"
    title = "已经签收"
    category = Category.CONFLICT


class ReceiptUnconfirmed(DomainError):
    """The receipt day is not known yet, so no clock runs (Art. 31)."""

    code = "receipt_unconfirmed"
    title = "尚未与申请人确认收到申请，期限未起算"
    category = Category.INVALID_STATE


class ReceiptAlreadyKnown(DomainError):
    code = "receipt_already_known"
    title = "收到申请之日已经确定"
    category = Category.CONFLICT


class HandlingHasBegun(DomainError):
    """A case is returned before work on it has begun, not afterwards."""

    code = "handling_has_begun"
    title = "已开始办理，不能退回"
    category = Category.INVALID_STATE


class SamePerson(DomainError):
    """Whoever asks does not approve (经办与审批分离)."""

    code = "same_person"
    title = "经办人与审批人须为不同的人"
    category = Category.FORBIDDEN


class AgencyInactive(DomainError):
    code = "agency_inactive"
    title = "该机构已停用，不能受理申请"
    category = Category.CONFLICT


@dataclass(frozen=True)
class Standing:
    """Where a case stands on a day: what its row keeps for lists, recomputed at each command."""

    state: ApplicationState
    due_on: date | None = None
    provisional: bool = False
    counted: int = 0
    left: int | None = None
    regulation: str | None = None
    paused_until: date | None = None
    moves_daily: bool = False
    unconfirmed: bool = False

    @property
    def closed(self) -> bool:
        return self.state in CLOSED_STATES

    @property
    def applied(self) -> RegulationName:
        """The Regulation that the clock reads; only a case whose receipt day is known has one."""
        return RegulationName(self.regulation or "")


def known_receipt(channel: Channel, delivered_on: date) -> date | None:
    """Return the receipt day that needs nobody's confirmation, or None when both sides have to confirm (Art. 31).

    当面提交 counts from the day of submission (一), mail that is signed for from 签收之日 (二). 平常信函, fax and the
    internet count from the day of confirmation (二)(三). Before 2019-05-15 an e-mail counted from the day the system
    received it (国办公开办函〔2015〕207号 item 3).
    """
    if channel in (Channel.COUNTER, Channel.POST_REGISTERED):
        return delivered_on
    if channel is Channel.EMAIL and delivered_on < REGULATION_2019:
        return delivered_on
    return None


def check_arrival(delivered_on: date, today: date) -> None:
    """Refuse an arrival in the future or before there was a Regulation (492号, in force 2008-05-01)."""
    if delivered_on > today:
        raise DateInFuture(f"今天是 {today}。")
    if delivered_on < FIRST_RECEIPT:
        raise DateBeforeLaw(f"最早为 {FIRST_RECEIPT}。")


def check_entered(on: date, *, today: date, not_before: date) -> None:
    """Refuse a date that a clerk enters in the future or before the receipt."""
    if on > today:
        raise DateInFuture(f"今天是 {today}。")
    if on < not_before:
        raise DateBeforeReceipt(f"不得早于 {not_before}。")


def require_open(state: ApplicationState) -> None:
    """A closed case does not change."""
    if state in CLOSED_STATES:
        raise CaseClosed()


def require_signed_for(signed_for: bool) -> None:
    """签收 first."""
    if not signed_for:
        raise NotSignedFor()


def require_untouched(entries: Iterable[EntryType]) -> None:
    """退回 is for a case that nobody has worked on."""
    if set(entries) - BEFORE_HANDLING:
        raise HandlingHasBegun()


def require_receipt(received_on: date | None) -> date:
    """Return the receipt day; without one the clock has not begun."""
    if received_on is None:
        raise ReceiptUnconfirmed("请先记录双方确认之日（第三十一条）。")
    return received_on


def require_another(first: str, second: str) -> None:
    """Refuse an approval by the person who asked for it."""
    if first == second:
        raise SamePerson()


def receipt_number(pattern: str, *, code: str, year: int, serial: int) -> str:
    """Return the number a citizen uses 受理编号."""
    return pattern.format(code=code, year=year, serial=serial)
