"""A document's way from draft to publication, and who may not take which step."""

import asyncio
from datetime import date, timedelta
from uuid import uuid4

from services.catalog.documents.rules import ReviewItem
from shared.auth import Role
from shared.calendar import national
from shared.events.catalog import DocumentDueSoon, DocumentOverdue, DocumentPublished
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.catalog.desk import (
    CLEAR,
    DRAFT,
    act,
    approver,
    clerk,
    draft,
    match,
    move_to,
    ok,
    published,
    refused,
    reviewed,
    reviewer,
    signed,
    submitted,
)


async def test_a_document_becomes_public_with_its_number_events_and_page(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)

    year = document["published_on"][:4]
    assert document["state"] == "published"
    assert document["index_number"] == f"11500000MB1670257B/{year}-00001"
    assert document["formed_on"] == document["published_on"]
    shown = ok(await catalog.client.get(f"/documents/{document['id']}"))
    assert shown["body"] == DRAFT["body"]
    assert shown["content_source"] == "青山县应急管理局"
    page = await catalog.client.get(f"/documents/{document['id']}/page")
    assert page.status_code == 200
    assert '<meta name="ArticleTitle" content="青山县应急管理局关于做好汛期安全工作的通知">' in page.text
    (event,) = await catalog.emitted(DocumentPublished)
    assert event.data.index_number == document["index_number"]
    assert str(event.data.document_id) == document["id"]
    listed = ok(await catalog.client.get("/documents", params={"document_number": "青应急[2026]7号"}))
    assert [item["id"] for item in listed["items"]] == [document["id"]]
    assert await catalog.audited(event.data.document_id) == [
        "document.drafted",
        "document.submitted",
        "document.reviewed",
        "document.signed",
        "document.published",
    ]


async def test_what_is_not_public_yet_does_not_exist_for_the_public(catalog: ServiceUnderTest) -> None:
    document = await signed(catalog)

    page = await catalog.client.get(f"/documents/{document['id']}/page")
    assert (page.status_code, document["title"] in page.text) == (404, False)
    for path in ("", "/meta-tags"):
        refused(await catalog.client.get(f"/documents/{document['id']}{path}"), 404, "not_found")
    assert ok(await catalog.client.get("/documents"))["items"] == []
    refused(await catalog.client.get(f"/documents/{uuid4()}"), 404, "not_found")
    refused(await catalog.client.get("/documents/not-an-id"), 404, "not_found")


async def test_meta_tags_are_those_of_a_government_website(catalog: ServiceUnderTest) -> None:
    document = await published(catalog, title='关于"引号"<标签>的通知', document_number=None)

    body = ok(await catalog.client.get(f"/documents/{document['id']}/meta-tags"))
    tags = body["tags"]
    assert tags["ArticleTitle"] == '关于"引号"<标签>的通知'
    assert tags["PubDate"][:10] == document["published_on"]
    assert len(tags["PubDate"]) == len("2026-11-20 09:30")
    assert tags["ContentSource"] == "青山县应急管理局"
    assert "&lt;标签&gt;" in body["html"]


async def test_the_limit_is_20_working_days_after_the_day_of_signing(catalog: ServiceUnderTest) -> None:
    document = await signed(catalog)

    formed = date.fromisoformat(document["formed_on"])
    due = national().add_working_days(formed, 20)
    assert document["due_on"] == due.isoformat()
    assert document["due_provisional"] is national().is_provisional(due)
    assert "第二十六条" in document["due_citation"]


async def test_a_document_that_is_due_is_told_and_judged_overdue_once(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 1))
    document = await signed(catalog, {"formed_on": "2026-05-20"})
    overdue = {"overdue": "true"}

    assert document["due_on"] == "2026-06-17"
    assert document["due_provisional"] is False
    assert await catalog.fire_due_timers() == []
    await catalog.shift_clock(timedelta(days=13))
    assert await catalog.fire_due_timers() == ["document_due_soon"]
    assert ok(await catalog.client.get("/workbench/documents", params=overdue, headers=clerk(catalog)))["items"] == []
    await catalog.shift_clock(timedelta(days=5))
    assert await catalog.fire_due_timers() == ["document_overdue"]
    listed = ok(await catalog.client.get("/workbench/documents", params=overdue, headers=clerk(catalog)))
    assert [item["id"] for item in listed["items"]] == [document["id"]]
    assert len(await catalog.emitted(DocumentDueSoon)) == 1
    assert len(await catalog.emitted(DocumentOverdue)) == 1


async def test_publication_ends_the_reminders(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)

    await catalog.shift_clock(timedelta(days=60))
    assert await catalog.fire_due_timers() == []
    assert document["state_label"] == "已发布"


async def test_a_draft_without_attribute_is_returned_for_it(catalog: ServiceUnderTest) -> None:
    document = await submitted(catalog, attribute=None)

    refused(await act(catalog, document, "review", reviewer(catalog), CLEAR), 409, "disclosure_attribute_missing")
    wrong = {"reason": "reason_missing", "note": "请说明理由。"}
    refused(await act(catalog, document, "return", reviewer(catalog), wrong), 409, "return_reason_unfounded")
    right = {"reason": "attribute_missing", "note": "请标明公开属性。"}
    document = ok(await act(catalog, document, "return", reviewer(catalog), right))
    assert (document["state"], document["return_reason"]) == ("returned", "attribute_missing")

    edited = await catalog.client.put(
        f"/documents/{document['id']}",
        json={key: value for key, value in DRAFT.items() if key != "agency_id"},
        headers=clerk(catalog) | match(document),
    )
    document = ok(await act(catalog, ok(edited), "submission", clerk(catalog)))
    assert ok(await act(catalog, document, "review", reviewer(catalog), CLEAR))["state"] == "reviewed"


async def test_not_public_needs_a_reason_and_a_lawful_ground(catalog: ServiceUnderTest) -> None:
    document = await submitted(catalog, attribute="not_public")
    refused(await act(catalog, document, "review", reviewer(catalog), CLEAR), 409, "non_disclosure_reason_missing")
    returned = {"reason": "reason_missing", "note": "请依法说明不公开理由。"}
    assert ok(await act(catalog, document, "return", reviewer(catalog), returned))["state"] == "returned"

    kept = await signed(
        catalog, attribute="not_public", ground="process", reason="属于讨论记录、过程稿。", document_number=None
    )
    assert kept["due_on"] is None
    refused(await act(catalog, kept, "publication", clerk(catalog)), 409, "not_publicly_disclosable")


async def test_a_concern_returns_what_was_to_be_published(catalog: ServiceUnderTest) -> None:
    document = await submitted(catalog)
    items = [
        {"item": item.value, "clear": item is not ReviewItem.PRIVACY, "note": "第三段含个人信息。"}
        for item in ReviewItem
    ]

    document = ok(await act(catalog, document, "review", reviewer(catalog), {"items": items}))

    assert (document["state"], document["return_reason"]) == ("returned", "secrecy_concern")
    assert document["return_note"] == "第三段含个人信息。"
    assert len(document["reviews"]) == len(ReviewItem)
    assert sum(not entry["clear"] for entry in document["reviews"]) == 1


async def test_a_review_is_whole_or_refused(catalog: ServiceUnderTest) -> None:
    document = await submitted(catalog)
    some = {"items": CLEAR["items"][:3]}
    problem = refused(await act(catalog, document, "review", reviewer(catalog), some), 422, "secrecy_review_incomplete")
    assert len(problem["missing"]) == 3
    twice = {"items": [*CLEAR["items"][:5], CLEAR["items"][0]]}
    refused(await act(catalog, document, "review", reviewer(catalog), twice), 422, "validation_failed")
    silent = {"items": [*CLEAR["items"][:5], {"item": CLEAR["items"][5]["item"], "clear": False}]}
    answer = await act(catalog, document, "review", reviewer(catalog), silent)
    refused(answer, 422, "secrecy_review_note_missing")


async def test_one_person_does_not_draft_and_review_and_sign(catalog: ServiceUnderTest) -> None:
    document = await submitted(catalog)
    drafter_reviews = catalog.staff(Role.REVIEWER, BUREAU, subject="clerk-1")
    refused(await act(catalog, document, "review", drafter_reviews, CLEAR), 403, "same_person")
    document = ok(await act(catalog, document, "review", reviewer(catalog), CLEAR))
    drafter_signs = catalog.staff(Role.APPROVER, BUREAU, subject="clerk-1")
    refused(await act(catalog, document, "sign-off", drafter_signs, {}), 403, "same_person")


async def test_roles_and_agencies_are_kept_apart(catalog: ServiceUnderTest) -> None:
    document = await submitted(catalog)

    refused(await act(catalog, document, "review", clerk(catalog), CLEAR), 403, "forbidden")
    refused(await act(catalog, document, "review", reviewer(catalog, OTHER_COUNTY), CLEAR), 403, "forbidden")
    path = f"/workbench/documents/{document['id']}"
    refused(await catalog.client.get(path, headers=clerk(catalog, OTHER_COUNTY)), 403, "forbidden")
    refused(await catalog.client.get(f"{path}/timeline", headers=clerk(catalog, OTHER_COUNTY)), 403, "forbidden")
    refused(await catalog.client.get(path), 401, "unauthenticated")
    other = ok(await catalog.client.get("/workbench/documents", headers=clerk(catalog, OTHER_COUNTY)))
    assert other["items"] == []
    above = ok(await catalog.client.get("/workbench/documents", headers=clerk(catalog, COUNTY)))
    assert [item["id"] for item in above["items"]] == [document["id"]]
    admin = await catalog.client.post("/documents", json=DRAFT, headers=catalog.staff(Role.ADMIN) | new_key())
    refused(admin, 403, "forbidden")
    timeline = ok(await catalog.client.get(f"{path}/timeline", headers=clerk(catalog)))
    assert [entry["action"] for entry in timeline["items"]] == ["document.drafted", "document.submitted"]


async def test_steps_out_of_order_are_conflicts(catalog: ServiceUnderTest) -> None:
    document = await draft(catalog)
    for action, who, body in (
        ("review", reviewer(catalog), CLEAR),
        ("sign-off", approver(catalog), {}),
        ("publication", clerk(catalog), None),
        ("withdrawal", approver(catalog), {"reason": "误发。"}),
        ("return", reviewer(catalog), {"reason": "secrecy_concern", "note": "见批注。"}),
    ):
        refused(await act(catalog, document, action, who, body), 409, "document_state")
    document = ok(await act(catalog, document, "submission", clerk(catalog)))
    refused(await act(catalog, document, "submission", clerk(catalog)), 409, "document_not_editable")


async def test_dates_do_not_lie_in_the_future_or_before_the_signing(catalog: ServiceUnderTest) -> None:
    document = await reviewed(catalog)
    tomorrow = ((await catalog.now()).date() + timedelta(days=2)).isoformat()
    for dates in (
        {"formed_on": tomorrow},
        {"formed_on": "2026-05-20", "printed_on": "2026-05-19"},
        {"formed_on": "2026-05-20", "printed_on": tomorrow},
    ):
        refused(await act(catalog, document, "sign-off", approver(catalog), dates), 422, "date_implausible")
    never = {"due_on": "2026-05-20"}
    refused(await act(catalog, document, "sign-off", approver(catalog), never), 422, "validation_failed")


async def test_preconditions_and_idempotency(catalog: ServiceUnderTest) -> None:
    document = await draft(catalog)
    path = f"/documents/{document['id']}/submission"
    refused(await catalog.client.post(path, headers=clerk(catalog)), 428, "if_match_missing")
    stale = {"If-Match": '"7"'}
    problem = refused(await catalog.client.post(path, headers=clerk(catalog) | stale), 412, "version_mismatch")
    assert problem["current_version"] == 1
    nowhere = f"/documents/{uuid4()}/submission"
    refused(await catalog.client.post(nowhere, headers=clerk(catalog) | match(document)), 404, "not_found")

    refused(await catalog.client.post("/documents", json=DRAFT, headers=clerk(catalog)), 400, "idempotency_key_missing")
    key = clerk(catalog) | new_key()
    body = DRAFT | {"document_number": "青应急〔2026〕8号"}
    first = await catalog.client.post("/documents", json=body, headers=key)
    again = await catalog.client.post("/documents", json=body, headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    other = await catalog.client.post("/documents", json=body | {"title": "另一件"}, headers=key)
    refused(other, 422, "idempotency_key_reused")


async def test_wrong_bodies_are_refused(catalog: ServiceUnderTest) -> None:
    for changed in (
        {"title": ""},
        {"title": "含\x00字符"},
        {"body": " \n "},
        {"attribute": "secret"},
        {"surprise": 1},
        {"agency_id": "x"},
    ):
        answer = await catalog.client.post("/documents", json=DRAFT | changed, headers=clerk(catalog) | new_key())
        refused(answer, 422, "validation_failed")
    unknown = await catalog.client.post(
        "/documents", json=DRAFT | {"agency_id": str(uuid4())}, headers=clerk(catalog) | new_key()
    )
    refused(unknown, 404, "not_found")


async def test_a_document_number_is_one_agencys_once(catalog: ServiceUnderTest) -> None:
    await draft(catalog)
    same = DRAFT | {"document_number": "青应急［２０２６］7号"}
    answer = await catalog.client.post("/documents", json=same, headers=clerk(catalog) | new_key())
    refused(answer, 409, "document_number_taken")


async def test_index_numbers_are_gap_free_under_concurrency(catalog: ServiceUnderTest) -> None:
    ready = [await signed(catalog, document_number=None) for _ in range(8)]
    agency_of_county = await signed_at_county(catalog)

    answers = await asyncio.gather(*(act(catalog, document, "publication", clerk(catalog)) for document in ready))
    numbers = sorted(ok(answer)["index_number"] for answer in answers)
    year = numbers[0].split("/")[1][:4]

    assert numbers == [f"11500000MB1670257B/{year}-{serial:05d}" for serial in range(1, 9)]
    county = ok(await act(catalog, agency_of_county, "publication", clerk(catalog, COUNTY)))
    assert county["index_number"] == f"11500000009275780A/{year}-00001"


async def signed_at_county(service: ServiceUnderTest) -> dict[str, object]:
    body = DRAFT | {"agency_id": str(COUNTY)}
    document = ok(await service.client.post("/documents", json=body, headers=clerk(service, COUNTY) | new_key()), 201)
    document = ok(await act(service, document, "submission", clerk(service, COUNTY)))
    document = ok(await act(service, document, "review", reviewer(service, COUNTY), CLEAR))
    return ok(await act(service, document, "sign-off", approver(service, COUNTY), {}))
