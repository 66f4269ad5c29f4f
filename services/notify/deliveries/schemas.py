"""HTTP bodies of deliveries."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.notify.deliveries.models import Delivery
from services.notify.deliveries.rules import Channel, RecipientKind, State
from shared.http.bodies import Input, Output, Paragraph


class DeliverySummary(Output):
    """A delivery as lists show it; the address only as a mask, and only once it was read for sending."""

    id: UUID
    version: int
    agency_id: UUID
    about: UUID
    event_type: str
    channel: Channel
    recipient_kind: RecipientKind
    template_id: str
    subject: str
    state: State
    state_label: str = Field(examples=["已送达"])
    possibly_doubled: bool = Field(description="可能重复送达：发送中断后以同一 Message-ID 重发")
    attempts: int
    sent_to_masked: str | None = Field(examples=["z***@example.cn"])
    error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None
    settled_at: datetime | None


class DeliveryBody(DeliverySummary):
    """A delivery with its text and its proof."""

    event_id: UUID
    recipient_id: UUID
    recipient_roles: list[str]
    template_version: int
    body: str
    message_id: str | None
    proof: str | None = Field(description="对方的答复，作为送达凭据", examples=["250 2.0.0 Ok: queued as 4F2A"])
    read_at: datetime | None
    settled_by: str | None
    settlement: str | None


class SettlementInput(Input):
    """How the recipient was told instead."""

    note: Paragraph = Field(examples=["已电话告知申请人。"])


def delivery_summary(row: Delivery) -> DeliverySummary:
    """Show a delivery in a list."""
    return DeliverySummary(**_fields(row, DeliverySummary))


def delivery_body(row: Delivery) -> DeliveryBody:
    """Show a delivery wholly."""
    return DeliveryBody(**_fields(row, DeliveryBody))


def _fields(row: Delivery, shown: type[Output]) -> dict[str, object]:
    computed = {
        "state_label": row.state_value.label,
        "recipient_roles": row.recipient_roles.split(",") if row.recipient_roles else [],
    }
    return {name: computed[name] if name in computed else getattr(row, name) for name in shown.model_fields}
