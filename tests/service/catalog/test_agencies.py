"""The agency tree: what may change, who may change it, and what the other services are told."""

from typing import Any
from uuid import UUID, uuid4

from shared.auth import Role
from shared.events.catalog import AgencyUpserted
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.catalog.desk import clerk, match, ok, refused

NEW: dict[str, Any] = {
    "code": "11500114YL0000099A",
    "name": "青山县数据局",
    "parent_id": str(COUNTY),
    "level": "county",
    "kind": "department",
}


def admin(service: ServiceUnderTest, agency: UUID = COUNTY) -> dict[str, str]:
    return service.staff(Role.ADMIN, agency)


def changed(agency: dict[str, Any], **fields: Any) -> dict[str, Any]:
    kept = ("name", "parent_id", "level", "kind", "locality", "active")
    return {key: agency[key] for key in kept} | fields


async def test_a_new_agency_is_public_replicated_and_told(catalog: ServiceUnderTest) -> None:
    headers = admin(catalog) | new_key()
    answer = await catalog.client.post("/agencies", json=NEW, headers=headers)
    agency = ok(answer, 201)

    assert answer.headers["etag"] == '"1"'
    assert "校验位" in agency["warning"]
    assert ok(await catalog.client.get(f"/agencies/{agency['id']}"))["name"] == "青山县数据局"
    event = (await catalog.emitted(AgencyUpserted))[-1]
    assert (event.subject, event.data.parent_id) == (UUID(agency["id"]), COUNTY)
    clerk_there = clerk(catalog, UUID(agency["id"]))
    assert ok(await catalog.client.get("/workbench/documents", headers=clerk_there))["items"] == []
    again = await catalog.client.post("/agencies", json=NEW, headers=headers)
    assert again.content == answer.content


async def test_who_may_not_and_what_may_not_be_added(catalog: ServiceUnderTest) -> None:
    post = catalog.client.post
    refused(await post("/agencies", json=NEW, headers=new_key()), 401, "unauthenticated")
    refused(await post("/agencies", json=NEW, headers=clerk(catalog, COUNTY) | new_key()), 403, "forbidden")
    refused(await post("/agencies", json=NEW, headers=admin(catalog, OTHER_COUNTY) | new_key()), 403, "forbidden")
    root = NEW | {"parent_id": None}
    refused(await post("/agencies", json=root, headers=admin(catalog, BUREAU) | new_key()), 403, "forbidden")
    ok(await post("/agencies", json=root, headers=admin(catalog) | new_key()), 201)
    refused(await post("/agencies", json=NEW, headers=admin(catalog) | new_key()), 409, "agency_code_taken")
    lost = NEW | {"code": "99999999X", "parent_id": str(uuid4())}
    refused(await post("/agencies", json=lost, headers=admin(catalog) | new_key()), 403, "forbidden")
    wrong = NEW | {"code": "小写"}
    refused(await post("/agencies", json=wrong, headers=admin(catalog) | new_key()), 422, "validation_failed")


async def test_an_agency_is_renamed_moved_and_closed(catalog: ServiceUnderTest) -> None:
    bureau = ok(await catalog.client.get(f"/agencies/{BUREAU}"))
    path = f"/agencies/{BUREAU}"
    put = catalog.client.put

    renamed = await put(path, json=changed(bureau, name="青山县应急局"), headers=admin(catalog) | match(bureau))
    assert ok(renamed)["version"] == 2
    stale = await put(path, json=changed(bureau), headers=admin(catalog) | match(bureau))
    refused(stale, 412, "version_mismatch")
    refused(await put(path, json=changed(bureau), headers=admin(catalog)), 428, "if_match_missing")
    elsewhere = changed(bureau, parent_id=str(OTHER_COUNTY))
    refused(await put(path, json=elsewhere, headers=admin(catalog) | match(ok(renamed))), 403, "forbidden")
    refused(
        await put(f"/agencies/{uuid4()}", json=changed(bureau), headers=admin(catalog) | match(bureau)),
        404,
        "not_found",
    )
    closed = await put(path, json=changed(bureau, active=False), headers=admin(catalog) | match(ok(renamed)))
    assert ok(closed)["active"] is False
    below = NEW | {"parent_id": str(BUREAU)}
    answer = await catalog.client.post("/agencies", json=below, headers=admin(catalog) | new_key())
    refused(answer, 409, "parent_agency_inactive")


async def test_no_agency_below_itself(catalog: ServiceUnderTest) -> None:
    county = ok(await catalog.client.get(f"/agencies/{COUNTY}"))
    loop = changed(county, parent_id=str(BUREAU))
    answer = await catalog.client.put(f"/agencies/{COUNTY}", json=loop, headers=admin(catalog) | match(county))
    refused(answer, 409, "agency_tree_loop")


async def test_lists_are_paged_and_filtered(catalog: ServiceUnderTest) -> None:
    first = await catalog.client.get("/agencies", params={"limit": 2})
    page = ok(first)
    assert len(page["items"]) == 2
    assert 'rel="next"' in first.headers["link"]
    rest = ok(await catalog.client.get("/agencies", params={"limit": 2, "cursor": page["next_cursor"]}))
    assert len(rest["items"]) == 1
    assert rest["next_cursor"] is None
    below = ok(await catalog.client.get("/agencies", params={"parent_id": str(COUNTY)}))
    assert [item["id"] for item in below["items"]] == [str(BUREAU)]
    code = ok(await catalog.client.get("/agencies", params={"code": "11500000009275780A"}))
    assert [item["id"] for item in code["items"]] == [str(COUNTY)]
    refused(await catalog.client.get("/agencies", params={"cursor": "bm9uc2Vuc2U"}), 400, "bad_cursor")
    refused(await catalog.client.get("/agencies", params={"limit": 0}), 400, "invalid_parameters")
    refused(await catalog.client.get(f"/agencies/{uuid4()}"), 404, "not_found")


async def test_agencies_are_found_by_a_part_of_their_name(catalog: ServiceUnderTest) -> None:
    ok(await catalog.client.post("/agencies", json=NEW, headers=admin(catalog) | new_key()), 201)
    percent = NEW | {"code": "11500114YL0000098A", "name": "100%_ABC局"}
    ok(await catalog.client.post("/agencies", json=percent, headers=admin(catalog) | new_key()), 201)

    async def named(part: str, **more: str) -> list[str]:
        page = ok(await catalog.client.get("/agencies", params={"name": part} | more))
        return [agency["name"] for agency in page["items"]]

    assert await named("数据") == ["青山县数据局"]
    assert await named(" 数据 ", level="city") == []
    assert await named("青山县", parent_id=str(COUNTY)) == ["青山县应急管理局", "青山县数据局"]
    assert await named("%") == await named("_abc") == ["100%_ABC局"]
    assert await named("没有") == []
    refused(await catalog.client.get("/agencies", params={"name": " "}), 400, "invalid_parameters")
