"""Reads of local values, and the one question that matters: which row holds for an agency on a day."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.catalog.agencies import queries as agencies
from services.catalog.local_rules.models import LocalValue
from services.catalog.local_rules.rules import SETTABLE, as_rule
from services.catalog.statutes import rule_set
from shared.db.pages import Page, page
from shared.db.sessions import AnySession
from shared.statutes import Rule


async def rule_for(session: AnySession, rule_id: str, day: date, agency_id: UUID) -> Rule | None:
    """Return the row that holds for an agency on a day, or None if there was none.

    Its own value or its nearest superior's comes first, then the packaged row of its locality, then the national one.
    """
    lineage = await agencies.lineage(session, agency_id)
    locality = next((agency.locality for agency in lineage if agency.locality), None)
    packaged = rule_set().find(rule_id, day, locality)
    if rule_id not in SETTABLE or packaged is None:
        return packaged
    own = await _own(session, rule_id, day, [agency.id for agency in lineage])
    for agency in lineage:
        kept = own.get(agency.id)
        if kept is not None and kept.value is not None:
            return as_rule(rule_set().at(rule_id, day), kept.data, agency.name, kept.author)
    return packaged


async def rule_at(session: AnySession, rule_id: str, day: date, agency_id: UUID) -> Rule:
    """Return the same; raises UnknownRule where no row was in force."""
    return await rule_for(session, rule_id, day, agency_id) or rule_set().at(rule_id, day)


async def listing(
    session: AnySession, agency_id: UUID | None, *, cursor: str | None = None, limit: int = 50
) -> Page[LocalValue]:
    """Return a page of what agencies set, the newest first."""
    statement = select(LocalValue)
    if agency_id is not None:
        statement = statement.where(LocalValue.agency_id == agency_id)
    return await page(session, statement, [(LocalValue.id, UUID)], cursor=cursor, limit=limit, descending=True)


async def _own(session: AnySession, rule_id: str, day: date, ids: Sequence[UUID]) -> dict[UUID, LocalValue]:
    """Return each agency's value in force: the latest `since` not after the day, of two for one day the later entry."""
    wanted = (
        select(LocalValue)
        .where(LocalValue.agency_id.in_(ids), LocalValue.rule_id == rule_id, LocalValue.since <= day)
        .order_by(LocalValue.since, LocalValue.recorded_at, LocalValue.id)
    )
    return {value.agency_id: value for value in (await session.execute(wanted)).scalars()}
