"""`lantai dead-letters show`: one letter whole, as JSON."""

import asyncio
import json
from datetime import timedelta

from shared.bus import dead_letters as letters
from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.relay import Relay
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from tests.kit.lantai import run
from tests.kit.spine import AGENCY, COUNTERS, Counted, Counter, emit, running, some_ids, until


async def a_letter_with_one_behind_it(db: Database) -> letters.DeadLetter | None:
    async with db.read() as session:
        found = [letters.letter(row) for row in await session.execute(letters.listing())]
    return next((letter for letter in found if letter.waiting == 1), None)


async def test_a_letter_is_shown_whole(counters: Database, counters_url: str, bus: EmbeddedTransport) -> None:
    (sick,), counter = some_ids(1), Counter()
    counter.poison = {1}
    once_more = RetryPolicy((timedelta(0),))
    consumers = Consumers(counters, bus, "g", counter.handlers, retries=once_more, retry_poll_seconds=0.02)
    async with running(Relay(counters, bus), consumers):
        await emit(counters, sick, 1, 2)
        letter: letters.DeadLetter = await until(lambda: a_letter_with_one_behind_it(counters))
    here = {"LANTAI_ENV": "test", "LANTAI_POSTGRES_URL": counters_url, "LANTAI_NOTIFY_DATABASE_URL": counters_url}
    done = await asyncio.to_thread(run, "dead-letters", "show", "notify", str(letter.id), environment=here)
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert (shown["id"], shown["kind"], shown["topic"], shown["key"]) == (
        str(letter.id),
        "event",
        COUNTERS.name,
        str(sick),
    )
    assert (shown["attempts"], shown["error"]) == (2, "PoisonedEvent: number 1")
    assert json.loads(shown["body"]) == {"number": 1}
    assert (shown["headers"]["ce_type"], shown["headers"]["ce_agencyid"]) == (Counted.type, str(AGENCY))
    assert shown["headers"]["ce_id"] == shown["event_id"] == str(letter.event_id)
    assert (shown["decision"], shown["decided_at"], shown["waiting"]) == (None, None, 1)
