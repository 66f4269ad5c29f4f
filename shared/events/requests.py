"""Events of the requests service 依申请公开. None carries personal data: people are told through `recipient_ref`."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from .base import Event, Topic

APPLICATIONS = Topic("lantai.requests.applications", "requests", ("notify",))
REPLIES = Topic("lantai.requests.replies", "requests", ("catalog",))


class ApplicationState(StrEnum):
    """Where a case stands, as the public may know it."""

    AWAITING_CONFIRMATION = "awaiting_confirmation"
    RUNNING = "running"
    AWAITING_CORRECTION = "awaiting_correction"
    PAUSED = "paused"
    OVERDUE = "overdue"
    REPLIED = "replied"
    REPLIED_LATE = "replied_late"
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"


class ApplicationEvent(Event):
    """What every reader needs of a case. `recipient_ref` names the applicant to notify, never who it is.

    `provisional`: a holiday notice may still move the due day; `unconfirmed`: it rests on a rule graded C.
    """

    topic = APPLICATIONS

    application_id: UUID
    receipt_number: str
    agency_name: str
    recipient_ref: UUID
    state: ApplicationState
    due_on: date | None
    provisional: bool
    unconfirmed: bool = False


class ApplicationRegistered(ApplicationEvent):
    """登记."""

    type = "lantai.requests.application.registered.v1"


class ApplicationSignedFor(ApplicationEvent):
    """签收: the handling agency took the case."""

    type = "lantai.requests.application.signed_for.v1"


class ApplicationConfirmed(ApplicationEvent):
    """双方确认 recorded: the receipt day is known and the clock runs (Art. 31)."""

    type = "lantai.requests.application.confirmed.v1"

    received_on: date


class CorrectionRequested(ApplicationEvent):
    """补正告知书 sent (Art. 30)."""

    type = "lantai.requests.application.correction_requested.v1"

    items: str
    answer_by: date
    answer_provisional: bool = False


class ApplicationCorrected(ApplicationEvent):
    """Corrected request received: the period starts anew (Art. 30)."""

    type = "lantai.requests.application.corrected.v1"


class ConsultationStarted(ApplicationEvent):
    """A third party or another organ was asked (Arts. 32-34)."""

    type = "lantai.requests.application.consultation_started.v1"

    kind: str


class ConsultationEnded(ApplicationEvent):
    type = "lantai.requests.application.consultation_ended.v1"

    kind: str


class ApplicationExtended(ApplicationEvent):
    """延长: approved, and the applicant is told (Art. 33)."""

    type = "lantai.requests.application.extended.v1"

    working_days: int
    reason: str


class ApplicationDueSoon(ApplicationEvent):
    """A reminder for the handlers, `days_left` working days before the due day."""

    type = "lantai.requests.application.due_soon.v1"

    days_left: int


class ApplicationOverdue(ApplicationEvent):
    """逾期: the due day has passed without a reply."""

    type = "lantai.requests.application.overdue.v1"


class ApplicationRedated(ApplicationEvent):
    """A calendar notice moved the due day."""

    type = "lantai.requests.application.redated.v1"

    due_on_before: date | None
    calendar_version: str


class ApplicationReplied(ApplicationEvent):
    """答复 delivered (Art. 36)."""

    type = "lantai.requests.application.replied.v1"

    outcome: str
    replied_on: date
    document_id: UUID | None = None


class ApplicationWithdrawn(ApplicationEvent):
    type = "lantai.requests.application.withdrawn.v1"


class ApplicationAbandoned(ApplicationEvent):
    """逾期不补正: the case is closed without a reply (Art. 30)."""

    type = "lantai.requests.application.abandoned.v1"


class ApplicationDocumentPublished(ApplicationEvent):
    """A document that grew out of this case is public now: the applicant is told where."""

    type = "lantai.requests.application.document_published.v1"

    document_id: UUID
    document_title: str
    document_url: str


class PublicationRequested(Event):
    """A reply leads to a new document: the catalog drafts it (Arts. 36(2), 44).

    Superseded by version 2: `note` held the receipt number and was taken for the document's text.
    """

    type = "lantai.requests.reply.publication_requested.v1"
    topic = REPLIES

    application_id: UUID
    receipt_number: str
    title: str
    formed_on: date
    note: str


class PublicationRequestedV2(Event):
    """A reply leads to a new document: the catalog drafts it (Arts. 36(2), 44).

    `public_text` is meant for publication, word for word; without it the drafting clerk writes the text.
    """

    type = "lantai.requests.reply.publication_requested.v2"
    topic = REPLIES

    application_id: UUID
    receipt_number: str
    title: str
    formed_on: date
    public_text: str | None = None


EVENTS: tuple[type[Event], ...] = (
    ApplicationRegistered,
    ApplicationSignedFor,
    ApplicationConfirmed,
    CorrectionRequested,
    ApplicationCorrected,
    ConsultationStarted,
    ConsultationEnded,
    ApplicationExtended,
    ApplicationDueSoon,
    ApplicationOverdue,
    ApplicationRedated,
    ApplicationReplied,
    ApplicationWithdrawn,
    ApplicationAbandoned,
    ApplicationDocumentPublished,
    PublicationRequested,
    PublicationRequestedV2,
)
