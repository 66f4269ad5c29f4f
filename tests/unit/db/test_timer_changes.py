"""A new subject has no dead timers, so the command that creates it spares the question about their letters."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, MetaData, Table, Uuid

from shared.db.batch import Batch
from shared.db.ids import uuid7
from shared.db.timer_changes import TimerChanges, letter_key

PARCELS = Table("parcels", MetaData(), Column("id", Uuid, primary_key=True))
DUE = datetime(2026, 11, 22, tzinfo=UTC)


async def no_statement_of_its_own(sql: str, *_: Any) -> list[Any]:
    raise AssertionError(sql)


async def keys_asked(*, scheduled: list[UUID], inserted: list[UUID]) -> list[str] | None:
    changes, batch = TimerChanges(), Batch()
    batch.insert(PARCELS, [{"id": one} for one in inserted])
    for one in scheduled:
        changes.schedule(one, "remind", DUE, None)
    await changes.write(no_statement_of_its_own, batch, "tests")
    sql, values = batch.taken() or ("", [])
    return values[-2] if "dead_letters" in sql else None


async def test_letters_of_a_subject_that_is_inserted_too_are_not_asked_about() -> None:
    new, old = uuid7(), uuid7()
    assert await keys_asked(scheduled=[new], inserted=[new]) is None
    assert await keys_asked(scheduled=[new, old], inserted=[new]) == [letter_key(old, "remind")]
    assert await keys_asked(scheduled=[old], inserted=[]) == [letter_key(old, "remind")]
