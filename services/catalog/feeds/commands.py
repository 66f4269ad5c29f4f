"""Writes changes into the feed, seals their order after the commit, and records what CMSs answered."""

from dataclasses import dataclass

from sqlalchemy import func, select, update

from services.catalog.documents.models import Document
from services.catalog.feeds.models import FeedEntry, FeedReceipt
from services.catalog.feeds.rules import Change, Outcome, ReceiptTaken, check_url
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.uow import Actor, UnitOfWork
from shared.errors import NotFound

SEALER_LOCK = 0x1A27A1_FEED
BATCH = 500


def append(uow: UnitOfWork, document: Document, change: Change, reason: str | None = None) -> None:
    """Add a change of a document, whose row is locked: its changes are written in the order they commit."""
    uow.session.add(
        FeedEntry(
            id=uuid7(),
            agency_id=document.agency_id,
            document_id=document.id,
            change=change.value,
            revision=document.revision,
            title=document.title,
            reason=reason,
            changed_at=uow.now,
            changed_on=uow.today,
        )
    )


async def seal_once(db: Database) -> int:
    """Number committed changes; return how many. One sealer at a time, so numbers become visible in their order."""
    async with db.write(Actor.system(db.service)) as uow:
        if not await uow.session.scalar(select(func.pg_try_advisory_xact_lock(SEALER_LOCK))):
            return 0
        unsealed = select(FeedEntry.id).where(FeedEntry.sequence.is_(None)).order_by(FeedEntry.written).limit(BATCH)
        entries = list((await uow.session.execute(unsealed)).scalars())
        if entries:
            last = await uow.session.scalar(select(func.coalesce(func.max(FeedEntry.sequence), 0)))
            at = await uow.session.scalar(select(func.clock_timestamp()))  # a validator of HTTP, not business time
            values = [
                {"id": entry, "sequence": number, "sealed_at": at}
                for number, entry in enumerate(entries, start=(last or 0) + 1)
            ]
            await uow.session.execute(update(FeedEntry), values)
        return len(entries)


@dataclass(frozen=True)
class NewReceipt:
    """What a CMS says about one change."""

    sequence: int
    outcome: Outcome
    url: str | None
    note: str | None


async def record_receipt(uow: UnitOfWork, cms: str, new: NewReceipt) -> FeedReceipt:
    """Keep a CMS's answer. A failure may be followed by a success; the same answer again changes nothing."""
    entry = (await uow.session.execute(select(FeedEntry).where(FeedEntry.sequence == new.sequence))).scalar()
    if entry is None:
        raise NotFound("公开目录中没有这一序号的变更。")
    check_url(new.outcome, Change(entry.change), new.url)
    kept = (
        await uow.session.execute(
            select(FeedReceipt).where(FeedReceipt.cms == cms, FeedReceipt.sequence == new.sequence).with_for_update()
        )
    ).scalar()
    if kept is None:
        kept = FeedReceipt(
            id=uuid7(), agency_id=entry.agency_id, document_id=entry.document_id, sequence=new.sequence, cms=cms
        )
        uow.session.add(kept)
    elif kept.outcome == Outcome.TAKEN.value and (kept.outcome, kept.url) != (new.outcome.value, new.url):
        raise ReceiptTaken
    kept.outcome, kept.url, kept.note, kept.received_at = new.outcome.value, new.url, new.note, uow.now
    details = {"cms": cms, "sequence": new.sequence, "outcome": new.outcome.value, "url": new.url}
    uow.audit("feed.receipt", subject=entry.document_id, agency_id=entry.agency_id, details=details)
    return kept
