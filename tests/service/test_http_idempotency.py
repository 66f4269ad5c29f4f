"""A repeated POST creates once and is answered byte for byte the same, also while the first is under way."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from shared.auth import Grant, Role
from shared.db.engine import Database
from shared.db.spine import idempotency_keys
from shared.db.uow import PUBLIC
from shared.http.idempotency import lock_number, purge_expired
from tests.kit.edge import EdgeService
from tests.kit.spine import until

AGENCY = UUID("01a2042c-f183-76de-9860-8a4a3edf7eaf")
BODY = {"text": "申请公开预算", "agency_id": str(AGENCY)}


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


async def stored(edge: EdgeService) -> list[Any]:
    async with edge.parts.db.read() as session:
        return list(await session.execute(text("SELECT * FROM idempotency_keys")))


async def test_a_replay_is_byte_equal_with_its_headers(edge: EdgeService) -> None:
    first = await edge.client.post("/notes", json=BODY, headers=keyed("k1"))
    again = await edge.client.post("/notes", json=BODY, headers=keyed("k1"))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert await edge.count_notes() == 1


async def test_concurrent_repeats_create_once(edge: EdgeService) -> None:
    calls = [edge.client.post("/notes", json=BODY, headers=keyed("k1")) for _ in range(5)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await edge.count_notes() == 1


async def test_a_repeat_of_a_call_that_hangs_is_told_to_come_back(edge: EdgeService, edge_url: str) -> None:
    """The first holds the key in an open transaction; the repeat waits as long as a lock may be waited for."""
    impatient = Database(edge_url, "edge", lock_timeout_ms=200)
    object.__setattr__(edge.parts, "db", impatient)
    holder = Database(edge_url, "edge")
    scope = (await claimed(edge)).scope
    with pytest.raises(RuntimeError, match="given up"):
        async with holder.write(PUBLIC) as uow:
            await uow.fetch("SELECT pg_advisory_xact_lock($1)", lock_number(scope, "k2"))
            answer = await edge.client.post("/notes", json=BODY, headers=keyed("k2"))
            assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_progress")
            assert answer.headers["Retry-After"] == "1"
            raise RuntimeError("given up")
    assert (await edge.client.post("/notes", json=BODY, headers=keyed("k2"))).status_code == 201
    await holder.dispose()


async def test_a_repeat_that_slips_in_before_the_lock_creates_nothing(edge: EdgeService, edge_url: str) -> None:
    """The first commits after the repeat has looked and before it has the lock: its row is found at the end."""
    first = await claimed(edge)
    holder = Database(edge_url, "edge")
    async with holder.write(PUBLIC) as uow:
        row = {"scope": first.scope, "key": "k2", "body_hash": first.body_hash, "status": 201, "answer": first.answer}
        uow.insert(idempotency_keys, row)
        await uow.flush()
        repeat = asyncio.create_task(edge.client.post("/notes", json=BODY, headers=keyed("k2")))
        await waiting_for_a_lock(edge)
    answer = await repeat
    assert (answer.status_code, answer.headers["Idempotency-Replayed"]) == (201, "true")
    assert await edge.count_notes() == 1  # the one of `claimed`
    await holder.dispose()


async def claimed(edge: EdgeService) -> Any:
    """The row of a key that was used."""
    await edge.client.post("/notes", json=BODY, headers=keyed("probe"))
    return (await stored(edge))[0]


async def waiting_for_a_lock(edge: EdgeService) -> None:
    async with edge.parts.db.read() as session:
        await until(lambda: session.scalar(text("SELECT 1 FROM pg_locks WHERE NOT granted")))


async def test_another_body_under_a_staff_key_is_refused(edge: EdgeService) -> None:
    headers = edge.token(Grant(Role.CLERK, AGENCY)) | keyed("k1")
    assert (await edge.client.post("/staff-notes", json=BODY, headers=headers)).status_code == 201
    answer = await edge.client.post("/staff-notes", json=BODY | {"text": "另一份"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await edge.count_notes() == 1


async def test_two_people_may_use_the_same_key(edge: EdgeService) -> None:
    for subject in ("clerk-1", "clerk-2"):
        headers = edge.token(Grant(Role.CLERK, AGENCY), subject=subject) | keyed("k1")
        answer = await edge.client.post("/staff-notes", json=BODY, headers=headers)
        assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (201, False)
    assert await edge.count_notes() == 2


async def test_the_public_learns_nothing_from_a_guessed_key(edge: EdgeService) -> None:
    first = await edge.client.post("/notes", json=BODY, headers=keyed("1"))
    other = await edge.client.post("/notes", json=BODY | {"text": "别人的"}, headers=keyed("1"))
    assert (other.status_code, other.json()["id"] == first.json()["id"]) == (201, False)
    assert await edge.count_notes() == 2


@pytest.mark.parametrize(
    "headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 129}, {"Idempotency-Key": "a b"}]
)
async def test_a_missing_or_malformed_key_is_400(edge: EdgeService, headers: dict[str, str]) -> None:
    answer = await edge.client.post("/notes", json=BODY, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("idempotency_key_missing", "invalid_parameters")
    assert await edge.count_notes() == 0


async def test_a_refused_call_leaves_its_key_free(edge: EdgeService) -> None:
    refused = await edge.client.post("/notes", json=BODY | {"text": "拒绝"}, headers=keyed("k1"))
    assert refused.status_code == 409
    assert await stored(edge) == []


async def test_the_kept_answer_is_sealed(edge: EdgeService) -> None:
    await edge.client.post("/notes", json=BODY, headers=keyed("k1"))
    (row,) = await stored(edge)
    assert row.answer.startswith("A256GCM.k1.")
    assert "申请公开预算" not in str(row)


async def test_after_a_day_a_key_is_new_again_and_old_ones_are_forgotten(edge: EdgeService) -> None:
    for key in ("k1", str(uuid4())):
        await edge.client.post("/notes", json=BODY, headers=keyed(key))
    async with edge.parts.db.engine.begin() as connection:
        await connection.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"))
    again = await edge.client.post("/notes", json=BODY, headers=keyed("k1"))
    assert "Idempotency-Replayed" not in again.headers
    assert await edge.count_notes() == 3
    assert await purge_expired(edge.parts.db) == 1
    assert [row.key for row in await stored(edge)] == ["k1"]
