"""Holiday notices: checked, previewed, versioned, told; due days follow."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from services.catalog.calendar.releases import note_release
from shared.auth import Role
from shared.db.spine import audit_entries
from shared.events.catalog import CalendarPublished, DocumentRedated
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.kit.releases import next_release
from tests.service.catalog.desk import clerk, move_to, ok, refused, signed

NOTICE: dict[str, Any] = {
    "agency_id": str(COUNTY),
    "year": 2027,
    "number": "国办发明电〔2026〕9号",
    "title": "国务院办公厅关于2027年部分节假日安排的通知",
    "issued": "2026-11-20",
    "holidays": [
        {"name": "元旦", "first": "2027-01-01", "last": "2027-01-03"},
        {"name": "春节", "first": "2027-02-05", "last": "2027-02-12"},
        {"name": "清明节", "first": "2027-04-05", "last": "2027-04-05"},
        {"name": "劳动节", "first": "2027-05-01", "last": "2027-05-02"},
        {"name": "端午节", "first": "2027-06-09", "last": "2027-06-09"},
        {"name": "中秋节", "first": "2027-09-15", "last": "2027-09-15"},
        {"name": "国庆节", "first": "2027-10-01", "last": "2027-10-07"},
    ],
    "make_up_days": ["2027-02-14", "2027-01-30"],
}


async def publish(
    service: ServiceUnderTest, agency: UUID = COUNTY, role: Role = Role.ADMIN, **changed: Any
) -> httpx.Response:
    headers = service.staff(role, agency) | new_key()
    return await service.client.post("/calendar-notices", json=NOTICE | changed, headers=headers)


async def test_a_notice_is_published_as_a_version_and_told(catalog: ServiceUnderTest) -> None:
    first = ok(await publish(catalog), 201)
    second = ok(await publish(catalog, number="国办发明电〔2027〕1号", make_up_days=["2027-02-14"]), 201)

    assert (first["version"], second["version"]) == (1, 2)
    assert first["make_up_days"] == ["2027-01-30", "2027-02-14"]
    events = await catalog.emitted(CalendarPublished)
    assert events[0].subject == events[1].subject
    assert date(2027, 1, 3) in events[0].data.holidays
    assert ok(await catalog.client.get(f"/calendar-notices/{first['id']}"))["holidays"][1]["name"] == "春节"
    listed = ok(await catalog.client.get("/calendar-notices", params={"year": 2027}))
    assert [item["version"] for item in listed["items"]] == [2, 1]


async def test_a_preview_names_the_days_that_move_and_writes_nothing(catalog: ServiceUnderTest) -> None:
    preview = ok(
        await catalog.client.post("/calendar-notices/preview", json=NOTICE, headers=catalog.staff(Role.ADMIN, COUNTY))
    )

    moved = {change["day"]: change["after"] for change in preview["days"] if change["moves_deadlines"]}
    assert moved["2027-01-30"] == "make_up_day"
    assert moved["2027-02-10"] == "holiday"
    assert preview["last_published_year_after"] == 2027
    assert ok(await catalog.client.get("/calendar-notices"))["items"] == []
    refused(await catalog.client.post("/calendar-notices/preview", json=NOTICE), 401, "unauthenticated")
    wrong = NOTICE | {"make_up_days": ["2027-02-15"]}
    answer = await catalog.client.post(
        "/calendar-notices/preview", json=wrong, headers=catalog.staff(Role.ADMIN, COUNTY)
    )
    refused(answer, 422, "invalid_calendar_notice")


async def test_what_contradicts_itself_or_changes_nothing_is_refused(catalog: ServiceUnderTest) -> None:
    twice = [*NOTICE["holidays"], {"name": "元旦", "first": "2027-01-02", "last": "2027-01-02"}]
    for wrong in (
        {"holidays": [{"name": "反", "first": "2027-02-05", "last": "2027-02-01"}]},
        {"holidays": [{"name": "外", "first": "2028-02-05", "last": "2028-02-06"}]},
        {"holidays": twice},
        {"make_up_days": ["2027-02-06"]},
        {"local": True},
    ):
        refused(await publish(catalog, **wrong), 422, "invalid_calendar_notice")
    refused(await publish(catalog, year=1999), 422, "validation_failed")
    gap = {
        "year": 2028,
        "holidays": [{"name": "元旦", "first": "2028-01-01", "last": "2028-01-01"}],
        "make_up_days": [],
    }
    refused(await publish(catalog, **gap), 422, "invalid_calendar_notice")
    ok(await publish(catalog), 201)
    refused(await publish(catalog), 409, "calendar_notice_unchanged")
    packaged = {
        "year": 2025,
        "holidays": [
            {"name": "元旦", "first": "2025-01-01", "last": "2025-01-01"},
            {"name": "春节", "first": "2025-01-28", "last": "2025-02-04"},
            {"name": "清明节", "first": "2025-04-04", "last": "2025-04-06"},
            {"name": "劳动节", "first": "2025-05-01", "last": "2025-05-05"},
            {"name": "端午节", "first": "2025-05-31", "last": "2025-06-02"},
            {"name": "国庆节", "first": "2025-10-01", "last": "2025-10-08"},
        ],
        "make_up_days": ["2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"],
    }
    refused(await publish(catalog, **packaged), 409, "calendar_notice_unchanged")


async def test_the_day_of_issue_has_come_and_can_be_set_right(catalog: ServiceUnderTest) -> None:
    """A paper of the future would be cited by no day at all."""
    await move_to(catalog, date(2026, 11, 25))
    ok(await publish(catalog, issued="2026-11-25"), 201)
    refusal = await publish(catalog, issued="2026-11-26")
    refused(refusal, 422, "invalid_calendar_notice")
    assert "2026-11-26 晚于今天" in refusal.json()["detail"]
    issued = ok(await publish(catalog, issued="2026-11-24"), 201)
    title = ok(await publish(catalog, issued="2026-11-24", title="关于2027年部分节假日安排的通知"), 201)
    assert (issued["version"], title["version"]) == (2, 3)
    refused(await publish(catalog, issued="2026-11-24", title=title["title"]), 409, "calendar_notice_unchanged")


async def test_a_statutory_holiday_left_out_needs_a_reason(catalog: ServiceUnderTest) -> None:
    """Half a paper typed in would make working days of holidays, and every date behind them certain and wrong."""
    admin = catalog.staff(Role.ADMIN, COUNTY)
    kept = [holiday for holiday in NOTICE["holidays"] if holiday["name"] not in ("国庆节", "春节")]
    half = [*kept, {"name": "春节", "first": "2027-02-06", "last": "2027-02-12"}]
    preview = ok(
        await catalog.client.post("/calendar-notices/preview", json=NOTICE | {"holidays": half}, headers=admin)
    )
    october = ["2027-10-01", "2027-10-02", "2027-10-03"]
    assert preview["missing"] == [
        {"name": "春节", "days": ["2027-02-05"]},
        {"name": "国庆节", "days": october},
    ]
    refusal = await publish(catalog, holidays=half)
    refused(refusal, 422, "statutory_holiday_missing")
    assert "国庆节（2027-10-01、" in refusal.json()["detail"]
    assert ok(await catalog.client.get("/calendar-notices"))["items"] == []
    ok(await publish(catalog, holidays=half, accept_missing="国务院决定当年不放假。"), 201)
    async with catalog.deps.db.read() as session:
        wanted = select(audit_entries.c.details).where(audit_entries.c.action == "calendar.published")
        told = json.loads((await session.execute(wanted)).scalar_one())
    assert (told["missing"], told["accept_missing"]) == (["春节", "国庆节"], "国务院决定当年不放假。")


async def test_a_new_version_of_a_packaged_year_names_every_holiday_too(catalog: ServiceUnderTest) -> None:
    year = {"year": 2026, "holidays": [{"name": "元旦", "first": "2026-01-01", "last": "2026-01-03"}]}
    refusal = await publish(catalog, **year, make_up_days=[])
    refused(refusal, 422, "statutory_holiday_missing")
    assert all(name in refusal.json()["detail"] for name in ("春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节"))
    assert "元旦" not in refusal.json()["detail"]


async def test_a_preview_is_for_those_who_may_publish(catalog: ServiceUnderTest) -> None:
    async def preview(headers: dict[str, str], **changed: Any) -> int:
        response = await catalog.client.post("/calendar-notices/preview", json=NOTICE | changed, headers=headers)
        return response.status_code

    assert await preview(catalog.staff(Role.CLERK, COUNTY)) == 403
    assert await preview(catalog.staff(Role.ADMIN, BUREAU)) == 403
    assert await preview(catalog.staff(Role.ADMIN, BUREAU), agency_id=str(BUREAU)) == 403, "not a root"
    assert await preview(catalog.staff(Role.ADMIN, COUNTY)) == 200


async def test_the_national_calendar_belongs_to_a_roots_administrator(catalog: ServiceUnderTest) -> None:
    refused(await publish(catalog, role=Role.CLERK), 403, "forbidden")
    refused(await publish(catalog, agency=OTHER_COUNTY), 403, "forbidden")
    refused(await publish(catalog, agency=BUREAU, agency_id=str(BUREAU)), 403, "forbidden")
    local = {
        "agency_id": str(BUREAU),
        "local": True,
        "holidays": [{"name": "开斋节", "first": "2027-03-10", "last": "2027-03-10"}],
        "make_up_days": [],
    }
    notice = ok(await publish(catalog, agency=BUREAU, **local), 201)
    assert (notice["local_agency_id"], notice["version"]) == (str(BUREAU), 1)
    unknown = await catalog.client.get("/calendar-notices/0191d000-0000-7000-8000-00000000ffff")
    refused(unknown, 404, "not_found")


def local_paper(agency: UUID, *days: str, number: str = "县1号") -> dict[str, Any]:
    holidays = [{"name": "民族节日", "first": day, "last": day} for day in days]
    return {"agency_id": str(agency), "local": True, "number": number, "holidays": holidays, "make_up_days": []}


async def test_a_local_preview_is_the_calendar_that_publishing_makes(catalog: ServiceUnderTest) -> None:
    """The days of the agencies above stay; those of the same agency's paper before it give way."""
    ok(await publish(catalog, **local_paper(COUNTY, "2027-06-17")), 201)
    asked = {"first": "2027-06-17", "last": "2027-07-15", "agency_id": str(BUREAU)}
    for day, number in (("2027-07-15", "局1号"), ("2027-07-14", "局2号")):
        paper = local_paper(BUREAU, day, number=number)
        staff = catalog.staff(Role.ADMIN, BUREAU)
        told = ok(await catalog.client.post("/calendar-notices/preview", json=NOTICE | paper, headers=staff))
        assert {change["day"]: change["after"] for change in told["days"]}[day] == "holiday"
        assert "2027-06-17" not in {change["day"] for change in told["days"]}
        ok(await publish(catalog, agency=BUREAU, **paper, accept_missing="改期。"), 201)
        after = ok(await catalog.client.get("/calendar", params=asked))
        assert after["calendar_version"] == told["calendar_version_after"]
    kinds = {each["on"]: each["kind"] for each in after["days"]}
    found = [kinds[day] for day in ("2027-06-17", "2027-07-14", "2027-07-15")]
    assert found == ["holiday", "holiday", "working_day"]


async def test_a_second_local_paper_that_drops_a_day_needs_a_reason(catalog: ServiceUnderTest) -> None:
    ok(await publish(catalog, **local_paper(COUNTY, "2027-06-17")), 201)
    second = local_paper(COUNTY, "2027-07-15", number="县2号")
    admin = catalog.staff(Role.ADMIN, COUNTY)
    told = ok(await catalog.client.post("/calendar-notices/preview", json=NOTICE | second, headers=admin))
    assert told["missing"] == [{"name": "已公布的地方假日", "days": ["2027-06-17"]}]
    refused(await publish(catalog, **second), 422, "local_holiday_dropped")
    ok(await publish(catalog, **local_paper(COUNTY, "2027-06-17", "2027-07-15", number="县2号")), 201)
    ok(await publish(catalog, **second, accept_missing="该节日改期。"), 201)


async def test_a_notice_redates_signed_documents_and_ends_their_provisional_state(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 12, 10))
    document = await signed(catalog)
    assert document["due_provisional"] is True
    assert "document_overdue" not in await catalog.open_timers(UUID(document["id"]))

    ok(await publish(catalog), 201)
    assert "calendar_redate_documents" in await catalog.fire_due_timers()

    path = f"/workbench/documents/{document['id']}"
    after = ok(await catalog.client.get(path, headers=clerk(catalog)))
    assert after["due_provisional"] is False
    assert after["due_on"] == "2027-01-08"
    assert "document_overdue" in await catalog.open_timers(UUID(document["id"]))
    assert "document.redated" in await catalog.audited(UUID(document["id"]))
    (told,) = [envelope.data for envelope in await catalog.emitted(DocumentRedated)]
    assert isinstance(told, DocumentRedated)
    assert (told.due_on_before, told.due_on) == (date.fromisoformat(document["due_on"]), date(2027, 1, 8))
    assert (told.provisional, told.agency_name) == (False, "青山县应急管理局")
    gauges = await catalog.gauges()
    assert gauges["calendar_coverage_days"] == (date(2027, 12, 28) - date(2026, 12, 10)).days


async def test_readiness_says_when_the_calendar_has_run_out(catalog: ServiceUnderTest) -> None:
    ready = (await catalog.client.get("http://service.test/readyz")).json()
    assert ready["checks"]["calendar"]["status"] == "ok"
    await catalog.shift_clock(timedelta(days=400))
    ready = (await catalog.client.get("http://service.test/readyz")).json()
    assert ready["checks"]["calendar"]["status"] == "degraded"


async def test_a_year_that_arrives_with_a_release_redates_signed_documents(
    catalog: ServiceUnderTest, tmp_path: Path
) -> None:
    await move_to(catalog, date(2026, 12, 10))
    await note_release(catalog.deps.db)
    document = await signed(catalog)
    with next_release(tmp_path) as upgrade:
        upgrade()
        await note_release(catalog.deps.db)
        assert "calendar_redate_documents" in await catalog.fire_due_timers()
        await note_release(catalog.deps.db)
        assert "calendar_redate_documents" not in await catalog.fire_due_timers()
    path = f"/workbench/documents/{document['id']}"
    after = ok(await catalog.client.get(path, headers=clerk(catalog)))
    assert (document["due_provisional"], after["due_provisional"]) == (True, False)
    assert after["due_on"] > document["due_on"]
