"""100,000 open cases when a notice arrives: resumable after kill -9, each once, only those that change."""

import asyncio
import sys
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from shared.db.spine import outbox
from tests.kit.apps import ServiceUnderTest
from tests.service.requests.desk import running_case, set_today
from tests.service.requests.test_redating import notice, publish

EACH = 50_000
COPY = """
    INSERT INTO applications (id, agency_id, version, receipt_number, code_hash, recipient_ref, channel, applicant_kind,
        applicant_masked, personal_sealed, content_sealed, id_number_blind, form_wanted, obtain_by, registered_at,
        registered_by, delivered_on, received_on, state, due_on, provisional, left_days)
    SELECT md5(a.id::text || n)::uuid, agency_id, 1, left(a.id::text, 8) || right(a.id::text, 8) || '-' || n, code_hash,
        md5('r' || a.id::text || n)::uuid, channel, applicant_kind, applicant_masked, personal_sealed, content_sealed,
        id_number_blind, form_wanted, obtain_by, registered_at, registered_by, delivered_on, received_on, state, due_on,
        provisional, left_days
    FROM applications a, generate_series(1, :more) n
"""


async def value(service: ServiceUnderTest, statement: str) -> Any:
    async with service.deps.db.read() as session:
        return (await session.execute(text(statement))).scalar_one()


@pytest.mark.slow
async def test_a_hundred_thousand_cases(requests: ServiceUnderTest) -> None:
    """Half rest on the year to come and change, half do not; the first two workers are killed in the middle."""
    await set_today(requests, date(2026, 12, 10))
    await running_case(requests)
    await running_case(requests, date(2026, 11, 20))
    async with requests.write() as uow:
        await uow.session.execute(text(COPY), {"more": EACH - 1})
    assert await value(requests, "SELECT count(*) FROM applications WHERE closed_on IS NULL") == 2 * EACH
    before = await value(requests, f"SELECT count(*) FROM {outbox.name}")
    await publish(requests, notice())
    worker = [sys.executable, "-m", "tests.service.requests.redating_worker", requests.deps.db.url, "1000"]
    for kills in (True, True, False):
        process = await asyncio.create_subprocess_exec(*worker, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        if kills:
            for _ in range(8):
                assert await process.stdout.readline() == b"chunk\n"
            process.kill()
        await process.communicate()
    assert await value(requests, f"SELECT count(*) FROM {outbox.name}") - before == EACH
    assert await value(requests, "SELECT count(*) FROM audit_entries WHERE action = 'application.redated'") == EACH
    redated = "SELECT count(DISTINCT subject) FROM audit_entries WHERE action = 'application.redated'"
    assert await value(requests, redated) == EACH
    assert await value(requests, "SELECT count(*) FROM applications WHERE provisional") == 0
    certain = "SELECT count(*) FROM applications WHERE received_on = '2026-11-20' AND version <= 2"
    assert await value(requests, certain) == EACH
    assert await value(requests, "SELECT looked_at FROM redatings WHERE finished_at IS NOT NULL") == EACH
