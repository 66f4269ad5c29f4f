"""The operator's routes of the keys that stand still: who may see and decide them."""

import json
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


async def park(db: Database, agency: str = str(AGENCY), waiting: int = 0) -> UUID:
    """Park a key whose head is of this agency; return the head's id."""
    head, key = uuid7(), str(uuid7())
    headers = json.dumps({"ce_type": "lantai.test.counter.counted.v1", "ce_agencyid": agency})
    place = {"topic": "test.counters", "key": key}
    row = {**place, "headers": headers, "body": b"{}"}
    async with db.write(SYSTEM) as uow:
        retry = {"attempts": 3, "error": "RuntimeError: 坏", "retry_at": func.clock_timestamp()}
        await uow.session.execute(insert(parked_keys).values(**place, **retry))
        for event_id in (head, *(uuid7() for _ in range(waiting))):
            await uow.session.execute(insert(parked_events).values(event_id=event_id, **row))
    return head


async def test_an_operator_lists_shows_and_pages(counters: Database, desk: Desk) -> None:
    heads = [str(await park(counters, waiting=2)) for _ in range(5)]
    await park(counters, str(ELSEWHERE))
    first = (await desk.client.get("/parked-keys", params={"limit": 3}, headers=desk.staff(agency=ABOVE))).json()
    assert [item["event_id"] for item in first["items"]] == heads[:3]
    assert {item["waiting"] for item in first["items"]} == {2}
    more = {"limit": 3, "cursor": first["next_cursor"]}
    rest = (await desk.client.get("/parked-keys", params=more, headers=desk.staff(agency=ABOVE))).json()
    assert [item["event_id"] for item in rest["items"]] == heads[3:]
    assert rest["next_cursor"] is None
    shown = (await desk.client.get(f"/parked-keys/{heads[0]}", headers=desk.staff())).json()
    assert (shown["error"], shown["attempts"], shown["type"]) == (
        "RuntimeError: 坏",
        3,
        "lantai.test.counter.counted.v1",
    )


async def test_retry_and_discard_are_audited(counters: Database, desk: Desk) -> None:
    retried, discarded = [await park(counters) for _ in range(2)]
    answer = await desk.client.post(f"/parked-keys/{retried}/retry", headers=desk.staff())
    assert (answer.status_code, answer.json()["event_id"]) == (200, str(retried))
    address = f"/parked-keys/{discarded}/discard"
    assert (await desk.client.post(address, json={"reason": ""}, headers=desk.staff())).status_code == 422
    assert (await desk.client.post(address, json=WHY, headers=desk.staff())).status_code == 204
    assert (await desk.client.post(address, json=WHY, headers=desk.staff())).status_code == 404
    async with counters.read() as session:
        entries = (await session.execute(select(audit_entries).order_by(audit_entries.c.id))).all()
        left = list((await session.scalars(select(parked_events.c.event_id))).all())
    assert [(e.action, e.actor_id, e.agency_id) for e in entries] == [
        ("parked_key.retried", "u-9", AGENCY),
        ("dead_letter.discarded", "u-9", AGENCY),
    ]
    assert json.loads(entries[1].details)["reason"] == WHY["reason"]
    assert left == [retried]


@pytest.mark.parametrize("agency", [str(AGENCY), "not-a-uuid", '"\\', "\0"])
async def test_others_may_not(counters: Database, desk: Desk, agency: str) -> None:
    path = f"/parked-keys/{await park(counters, agency)}"
    strangers = [desk.staff(Role.CLERK), desk.staff(agency=ELSEWHERE)]
    if agency != str(AGENCY):
        strangers += [desk.staff(), desk.staff(agency=ABOVE)]
    for headers in strangers:
        assert (await desk.client.get(path, headers=headers)).status_code == 403
        assert (await desk.client.post(f"{path}/retry", headers=headers)).status_code == 403
        assert (await desk.client.post(f"{path}/discard", json=WHY, headers=headers)).status_code == 403
    for headers in strangers[1:]:
        assert (await desk.client.get("/parked-keys", headers=headers)).json()["items"] == []
    assert (await desk.client.get("/parked-keys", headers=desk.staff(Role.CLERK))).status_code == 403
    assert (await desk.client.get("/parked-keys")).status_code == 401
    everywhere = desk.staff(Role.ADMIN, ABOVE, ELSEWHERE)
    assert len((await desk.client.get("/parked-keys", headers=everywhere)).json()["items"]) == 1
    assert (await desk.client.get(path, headers=everywhere)).status_code == 200
    async with counters.read() as session:
        assert await session.scalar(select(func.count()).select_from(dead_letters)) == 0


async def test_what_does_not_stand_is_not_found(desk: Desk) -> None:
    path = f"/parked-keys/{uuid7()}"
    assert (await desk.client.get(path, headers=desk.staff())).status_code == 404
    assert (await desk.client.post(f"{path}/retry", headers=desk.staff())).status_code == 404
    assert (await desk.client.post(f"{path}/discard", json=WHY, headers=desk.staff())).status_code == 404
    assert (await desk.client.get("/parked-keys?cursor=zzz", headers=desk.staff())).status_code == 400
