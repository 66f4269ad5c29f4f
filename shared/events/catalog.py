"""Events of the catalog service 主动公开: agencies, calendar notices, documents, obligations."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from .base import Event, Part, Topic

AGENCIES = Topic(
    "lantai.catalog.agencies", "catalog", ("requests", "sentiment", "notify"), partitions=3, compacted=True
)
CALENDAR = Topic(
    "lantai.catalog.calendar", "catalog", ("requests", "sentiment", "notify"), partitions=1, compacted=True
)
DOCUMENTS = Topic("lantai.catalog.documents", "catalog", ("requests", "notify"))
OBLIGATIONS = Topic("lantai.catalog.obligations", "catalog", ("notify",))


class DisclosureAttribute(StrEnum):
    """公开属性 of a document (80号 item 1)."""

    PROACTIVE = "proactive"
    ON_REQUEST = "on_request"
    NOT_PUBLIC = "not_public"


class AgencyUpserted(Event):
    """The full state of an agency 行政机关 after a change."""

    type = "lantai.catalog.agency.upserted.v1"
    topic = AGENCIES

    code: str
    name: str
    parent_id: UUID | None
    level: str
    active: bool
    locality: str | None = None


class CalendarPaper(Part):
    """An earlier notice, as it is cited, and the days (off, or 调休上班) that go on resting on it."""

    cited: str
    issued: date | None
    days: tuple[date, ...]


class CalendarPublished(Event):
    """A holiday notice 放假通知 (one year, one version); `subject` is stable per year and agency.

    It lists the whole year as it stands from then on; days that none of `earlier_papers` names rest on this notice.
    """

    type = "lantai.catalog.calendar.published.v1"
    topic = CALENDAR

    year: int
    version: int
    notice_number: str
    notice_date: date | None
    holidays: tuple[date, ...]
    make_up_days: tuple[date, ...]
    effective_from: datetime
    local_agency_id: UUID | None = None
    title: str | None = None
    earlier_papers: tuple[CalendarPaper, ...] = ()


class DocumentChanged(Event):
    """What readers need of a document; the base of its three public changes."""

    topic = DOCUMENTS

    document_id: UUID
    title: str
    index_number: str
    document_number: str | None
    agency_name: str
    url: str
    changed_on: date
    origin_application_id: UUID | None = None


class DocumentPublished(DocumentChanged):
    type = "lantai.catalog.document.published.v1"


class DocumentCorrected(DocumentChanged):
    type = "lantai.catalog.document.corrected.v1"

    reason: str


class DocumentWithdrawn(DocumentChanged):
    type = "lantai.catalog.document.withdrawn.v1"

    reason: str


class DocumentDue(Event):
    """A signed document that must become public by `due_on` (条例 Art. 26 or the local limit), told to its agency."""

    topic = DOCUMENTS

    document_id: UUID
    title: str
    agency_name: str
    due_on: date
    citation: str
    provisional: bool = False


class DocumentDueSoon(DocumentDue):
    type = "lantai.catalog.document.due_soon.v1"


class DocumentOverdue(DocumentDue):
    type = "lantai.catalog.document.overdue.v1"


class DocumentRedated(DocumentDue):
    """A holiday notice or a local limit moved the due day, or made it certain."""

    type = "lantai.catalog.document.redated.v1"

    due_on_before: date | None


class ObligationChanged(Event):
    """A dated instance of a publication obligation 公开义务."""

    topic = OBLIGATIONS

    obligation_id: UUID
    instance_id: UUID
    title: str
    agency_name: str
    due_on: date
    citation: str
    provisional: bool = False


class ObligationDueSoon(ObligationChanged):
    type = "lantai.catalog.obligation.due_soon.v1"


class ObligationOverdue(ObligationChanged):
    type = "lantai.catalog.obligation.overdue.v1"


class ObligationRedated(ObligationChanged):
    """A holiday notice or a local limit moved the due day, or made it certain."""

    type = "lantai.catalog.obligation.redated.v1"

    due_on_before: date


class ObligationFulfilled(ObligationChanged):
    type = "lantai.catalog.obligation.fulfilled.v1"

    document_id: UUID


EVENTS: tuple[type[Event], ...] = (
    AgencyUpserted,
    CalendarPublished,
    DocumentPublished,
    DocumentCorrected,
    DocumentWithdrawn,
    DocumentDueSoon,
    DocumentOverdue,
    DocumentRedated,
    ObligationDueSoon,
    ObligationOverdue,
    ObligationRedated,
    ObligationFulfilled,
)
