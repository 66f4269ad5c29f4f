"""The operator's routes: who may see and decide a dead letter, and what becomes of it."""

from uuid import UUID

import pytest
from sqlalchemy import func, insert, select

from shared.auth import Role
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import audit_entries, dead_letters, parked_events, parked_keys
from tests.kit.spine import AGENCY, SYSTEM
from tests.service.spine.desk import ABOVE, ELSEWHERE, WHY, Desk, desk

__all__ = ["desk"]


async def bury(db: Database, *, agency: UUID | None = AGENCY, kind: str = "event") -> UUID:
    letter_id, event_id, key = uuid7(), uuid7(), str(uuid7())
    async with db.write(SYSTEM) as uow:
        common = {"topic": "test.counters", "key": key, "headers": "{}", "body": b"{}"}
        error = {"attempts": 8, "error": "RuntimeError: 坏"}
        await uow.session.execute(
            insert(dead_letters).values(id=letter_id, kind=kind, agency_id=agency, event_id=event_id, **common, **error)
        )
        await uow.session.execute(insert(parked_keys).values(topic="test.counters", key=key, **error))
        await uow.session.execute(insert(parked_events).values(event_id=event_id, **common))
    return letter_id


async def test_an_operator_lists_shows_and_pages(counters: Database, desk: Desk) -> None:
    ids = [str(await bury(counters)) for _ in range(5)]
    first = await desk.client.get("/dead-letters", params={"limit": 3}, headers=desk.staff())
    assert first.status_code == 200
    assert [item["id"] for item in first.json()["items"]] == ids[:3]
    assert 'rel="next"' in first.headers["Link"]
    rest = await desk.client.get(
        "/dead-letters", params={"limit": 3, "cursor": first.json()["next_cursor"]}, headers=desk.staff()
    )
    assert [item["id"] for item in rest.json()["items"]] == ids[3:]
    assert rest.json()["next_cursor"] is None
    shown = await desk.client.get(f"/dead-letters/{ids[0]}", headers=desk.staff())
    assert shown.json()["error"] == "RuntimeError: 坏"


async def test_replay_makes_the_key_due_and_is_audited(counters: Database, desk: Desk) -> None:
    letter_id = await bury(counters)
    answer = await desk.client.post(f"/dead-letters/{letter_id}/replay", headers=desk.staff(agency=ABOVE))
    assert answer.status_code == 200
    assert (answer.json()["decision"], answer.json()["decided_by"]) == ("replayed", "管理员甲")
    async with counters.read() as session:
        key = (await session.execute(select(parked_keys))).one()
        audit = (await session.execute(select(audit_entries))).one()
    assert key.attempts == 0
    assert key.retry_at is not None
    assert (audit.action, audit.subject, audit.agency_id) == ("dead_letter.replayed", letter_id, AGENCY)
    listed = await desk.client.get("/dead-letters", headers=desk.staff())
    assert listed.json()["items"] == []
    everything = await desk.client.get("/dead-letters", params={"decided": True}, headers=desk.staff())
    assert len(everything.json()["items"]) == 1


async def test_discard_frees_the_key_and_a_second_decision_is_a_conflict(counters: Database, desk: Desk) -> None:
    letter_id = await bury(counters)
    assert (
        await desk.client.post(f"/dead-letters/{letter_id}/discard", json=WHY, headers=desk.staff())
    ).status_code == 200
    again = await desk.client.post(f"/dead-letters/{letter_id}/replay", headers=desk.staff())
    assert again.status_code == 409
    assert again.json()["code"] == "dead_letter_decided"
    async with counters.read() as session:
        assert await session.scalar(select(func.count()).select_from(parked_keys)) == 0
        assert await session.scalar(select(func.count()).select_from(parked_events)) == 0


@pytest.mark.parametrize("action", ["replay", "discard"])
async def test_others_may_not(counters: Database, desk: Desk, action: str) -> None:
    letter_id = await bury(counters)
    path = f"/dead-letters/{letter_id}"
    for headers in (desk.staff(Role.CLERK), desk.staff(Role.SUPERVISOR), desk.staff(agency=ELSEWHERE)):
        assert (await desk.client.get(path, headers=headers)).status_code == 403
        assert (await desk.client.post(f"{path}/{action}", json=WHY, headers=headers)).status_code == 403
    assert (await desk.client.get("/dead-letters", headers=desk.staff(Role.CLERK))).status_code == 403
    assert (await desk.client.get("/dead-letters", headers=desk.staff(agency=ELSEWHERE))).json()["items"] == []
    assert (await desk.client.get("/dead-letters")).status_code == 401
    async with counters.read() as session:
        assert await session.scalar(select(dead_letters.c.decided_at)) is None


async def test_a_timers_letter_is_any_admins(counters: Database, desk: Desk) -> None:
    letter_id = await bury(counters, agency=None, kind="timer")
    headers = desk.staff(agency=ELSEWHERE)
    assert [i["id"] for i in (await desk.client.get("/dead-letters", headers=headers)).json()["items"]] == [
        str(letter_id)
    ]
    assert (await desk.client.post(f"/dead-letters/{letter_id}/discard", json=WHY, headers=headers)).status_code == 200


@pytest.mark.parametrize("kind", ["event", "outbox"])
async def test_an_event_whose_agency_nobody_can_read_is_for_who_administers_all(
    counters: Database, desk: Desk, kind: str
) -> None:
    path = f"/dead-letters/{await bury(counters, agency=None, kind=kind)}"
    for headers in (desk.staff(agency=ELSEWHERE), desk.staff(agency=ABOVE), desk.staff()):
        assert (await desk.client.get("/dead-letters", headers=headers)).json()["items"] == []
        assert (await desk.client.get(path, headers=headers)).status_code == 403
        assert (await desk.client.post(f"{path}/discard", json=WHY, headers=headers)).status_code == 403
        assert (await desk.client.post(f"{path}/replay", headers=headers)).status_code == 403
    everywhere = desk.staff(Role.ADMIN, ABOVE, ELSEWHERE)
    assert len((await desk.client.get("/dead-letters", headers=everywhere)).json()["items"]) == 1
    assert (await desk.client.post(f"{path}/replay", headers=everywhere)).status_code == 200


async def test_what_does_not_exist_is_not_found(desk: Desk) -> None:
    assert (await desk.client.get(f"/dead-letters/{uuid7()}", headers=desk.staff())).status_code == 404
    assert (await desk.client.post(f"/dead-letters/{uuid7()}/replay", headers=desk.staff())).status_code == 404
    assert (await desk.client.get("/dead-letters?cursor=zzz", headers=desk.staff())).status_code == 400


async def test_the_services_events_are_described_to_anyone(desk: Desk) -> None:
    answer = await desk.client.get("/asyncapi")
    assert answer.status_code == 200
    assert answer.json()["asyncapi"] == "3.0.0"
