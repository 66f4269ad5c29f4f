"""Setting a local value: a new row with its author and reason; open due days follow."""

from uuid import UUID

from services.catalog.agencies import queries as agencies
from services.catalog.calendar.commands import REDATE_DOCUMENTS, REDATE_OBLIGATIONS
from services.catalog.local_rules import queries
from services.catalog.local_rules.models import LocalValue
from services.catalog.local_rules.rules import LocalValueData, check, require_settable
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork


async def set_local_value(uow: UnitOfWork, principal: Principal, agency_id: UUID, data: LocalValueData) -> LocalValue:
    """Set what holds for an agency and what lies below it (its administrator)."""
    await agencies.get(uow.session, agency_id)
    await require(uow.session, principal, (Role.ADMIN,), agency_id)
    require_settable(data.rule_id)
    check(data, await queries.rule_above(uow.session, data.rule_id, data.since, agency_id))
    value = LocalValue(
        id=uuid7(),
        agency_id=agency_id,
        rule_id=data.rule_id,
        value=data.value,
        start=data.start.value,
        since=data.since,
        citation=data.citation,
        reason=data.reason,
        author=uow.actor.name,
        author_id=uow.actor.id,
        recorded_at=uow.now,
    )
    uow.session.add(value)
    for kind in (REDATE_DOCUMENTS, REDATE_OBLIGATIONS):
        uow.schedule(value.id, kind, uow.now)
    details = {"rule": data.rule_id, "value": data.value, "start": data.start.value, "since": data.since}
    details["reason"] = data.reason
    uow.audit("local_value.set", subject=value.id, agency_id=agency_id, details=details)
    return value
