"""HTTP bodies of consultations."""

from datetime import date
from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from services.requests.clock.events import ConsultationKind
from services.requests.desk import Desk
from services.requests.third_parties.commands import CONSULTED, REASON, NewConsultation
from services.requests.third_parties.models import Consultation
from services.requests.third_parties.rules import LABELS, Opinion, silence_means
from shared.calendar import Calendar
from shared.http.bodies import Day, Input, Line, Output, Paragraph


class ConsultationInput(Input):
    """A 征求意见书 that was sent."""

    kind: ConsultationKind = Field(description="第三方、共同制作机关或者其他机关")
    consulted: Line = Field(description="被征求意见的人或者机关", examples=["某热力有限公司"])
    on: Day = Field(description="发出之日", examples=["2026-11-20"])
    delivered_on: Day | None = Field(default=None, description="送达之日；暂不知道的以后补记")

    @model_validator(mode="after")
    def delivered_after_sent(self) -> Self:
        if self.delivered_on is not None and self.delivered_on < self.on:
            raise ValueError("送达之日不能早于发出之日")
        return self

    def command(self) -> NewConsultation:
        return NewConsultation(self.kind, self.consulted, self.on, self.delivered_on)


class ConsultationDeliveryInput(Input):
    delivered_on: Day = Field(description="送达之日", examples=["2026-11-20"])


class OpinionInput(Input):
    """What the consulted party said."""

    on: Day = Field(description="收到意见之日", examples=["2026-11-20"])
    opinion: Opinion
    reason: Paragraph | None = Field(default=None, description="理由；不同意公开的必填")


class ConsultationBody(Output):
    """One consultation, the name of a third party masked."""

    id: UUID
    kind: ConsultationKind
    kind_label: str
    consulted: str
    sent_on: date
    delivered_on: date | None
    term_ends_on: date | None = Field(description="期限届满之日；法律没有规定期限的为空")
    term_provisional: bool = Field(description="暂定：届满之日所在年度的放假通知尚未发布")
    silence: str = Field(description="逾期未答复的后果")
    lapsed_on: date | None = Field(description="期限届满而未答复的届满之日；term_provisional 时为暂定")
    ended_on: date | None
    opinion: Opinion | None
    opinion_label: str | None
    reason: str | None


class ConsultedBody(Output):
    """Who was asked, unmasked."""

    consulted: str


def consulted_body(row: Consultation, desk: Desk) -> ConsultedBody:
    """Open the name; the reading is audited by the command."""
    return ConsultedBody(consulted=desk.vault.open(row.consulted_sealed, context=CONSULTED))


def consultation_body(row: Consultation, desk: Desk, calendar: Calendar) -> ConsultationBody:
    """Show a consultation to staff."""
    kind = ConsultationKind(row.kind)
    provisional = row.term_ends_on is not None and calendar.is_provisional(row.term_ends_on)
    opinion = None if row.opinion is None else Opinion(row.opinion)
    return ConsultationBody(
        id=row.id,
        kind=kind,
        kind_label=LABELS[kind],
        consulted=row.consulted_masked,
        sent_on=row.sent_on,
        delivered_on=row.delivered_on,
        term_ends_on=row.term_ends_on,
        term_provisional=provisional,
        silence=silence_means(kind, provisional=provisional),
        lapsed_on=row.lapsed_on,
        ended_on=row.ended_on,
        opinion=opinion,
        opinion_label=None if opinion is None else opinion.label,
        reason=None if row.reason_sealed is None else desk.vault.open(row.reason_sealed, context=REASON),
    )
