"""What moved the clock of a case, as it is printed beside the ledger: each event on its day, and how late a case is."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.requests.applications.history import CLOCKED, Fact, ordered
from services.requests.applications.queries import View
from services.requests.applications.rules import EntryType
from services.requests.clock.events import ConsultationKind
from services.requests.clock.labels import long_date
from services.requests.clock.rules import ClockReading
from services.requests.replies.rules import DeliveryMode
from services.requests.third_parties.models import Consultation
from services.requests.third_parties.rules import LABELS, Opinion
from shared.calendar import Calendar

LATE = ("overdue", "replied_late")
PRINTED = CLOCKED | {EntryType.CONFIRMED}


def occurrences(view: View, as_of: date) -> list[tuple[str, str, str]]:
    """Return (day, what happened, details) through `as_of`. Nobody is named: a third party may be a person."""
    letters = {part.id: (place, part) for place, part in enumerate(view.consultations, start=1)}
    return [
        (fact.on.isoformat(), fact.type.label, _details(fact, letters))
        for fact in ordered(view.facts)
        if fact.type in PRINTED and fact.on <= as_of
    ]


def _details(fact: Fact, letters: Mapping[UUID, tuple[int, Consultation]]) -> str:
    data = fact.data
    match fact.type:
        case EntryType.CORRECTION_NOTICE:  # the first entries hold only the day that was told
            granted = (
                f" {data['working_days']} 个工作日，" if "working_days" in data else ""
            )  # the first entries lack it
            return f"补正期限{granted}至 {data['answer_by']}"
        case EntryType.EXTENDED:
            return f"延长 {data['working_days']} 个工作日；此日为告知申请人之日"
        case EntryType.REPLIED:
            return _delivery(str(data["mode"]))
        case EntryType.CONSULTATION_STARTED | EntryType.CONSULTATION_DELIVERED | EntryType.CONSULTATION_ENDED:
            return _letter(fact, *letters[UUID(str(data["consultation"]))])
        case _:
            return ""


def _letter(fact: Fact, place: int, letter: Consultation) -> str:
    said = f"第 {place} 件，{LABELS[ConsultationKind(letter.kind)]}"
    if fact.type is EntryType.CONSULTATION_ENDED:
        return f"{said}：{Opinion(str(fact.data['opinion'])).label}"
    return said if letter.term_ends_on is None else f"{said}；答复期限至 {letter.term_ends_on}"


def _delivery(mode: str) -> str:
    return f"{DeliveryMode(mode).label}（{DeliveryMode(mode).counts_from}）"


def outcome(facts: Sequence[Fact], reading: ClockReading, calendar: Calendar) -> list[tuple[str, str]]:
    """Return the reply's day and way of delivery, and by how much the case is late, as far as there are any."""
    replied = next((fact for fact in facts if fact.type is EntryType.REPLIED and fact.on <= reading.as_of), None)
    said: list[tuple[str, str]] = []
    if replied is not None:
        said.append(("作出答复", f"{long_date(replied.on)}，{_delivery(str(replied.data['mode']))}"))
    if reading.state in LATE and reading.due_on is not None:
        last = reading.as_of if replied is None else replied.on
        days = calendar.working_days_between(reading.due_on, last)
        said.append(("逾期", f"{days} 个工作日（{(last - reading.due_on).days} 个自然日）"))
    return said
