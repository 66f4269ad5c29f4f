"""Sealing and verifying the chain.

Entries are written unchained inside business transactions (a chain head locked there costs more than half of the
throughput); one sealer per service chains committed entries within about a second, under an advisory lock.
Seal n holds SHA-256(seal n-1 ‖ entry n), so an altered, removed or inserted entry breaks every later seal.
The newest entries may be unsealed for a moment: `verify` names that tail.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, text

from shared.db.engine import Database
from shared.db.sessions import AnySession
from shared.db.spine import audit_entries, audit_seals
from shared.db.uow import Actor

GENESIS = hashlib.sha256(b"lantai audit chain").digest()
SEALER_LOCK = 0x1A27A1_5EA1
BATCH = 500
_FIELDS = ("id", "at", "actor_kind", "actor_id", "actor_name", "action", "subject", "agency_id", "details")


def entry_hash(previous: bytes, entry: Row[Any]) -> bytes:
    """Return the seal of an entry after `previous`; the fields are serialised in one fixed way."""
    canonical = json.dumps([str(getattr(entry, name)) for name in _FIELDS], ensure_ascii=False)
    return hashlib.sha256(previous + canonical.encode()).digest()


def _floor(last_sealed: UUID | None) -> UUID:
    """Return an id one day older than the last sealed entry's.

    Ids are time-ordered and no transaction stays open for a day, so nothing unsealed lies below; a sweep then reads
    a day of entries instead of the whole trail.
    """
    milliseconds = max((last_sealed.int >> 80) - 86_400_000, 0) if last_sealed else 0
    return UUID(int=milliseconds << 80)


class Sealer:
    """Chains committed, unsealed entries of one service, in the order of their ids."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def seal_once(self) -> int:
        """Chain up to one batch; return how many entries were sealed (0 also when another sealer is at work)."""
        async with self.db.write(Actor.system(self.db.service)) as uow:
            mine = await uow.session.scalar(select(func.pg_try_advisory_xact_lock(SEALER_LOCK)))
            if not mine:
                return 0
            last = (
                await uow.session.execute(select(audit_seals).order_by(audit_seals.c.position.desc()).limit(1))
            ).first()
            previous, position = (last.hash, last.position) if last else (GENESIS, 0)
            unsealed = (
                select(audit_entries)
                .outerjoin(audit_seals, audit_seals.c.entry_id == audit_entries.c.id)
                .where(audit_seals.c.entry_id.is_(None), audit_entries.c.id > _floor(last.entry_id if last else None))
                .order_by(audit_entries.c.id)
                .limit(BATCH)
            )
            seals: list[dict[str, Any]] = []
            for entry in (await uow.session.execute(unsealed)).all():
                previous, position = entry_hash(previous, entry), position + 1
                seals.append({"position": position, "entry_id": entry.id, "hash": previous})
            if seals:
                await uow.session.execute(insert(audit_seals), seals)
            return len(seals)


@dataclass(frozen=True)
class Verification:
    """What a walk along the chain found: the first broken place, if any, and the unsealed tail."""

    sealed: int
    broken_position: int | None
    broken_entry: UUID | None
    reason: str
    unsealed: tuple[UUID, ...]
    head: bytes = GENESIS

    @property
    def intact(self) -> bool:
        return self.broken_position is None


async def verify(session: AnySession, known: tuple[int, bytes] | None = None) -> Verification:
    """Recompute every seal in order; the first that does not fit names the changed or missing entry.

    A chain whose end was cut off together with its seals is intact in itself. `known`, a head (position and seal)
    that was noted outside the database, finds that too.
    """
    tail = tuple(
        (
            await session.execute(
                text(
                    "SELECT e.id FROM audit_entries e LEFT JOIN audit_seals s ON s.entry_id = e.id"
                    " WHERE s.entry_id IS NULL ORDER BY e.id"
                )
            )
        ).scalars()
    )
    previous, position = GENESIS, 0
    while rows := await _sealed_after(session, position):
        for row in rows:
            expected = position + 1
            if row.position != expected:
                return Verification(position, expected, None, "封链序号缺失", tail)
            if row.id is None:
                return Verification(position, expected, row.entry_id, "审计条目已被删除", tail)
            if entry_hash(previous, row) != row.hash:
                return Verification(position, expected, row.id, "审计条目或其封链已被改动", tail)
            if known is not None and known[0] == expected and known[1] != row.hash:
                return Verification(position, expected, row.id, "与此前记下的封链不符", tail)
            previous, position = row.hash, expected
    if known is not None and known[0] > position:
        return Verification(position, position + 1, None, f"此前记下的第 {known[0]} 条封链已不在，尾部被截去", tail)
    return Verification(position, None, None, "", tail, previous)


async def _sealed_after(session: AnySession, position: int) -> list[Row[Any]]:
    query = (
        select(audit_seals, audit_entries)
        .outerjoin(audit_entries, audit_entries.c.id == audit_seals.c.entry_id)
        .where(audit_seals.c.position > position)
        .order_by(audit_seals.c.position)
        .limit(BATCH)
    )
    return list((await session.execute(query)).all())
