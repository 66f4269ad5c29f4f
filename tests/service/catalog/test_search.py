"""Search finds every document that holds the text, and no other."""

import random
import re
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.catalog.documents.commands import Content
from services.catalog.documents.imported import PublicDocument, import_document
from services.catalog.documents.models import Document
from services.catalog.search.commands import index_document
from services.catalog.search.queries import Search, Sort, search
from services.catalog.search.rules import fold
from shared.db.ids import uuid7
from shared.events.catalog import DisclosureAttribute
from tests.kit.apps import BUREAU, COUNTY, ServiceUnderTest
from tests.service.catalog.desk import draft, ok, published, refused

WORDS = re.findall(
    r"\S+",
    """
    低保 医保 政务 公开 财政 预算 决算 食品 安全 抽检 教育 招生 环境 空气 质量 扶贫 脱贫 土地 征收 房屋 补偿
    〔2026〕 ABC ａｂｃ 12345 就业 创业 审计 整改 信息 目录 指南 年度 报告 申请 答复 补正 期限
    """,
)


async def import_text(
    service: ServiceUnderTest, title: str, body: str, *, agency: UUID = BUREAU, on: date = date(2026, 3, 2)
) -> UUID:
    identity = uuid7()
    content = Content(title=title, body=body, attribute=DisclosureAttribute.PROACTIVE)
    async with service.write() as uow:
        old = PublicDocument(content, published_on=on)
        await import_document(uow, identity, agency, old, service.deps.settings.publishing)
    return identity


async def find(service: ServiceUnderTest, q: str, **params: Any) -> list[str]:
    answer = await service.client.get("/search", params={"q": q, **params})
    return [hit["document"]["id"] for hit in ok(answer)["items"]]


async def test_it_finds_across_widths_cases_brackets_and_line_ends(catalog: ServiceUnderTest) -> None:
    document = await published(
        catalog, title="关于ＡＢＣ平台的通知（试行）", body="依据国办发〔2016〕80号，推进政\n务公开。Open  Data 计划"
    )
    for q in (
        "abc平台",
        "（试行",
        "国办发[2016]80号",
        "国办发［２０１６］80",
        "政务公开",
        "open data",
        "Data计划",
        "策",
    ):
        assert await find(catalog, q) == ([] if q == "策" else [document["id"]]), q
    assert await find(catalog, "推") == [document["id"]]
    assert await find(catalog, "画") == []
    assert await find(catalog, "公务") == []


async def test_a_title_counts_more_than_a_body(catalog: ServiceUnderTest) -> None:
    in_body = await import_text(catalog, "一般通知", "其中提到医保报销比例。", on=date(2026, 5, 1))
    in_title = await import_text(catalog, "医保报销办法", "正文。", on=date(2026, 1, 5))
    assert await find(catalog, "医保报销") == [str(in_title), str(in_body)]
    assert await find(catalog, "医保报销", sort="newest") == [str(in_body), str(in_title)]
    hits = ok(await catalog.client.get("/search", params={"q": "医保报销"}))["items"]
    assert [hit["in_title"] for hit in hits] == [True, False]
    assert "医保报销" in hits[1]["excerpt"]


async def test_filters_come_before_ranking(catalog: ServiceUnderTest) -> None:
    ours = await import_text(catalog, "食品抽检", "正文。", on=date(2026, 5, 1))
    theirs = await import_text(catalog, "食品抽检", "正文。", agency=COUNTY, on=date(2026, 2, 1))
    assert await find(catalog, "抽检", agency_id=str(COUNTY)) == [str(theirs)]
    assert await find(catalog, "抽检", published_from="2026-04-01") == [str(ours)]
    assert await find(catalog, "抽检", published_to="2026-04-01") == [str(theirs)]


async def test_a_number_is_an_exact_field(catalog: ServiceUnderTest) -> None:
    document = await published(catalog)
    for q in ("青应急〔2026〕7号", "青应急［２０２６］7号", document["index_number"]):
        found = ok(await catalog.client.get("/search", params={"q": q}))
        assert [item["id"] for item in found["by_number"]] == [document["id"]], q
    assert ok(await catalog.client.get("/search", params={"q": "青应急〔2026〕"}))["by_number"] == []


async def test_only_what_is_public_is_found(catalog: ServiceUnderTest) -> None:
    await draft(catalog)
    assert await find(catalog, "汛期安全") == []


async def test_wrong_questions(catalog: ServiceUnderTest) -> None:
    refused(await catalog.client.get("/search"), 400, "invalid_parameters")
    refused(await catalog.client.get("/search", params={"q": "  \u3000"}), 422, "query_empty")
    refused(await catalog.client.get("/search", params={"q": "长" * 101}), 422, "query_too_long")
    refused(await catalog.client.get("/search", params={"q": "医保", "sort": "best"}), 400, "invalid_parameters")
    refused(await catalog.client.get("/search", params={"q": "医保", "cursor": "WzFd"}), 400, "bad_cursor")
    for harmless in ("'", "\\", "a'b & !c | (d)", "<->", ":*", "%_"):
        assert await find(catalog, harmless) == []


async def test_a_phrase_across_chunks_and_a_hammered_token_are_found(catalog: ServiceUnderTest) -> None:
    around = "前" * 9_950 + "跨越分块边界的一句话在此处出现" + "后" * 9_000
    hammered = "公开公开公开" * 300 + "末尾标记" + "公开" * 2_000 + "收尾"
    long = await import_text(catalog, "长文", around)
    repeated = await import_text(catalog, "重复", hammered)
    assert await find(catalog, "跨越分块边界的一句话在此处出现") == [str(long)]
    assert await find(catalog, "公开末尾标记公开公") == [str(repeated)]
    assert await find(catalog, "公开收尾") == [str(repeated)]
    assert await find(catalog, "公" * 3) == []


async def test_pages_by_relevance_and_by_date_hold_every_match_once(catalog: ServiceUnderTest) -> None:
    made = [await import_text(catalog, f"第{n}号", f"{'医保' * (n % 3 + 1)}政策。") for n in range(7)]
    for sort in ("relevance", "newest"):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"q": "医保", "sort": sort, "limit": 3} | ({"cursor": cursor} if cursor else {})
            page = ok(await catalog.client.get("/search", params=params))
            seen += [hit["document"]["id"] for hit in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == sorted(map(str, made))


async def test_ranking_says_when_it_saw_only_some(catalog: ServiceUnderTest) -> None:
    for n in range(4):
        await import_text(catalog, f"第{n}号", "医保政策。")
    wanted = Search("医保")
    async with catalog.deps.db.read() as session:
        some = await search(session, wanted, cursor=None, limit=10, candidates=3)
        every = await search(session, wanted, cursor=None, limit=10, candidates=1000)
        complete = await search(session, Search("医保", sort=Sort.NEWEST), cursor=None, limit=10, candidates=3)
    assert (len(some.hits), some.truncated) == (3, True)
    assert (len(every.hits), every.truncated) == (4, False)
    assert len(complete.hits) == 4


@pytest.mark.timeout(180)
async def test_recall_and_precision_are_one_on_synthetic_documents(catalog: ServiceUnderTest) -> None:
    """Random substrings of 2–6 characters, compared with a scan of every text."""
    chance = random.Random(20261122)
    template = await import_text(catalog, "模板", "模板。")
    texts: dict[UUID, str] = {}
    async with catalog.write() as uow:
        source = await uow.session.get_one(Document, template)
        kept = {c.name: getattr(source, c.name) for c in Document.__table__.columns}
        for n in range(1_500):
            body = "".join(chance.choices(WORDS, k=chance.randint(5, 120)))
            identity = uuid7()
            row = kept | {"id": identity, "title": f"第{n}件", "body": body, "index_number": f"T/{n}"}
            uow.session.add(Document(**row))
            texts[identity] = body
        await uow.session.flush()
        for identity, body in texts.items():
            await index_document(uow.session, identity, BUREAU, date(2026, 3, 2), "标题", body)
    folded = {identity: fold(body) for identity, body in texts.items()}
    async with catalog.deps.db.read() as session:
        for _ in range(120):
            text = chance.choice(list(folded.values()))
            at = chance.randrange(len(text) - 1)
            q = text[at : at + chance.randint(2, 6)]
            expected = {identity for identity, held in folded.items() if fold(q) in held}
            result = await search(session, Search(q, sort=Sort.NEWEST), cursor=None, limit=2_000, candidates=10)
            assert {hit.view.document.id for hit in result.hits} == expected, q
