"""Who may do what: staff within the agency tree, services on internal routes, the public on public ones."""

from uuid import UUID

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import insert

from shared.auth import DevelopmentIssuer, Forbidden, Grant, Principal, Role, ServiceTokens
from shared.auth.dependencies import SERVICE_HEADER
from shared.auth.scope import require, visible
from shared.db.ids import uuid7
from shared.replicas.tables import agency_replica
from tests.kit.edge import ISSUER, EdgeService

CITY, DISTRICT, TOWN, OTHER = (uuid7() for _ in range(4))
KEY = {"Idempotency-Key": "k1"}


async def plant_tree(edge: EdgeService) -> None:
    parents = {CITY: None, DISTRICT: CITY, TOWN: DISTRICT, OTHER: None}
    rows = [
        {"id": agency, "code": f"c{n}", "name": f"机关{n}", "parent_id": parent, "level": "district", "active": True}
        for n, (agency, parent) in enumerate(parents.items())
    ]
    async with edge.parts.db.engine.begin() as connection:
        await connection.execute(insert(agency_replica), rows)


def clerk(*agencies: UUID, role: Role = Role.CLERK) -> Principal:
    return Principal("zs", "张三", tuple(Grant(role, agency) for agency in agencies))


async def test_a_grant_covers_its_agency_and_what_lies_below(edge: EdgeService) -> None:
    await plant_tree(edge)
    async with edge.parts.db.read() as session:
        for agency in (CITY, DISTRICT, TOWN):
            await require(session, clerk(CITY), [Role.CLERK], agency)
        await require(session, clerk(TOWN), [Role.REVIEWER, Role.CLERK], TOWN)
        for principal, agency in (
            (clerk(TOWN), DISTRICT),
            (clerk(CITY), OTHER),
            (clerk(), CITY),
            (clerk(CITY, role=Role.ADMIN), TOWN),
            (clerk(CITY), uuid7()),
        ):
            with pytest.raises(Forbidden, match="经办"):
                await require(session, principal, [Role.CLERK], agency)


async def test_what_a_principal_sees(edge: EdgeService) -> None:
    await plant_tree(edge)
    unknown = uuid7()
    async with edge.parts.db.read() as session:
        assert await visible(session, clerk(DISTRICT), [Role.CLERK]) == {DISTRICT, TOWN}
        assert await visible(session, clerk(TOWN, OTHER), [Role.CLERK]) == {TOWN, OTHER}
        assert await visible(session, clerk(unknown), [Role.CLERK]) == {unknown}
        assert await visible(session, clerk(CITY), [Role.APPROVER]) == frozenset()


async def test_a_damaged_tree_with_a_loop_ends(edge: EdgeService) -> None:
    await plant_tree(edge)
    async with edge.parts.db.engine.begin() as connection:
        await connection.execute(agency_replica.update().where(agency_replica.c.id == CITY).values(parent_id=TOWN))
    async with edge.parts.db.read() as session:
        assert await visible(session, clerk(TOWN), [Role.CLERK]) == {CITY, DISTRICT, TOWN}
        with pytest.raises(Forbidden):
            await require(session, clerk(OTHER), [Role.CLERK], TOWN)


async def test_another_agencys_clerk_is_refused(edge: EdgeService) -> None:
    await plant_tree(edge)
    body = {"text": "x", "agency_id": str(DISTRICT)}
    for grant, status in ((Grant(Role.CLERK, OTHER), 403), (Grant(Role.CLERK, CITY), 201)):
        answer = await edge.client.post("/staff-notes", json=body, headers=edge.token(grant) | KEY)
        assert answer.status_code == status
    assert await edge.count_notes() == 1


async def test_who_acts_is_who_the_token_names(edge: EdgeService) -> None:
    body = {"text": "x", "agency_id": str(CITY)}
    headers = edge.token(Grant(Role.CLERK, CITY), name="李四") | KEY
    assert (await edge.client.post("/staff-notes", json=body, headers=headers)).status_code == 201
    notes = (await edge.client.get("/notes")).json()["items"]
    assert [note["text"] for note in notes] == ["李四：x"]


async def test_a_bad_token_is_refused_also_where_none_is_needed(edge: EdgeService) -> None:
    forged = DevelopmentIssuer(env="test", url=ISSUER, key=ECKey.generate_key("P-256")).issue("zs", "张三", [])
    expired = edge.parts.issuer.issue("zs", "张三", [], lifetime_seconds=-120)
    for value in (f"Bearer {forged}", f"Bearer {expired}", "Bearer ", "Basic abc", "Bearer x"):
        for method, path in (("GET", "/who"), ("POST", "/notes")):
            body = {"text": "x", "agency_id": str(CITY)} if method == "POST" else None
            answer = await edge.client.request(method, path, json=body, headers=KEY | {"Authorization": value})
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert await edge.count_notes() == 0


async def test_internal_routes_open_to_services_only(edge: EdgeService) -> None:
    good = ServiceTokens("secret", "notify").issue("edge")
    answer = await edge.client.get("/internal/contacts", headers={SERVICE_HEADER: good})
    assert answer.json() == {"service": "notify", "actor": "系统（notify）"}
    elsewhere = ServiceTokens("secret", "notify").issue("catalog")
    for headers in ({}, {SERVICE_HEADER: elsewhere}, edge.token(Grant(Role.ADMIN, CITY))):
        assert (await edge.client.get("/internal/contacts", headers=headers)).status_code == 401
    assert (await edge.client.get("/who", headers={SERVICE_HEADER: good})).status_code == 401
