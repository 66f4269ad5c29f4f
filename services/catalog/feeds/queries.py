"""Reads of the change feed. Only sealed changes are served, in the order of their sequence.

A withdrawn document's title is no longer told, not even by its earlier changes: it may be why it was withdrawn.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from services.catalog.documents.models import Document
from services.catalog.documents.queries import WITHOUT_TEXT
from services.catalog.documents.rules import State
from services.catalog.feeds.models import FeedEntry, FeedReceipt
from services.catalog.feeds.rules import Outcome, Receipt, proven
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.clock import read_now
from shared.db.sessions import AnySession, ReadSession
from shared.errors import NotFound
from shared.replicas import agencies

RECEIPT_READERS = (Role.CLERK, Role.REVIEWER, Role.APPROVER, Role.SUPERVISOR, Role.ADMIN)


@dataclass(frozen=True)
class ChangeView:
    """A sealed change with the document as it is now."""

    entry: FeedEntry
    document: Document
    agency_name: str

    @property
    def gone(self) -> bool:
        """Whether the document has been withdrawn since."""
        return self.document.state == State.WITHDRAWN.value


@dataclass(frozen=True)
class Head:
    """The newest sealed change. `settled`: it is old enough for a validator that counts seconds."""

    sequence: int
    sealed_at: datetime | None
    settled: bool


async def head(session: AnySession, agency_id: UUID | None = None) -> Head:
    """Return the newest sealed change, of one agency or of all."""
    settled = FeedEntry.sealed_at < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, 2)
    statement = select(FeedEntry.sequence, FeedEntry.sealed_at, settled.label("settled")).where(
        FeedEntry.sequence.is_not(None)
    )
    if agency_id is not None:
        statement = statement.where(FeedEntry.agency_id == agency_id)
    row = (await session.execute(statement.order_by(FeedEntry.sequence.desc()).limit(1))).first()
    return Head(row.sequence or 0, row.sealed_at, row.settled) if row else Head(0, None, False)


async def changes(
    session: AnySession, *, after: int, limit: int, agency_id: UUID | None = None
) -> tuple[list[ChangeView], bool]:
    """Return the changes after a sequence, oldest first, and whether there are more."""
    statement = select(FeedEntry, Document).join(Document, Document.id == FeedEntry.document_id)
    statement = statement.where(FeedEntry.sequence > after)
    if agency_id is not None:
        statement = statement.where(FeedEntry.agency_id == agency_id)
    statement = statement.order_by(FeedEntry.sequence).limit(limit + 1).options(WITHOUT_TEXT)
    rows = (await session.execute(statement)).all()
    names = await agencies.names(session, [row.FeedEntry.agency_id for row in rows])
    views = [ChangeView(r.FeedEntry, r.Document, names.get(r.FeedEntry.agency_id, "")) for r in rows[:limit]]
    return views, len(rows) > limit


async def latest(session: AnySession, *, limit: int, agency_id: UUID | None = None) -> list[ChangeView]:
    """Return the newest change of each of the most recently changed documents, newest first."""
    newest = select(func.max(FeedEntry.sequence)).where(FeedEntry.sequence.is_not(None))
    if agency_id is not None:
        newest = newest.where(FeedEntry.agency_id == agency_id)
    of_each = newest.group_by(FeedEntry.document_id).order_by(func.max(FeedEntry.sequence).desc()).limit(limit)
    statement = (
        select(FeedEntry, Document)
        .join(Document, Document.id == FeedEntry.document_id)
        .where(FeedEntry.sequence.in_(of_each.scalar_subquery()))
        .order_by(FeedEntry.sequence.desc())
        .options(WITHOUT_TEXT)
    )
    rows = (await session.execute(statement)).all()
    names = await agencies.names(session, [row.FeedEntry.agency_id for row in rows])
    return [ChangeView(r.FeedEntry, r.Document, names.get(r.FeedEntry.agency_id, "")) for r in rows]


@dataclass(frozen=True)
class Proof:
    """Whether a document's newest change is shown by a CMS, and what each CMS said."""

    newest_sequence: int | None
    proven: bool
    receipts: list[FeedReceipt]


async def proof_of(session: AnySession, principal: Principal, document_id: UUID) -> Proof:
    """Return what CMSs answered for a document; raises NotFound or Forbidden."""
    document = await session.get(Document, document_id)
    if document is None:
        raise NotFound("没有这份公文。")
    await require(session, principal, RECEIPT_READERS, document.agency_id)
    newest = select(func.max(FeedEntry.sequence)).where(FeedEntry.document_id == document_id)
    sequence = (await session.execute(newest)).scalar()
    statement = select(FeedReceipt).where(FeedReceipt.document_id == document_id)
    receipts = list((await session.execute(statement.order_by(FeedReceipt.sequence, FeedReceipt.cms))).scalars())
    answered = [Receipt(receipt.sequence, Outcome(receipt.outcome)) for receipt in receipts]
    return Proof(sequence, proven(sequence, answered), receipts)


async def agency_of(session: AnySession, sequence: int) -> UUID:
    """Return whose change this is; raises NotFound."""
    found = select(FeedEntry.agency_id).where(FeedEntry.sequence == sequence)
    agency_id = (await session.execute(found)).scalar()
    if agency_id is None:
        raise NotFound("公开目录中没有这一序号的变更。")
    return agency_id


async def lag_seconds(session: ReadSession) -> float:
    """Gauge: age of the oldest change that the feed does not show yet."""
    oldest = select(func.min(FeedEntry.changed_at)).where(FeedEntry.sequence.is_(None))
    at = (await session.execute(oldest)).scalar()
    return max(0.0, (await read_now(session) - at).total_seconds()) if at else 0.0
