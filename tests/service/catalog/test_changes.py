"""Corrections and withdrawals of public documents."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from services.catalog.documents.rules import ReviewItem
from shared.auth import Role
from shared.events.catalog import DocumentCorrected, DocumentWithdrawn
from tests.kit.apps import BUREAU, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.catalog.desk import CLEAR, act, approver, clerk, draft, match, ok, published, refused, reviewer

NEW_TEXT = {"body": "各乡镇人民政府：\n第二条改为：每日十八时前报送。", "reason": "第二条时间有误。"}


async def propose(service: ServiceUnderTest, document: dict[str, Any], **changed: Any) -> httpx.Response:
    return await service.client.post(
        f"/documents/{document['id']}/corrections",
        json=NEW_TEXT | changed,
        headers=clerk(service) | match(document) | new_key(),
    )


async def decide(
    service: ServiceUnderTest, document: dict[str, Any], decision: str, who: dict[str, str], body: dict[str, Any]
) -> httpx.Response:
    correction = document["corrections"][-1]["id"]
    path = f"/documents/{document['id']}/corrections/{correction}/{decision}"
    return await service.client.post(path, json=body, headers=who | match(document))


async def test_a_correction_changes_nothing_until_another_approves_it(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)
    old_text = document["body"]
    document = ok(await propose(catalog, document), 201)
    assert ok(await catalog.client.get(f"/documents/{document['id']}"))["body"] == old_text

    own = catalog.staff(Role.REVIEWER, BUREAU, subject="clerk-1")
    refused(await decide(catalog, document, "approval", own, CLEAR), 403, "same_person")
    document = ok(await decide(catalog, document, "approval", reviewer(catalog), CLEAR))

    shown = ok(await catalog.client.get(f"/documents/{document['id']}"))
    assert (shown["body"], shown["revision"]) == (NEW_TEXT["body"], 2)
    assert document["corrections"][0]["decision"] == "applied"
    (event,) = await catalog.emitted(DocumentCorrected)
    assert event.data.reason == "第二条时间有误。"
    found = ok(await catalog.client.get("/search", params={"q": "每日十八时前"}))
    assert [hit["document"]["id"] for hit in found["items"]] == [document["id"]]
    assert ok(await catalog.client.get("/search", params={"q": "加强值守"}))["items"] == []


async def test_a_refused_correction_leaves_the_text_and_may_be_followed_by_another(catalog: ServiceUnderTest) -> None:
    document = ok(await propose(catalog, await published(catalog)), 201)
    refused(await propose(catalog, document), 409, "correction_pending")
    document = ok(await decide(catalog, document, "refusal", approver(catalog), {"note": "原文无误。"}))
    assert document["corrections"][0]["decision"] == "refused"
    refused(await decide(catalog, document, "approval", reviewer(catalog), CLEAR), 409, "correction_already_decided")
    assert await catalog.emitted(DocumentCorrected) == []
    ok(await propose(catalog, document), 201)


async def test_a_correction_with_a_concern_is_not_published(catalog: ServiceUnderTest) -> None:
    document = ok(await propose(catalog, await published(catalog)), 201)
    items = [{"item": i.value, "clear": i is not ReviewItem.STATE_SECRET, "note": "涉密。"} for i in ReviewItem]
    answer = await decide(catalog, document, "approval", reviewer(catalog), {"items": items})
    refused(answer, 409, "not_publicly_disclosable")


async def test_what_cannot_be_corrected(catalog: ServiceUnderTest) -> None:
    refused(await propose(catalog, await draft(catalog)), 409, "document_state")
    document = await published(catalog, document_number=None)
    refused(await propose(catalog, document, body=None), 422, "validation_failed")
    missing = f"/documents/{document['id']}/corrections/{uuid4()}/refusal"
    answer = await catalog.client.post(missing, json={"note": "无。"}, headers=reviewer(catalog) | match(document))
    refused(answer, 404, "not_found")
    elsewhere = clerk(catalog, OTHER_COUNTY) | match(document) | new_key()
    path = f"/documents/{document['id']}/corrections"
    refused(await catalog.client.post(path, json=NEW_TEXT, headers=elsewhere), 403, "forbidden")
    unkeyed = clerk(catalog) | match(document)
    refused(await catalog.client.post(path, json=NEW_TEXT, headers=unkeyed), 400, "idempotency_key_missing")


async def test_a_withdrawn_document_is_gone_everywhere(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)
    reason = {"reason": "误将内部稿发布。"}
    refused(await act(catalog, document, "withdrawal", clerk(catalog), reason), 403, "forbidden")
    document = ok(await act(catalog, document, "withdrawal", approver(catalog), reason))

    assert document["withdrawal_reason"] == "误将内部稿发布。"
    page = await catalog.client.get(f"/documents/{document['id']}/page")
    assert (page.status_code, "已撤回" in page.text, document["title"] in page.text) == (410, True, False)
    for path in ("", "/meta-tags"):
        refused(await catalog.client.get(f"/documents/{document['id']}{path}"), 410, "document_withdrawn")
    assert ok(await catalog.client.get("/documents"))["items"] == []
    found = ok(await catalog.client.get("/search", params={"q": "汛期"}))
    assert (found["items"], found["by_number"]) == ([], [])
    (event,) = await catalog.emitted(DocumentWithdrawn)
    assert event.subject == UUID(document["id"])
    refused(await act(catalog, document, "withdrawal", approver(catalog), reason), 409, "document_state")
