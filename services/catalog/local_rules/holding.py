"""Which row holds for an agency on a day: each superior may only be followed by a value as strict or stricter.

From the top down: the packaged row of the locality or the nation, then each agency's own value, unless it is laxer than
what holds above it (`overruled`). So a superior who becomes stricter is obeyed from that day, whatever stands below.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.catalog.agencies import queries as agencies
from services.catalog.agencies.models import Agency
from services.catalog.local_rules.models import LocalValue
from services.catalog.local_rules.rules import SETTABLE, Start, as_rule, overruled
from services.catalog.statutes import rule_set
from shared.db.sessions import AnySession
from shared.statutes import Rule


@dataclass(frozen=True)
class Shelf:
    """What some agencies and all above them set, in order of day and of entry."""

    lineages: Mapping[UUID, Sequence[Agency]]
    values: Mapping[tuple[UUID, str], Sequence[LocalValue]]

    def holding(
        self, rule_id: str, day: date, agency_id: UUID, *, own: bool = True, printed: bool = True
    ) -> Rule | None:
        """Return the row that holds for an agency, or None if there was none.

        Not `own`: had it set nothing itself. Not `printed`: for what never was, so that no limit runs from 印发.
        """
        lineage = self.lineages.get(agency_id, ())
        locality = next((agency.locality for agency in lineage if agency.locality), None)
        row = rule_set().find(rule_id, day, locality)
        if row is None or rule_id not in SETTABLE:
            return row
        national = rule_set().at(rule_id, day)
        for agency in reversed(lineage):
            kept = self._kept(rule_id, day, agency.id)
            if kept is None or (agency.id == agency_id and not own):
                continue
            if (printed or kept.data.start is Start.FORMED) and not overruled(kept.data, row):
                row = as_rule(national, kept.data, agency.name, kept.author)
        return row

    def overruled(self, value: LocalValue, day: date) -> bool:
        """Whether what holds above the agency on a day is stricter than a value of its own."""
        above = self.holding(value.rule_id, day, value.agency_id, own=False)
        return above is not None and overruled(value.data, above)

    def _kept(self, rule_id: str, day: date, agency_id: UUID) -> LocalValue | None:
        """Return an agency's value in force: the latest `since` not after the day, of two for one day the later."""
        begun = [value for value in self.values.get((agency_id, rule_id), ()) if value.since <= day]
        return begun[-1] if begun and begun[-1].value is not None else None


async def shelf(session: AnySession, ids: Collection[UUID]) -> Shelf:
    """Read what agencies and those above them set: two statements, however many they are."""
    lineages = await agencies.lineages(session, ids)
    every = {agency.id for lineage in lineages.values() for agency in lineage}
    wanted = select(LocalValue).where(LocalValue.agency_id.in_(every))
    values: dict[tuple[UUID, str], list[LocalValue]] = {}
    in_order = wanted.order_by(LocalValue.since, LocalValue.recorded_at, LocalValue.id)
    for value in (await session.execute(in_order)).scalars():
        values.setdefault((value.agency_id, value.rule_id), []).append(value)
    return Shelf(lineages, values)
