"""Reads of local values, and the one question that matters: which row holds for an agency on a day."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.catalog.agencies import queries as agencies
from services.catalog.agencies.models import Agency
from services.catalog.local_rules.holding import Shelf, shelf
from services.catalog.local_rules.models import LocalValue
from services.catalog.local_rules.rules import as_rule, last_days
from services.catalog.statutes import rule_set
from shared.calendar import civil_day
from shared.db.clock import read_now
from shared.db.pages import Page, page
from shared.db.sessions import AnySession
from shared.http.statutes import AgencyRow
from shared.statutes import Rule

ROWS_AT_MOST = 500


async def rule_for(
    session: AnySession, rule_id: str, day: date, agency_id: UUID, *, printed: bool = True
) -> Rule | None:
    """Return the row that holds for an agency on a day, or None if there was none (§ `holding`)."""
    return (await shelf(session, [agency_id])).holding(rule_id, day, agency_id, printed=printed)


async def rule_above(session: AnySession, rule_id: str, day: date, agency_id: UUID) -> Rule:
    """Return the row that would hold if the agency itself had set nothing; raises UnknownRule."""
    above = (await shelf(session, [agency_id])).holding(rule_id, day, agency_id, own=False)
    return above or rule_set().at(rule_id, day)


async def rule_at(session: AnySession, rule_id: str, day: date, agency_id: UUID, *, printed: bool = True) -> Rule:
    """Return the same; raises UnknownRule where no row was in force."""
    return await rule_for(session, rule_id, day, agency_id, printed=printed) or rule_set().at(rule_id, day)


async def rows_of(session: AnySession, agency_id: UUID | None) -> list[AgencyRow]:
    """Return the rows that an agency and those above it set (None: that any agency set), with the days they hold."""
    wanted = select(LocalValue, Agency.name).join(Agency, Agency.id == LocalValue.agency_id)
    if agency_id is not None:
        ids = [agency.id for agency in await agencies.lineage(session, agency_id)]
        wanted = wanted.where(LocalValue.agency_id.in_(ids))
    newest = wanted.order_by(LocalValue.id.desc()).limit(ROWS_AT_MOST)
    found: dict[tuple[UUID, str], list[tuple[LocalValue, str]]] = {}
    for value, name in reversed(list(await session.execute(newest))):
        found.setdefault((value.agency_id, value.rule_id), []).append((value, name))
    today = civil_day(await read_now(session))
    kept = await shelf(session, {agency_id for agency_id, _ in found})
    return [row for values in found.values() for row in _rows(values, today, kept)]


def _rows(values: Sequence[tuple[LocalValue, str]], today: date, kept: Shelf) -> list[AgencyRow]:
    """Return one agency's rows for one rule, in the order in which they were entered.

    Of two values for one day the later entry holds. What was given up leaves a gap, in which the superior's or the
    national value holds again.
    """
    by_day = {value.since: (value, name) for value, name in values}
    rows = []
    for since, until in last_days(by_day).items():
        value, name = by_day[since]
        if value.value is not None:
            day = min(max(today, since), until)
            national = rule_set().at(value.rule_id, day)
            rule = as_rule(national, value.data, name, value.author, until)
            rows.append(AgencyRow(rule, value.agency_id, kept.overruled(value, day)))
    return rows


async def listing(
    session: AnySession, agency_id: UUID | None, *, cursor: str | None = None, limit: int = 50
) -> Page[LocalValue]:
    """Return a page of what agencies set, the newest first."""
    statement = select(LocalValue)
    if agency_id is not None:
        statement = statement.where(LocalValue.agency_id == agency_id)
    return await page(session, statement, [(LocalValue.id, UUID)], cursor=cursor, limit=limit, descending=True)


async def overruled_among(session: AnySession, values: Sequence[LocalValue]) -> frozenset[UUID]:
    """Return which values give way to a stricter row above them, today (on their first day, while that lies ahead)."""
    today = civil_day(await read_now(session))
    kept = await shelf(session, {value.agency_id for value in values})
    return frozenset(value.id for value in values if kept.overruled(value, max(today, value.since)))
