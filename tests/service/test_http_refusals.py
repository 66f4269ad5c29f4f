"""What a client does wrong, and what breaks on our side, is answered as a problem that leaks nothing."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from shared.errors import Category
from shared.http.problems import STATUS
from tests.kit.edge import EdgeService, EdgeTestSettings, edge_service

NOTE = {"text": "你好", "agency_id": str(uuid4())}
KEY = {"Idempotency-Key": "k1"}


def problem(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == f"urn:lantai:problem:{body['code']}"
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert any("一" <= letter <= "鿿" for letter in body["title"])
    return answer.status_code, body["code"]


@pytest.mark.parametrize("category", list(Category))
async def test_a_problem_for_every_category(edge: EdgeService, category: Category) -> None:
    answer = await edge.client.get(f"/refusals/{category}")
    assert problem(answer) == (STATUS[category], f"test_{category}")
    assert (answer.json()["detail"], answer.json()["hint"]) == ("请改正。", "h")


@pytest.mark.parametrize(
    ("method", "path", "sent", "expected"),
    [
        ("GET", "/nowhere", {}, (404, "not_found")),
        ("GET", "/notes/6f0c1f1e-30d5-4bb5-9a8c-5c5d5a0f9e01", {}, (404, "not_found")),
        ("GET", "/notes/not-an-id", {}, (404, "not_found")),
        ("DELETE", "/notes", {}, (405, "method_not_allowed")),
        ("GET", "/notes?limit=0", {}, (400, "invalid_parameters")),
        ("GET", "/notes?cursor=%00", {}, (400, "invalid_parameters")),
        (
            "POST",
            "/notes",
            {"content": "{", "headers": KEY | {"Content-Type": "application/json"}},
            (400, "malformed_json"),
        ),
        ("POST", "/notes", {"content": "x=1", "headers": KEY}, (422, "validation_failed")),
        ("POST", "/notes", {"json": [], "headers": KEY}, (422, "validation_failed")),
        ("POST", "/notes", {"json": NOTE | {"text": "a\0b"}, "headers": KEY}, (422, "validation_failed")),
        ("POST", "/notes", {"json": NOTE | {"extra": 1}, "headers": KEY}, (422, "validation_failed")),
        (
            "POST",
            "/notes",
            {"content": b'{"text": "\\ud800"}', "headers": KEY | {"Content-Type": "application/json"}},
            (422, "validation_failed"),
        ),
        ("GET", "/crash", {}, (500, "internal_error")),
    ],
)
async def test_refusals(
    edge: EdgeService, method: str, path: str, sent: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert problem(await edge.client.request(method, path, **sent)) == expected


async def test_a_wrong_body_is_told_field_by_field_without_repeating_it(edge: EdgeService) -> None:
    sent = {"text": "x" * 201, "agency_id": "13812345678", "phone": "13812345678"}
    answer = await edge.client.post("/notes", json=sent, headers=KEY)
    assert answer.json()["errors"] == [
        {"pointer": "/text", "code": "string_too_long", "detail": "不得超过 200 个字符"},
        {"pointer": "/agency_id", "code": "uuid_parsing", "detail": "应为 UUID"},
        {"pointer": "/phone", "code": "extra_forbidden", "detail": "不允许的字段"},
    ]
    assert "13812345678" not in answer.text


async def test_a_method_refused_names_the_others(edge: EdgeService) -> None:
    for method, path in (("DELETE", "/notes"), ("OPTIONS", "/notes"), ("PUT", "/notes")):
        assert (await edge.client.request(method, path)).headers["Allow"] == "GET, POST"
    assert (await edge.client.delete(f"/notes/{uuid4()}")).headers["Allow"] == "GET"
    taken_for_an_id = await edge.client.get("/notes/preview")
    assert (taken_for_an_id.status_code, taken_for_an_id.headers["Allow"]) == (405, "POST")


async def test_preconditions(edge: EdgeService) -> None:
    created = await edge.client.post("/notes", json=NOTE, headers=KEY)
    path, headers = f"/notes/{created.json()['id']}/rewording", edge.token()
    assert problem(await edge.client.post(path, json=NOTE, headers=headers)) == (428, "if_match_missing")
    malformed = await edge.client.post(path, json=NOTE, headers=headers | {"If-Match": "1"})
    assert problem(malformed) == (400, "invalid_parameters")
    for tag, status in (('"1"', 200), ('"1"', 412), ('W/"2"', 200)):
        answer = await edge.client.post(path, json=NOTE, headers=headers | {"If-Match": tag})
        assert answer.status_code == status
    read = await edge.client.get(f"/notes/{created.json()['id']}")
    assert read.headers["ETag"] == '"3"'


async def test_an_unexpected_error_is_logged_under_its_id_and_shows_nothing(edge: EdgeService) -> None:
    answer = await edge.client.get("/crash", headers={"X-Request-ID": "caller-id-1"})
    assert "330106" not in answer.text
    assert "Traceback" not in answer.text
    lines = [json.loads(line) for line in edge.logs.getvalue().splitlines()]
    (line,) = [line for line in lines if line["event"] == "unexpected_error"]
    assert line["request_id"] == "caller-id-1"
    assert "RuntimeError" in line["exception"]
    assert "330106199001011234" not in edge.logs.getvalue()


async def test_a_database_errors_text_holds_no_values(edge: EdgeService) -> None:
    note = NOTE | {"text": "家住解放路1号", "twin": str(uuid4())}
    for key in ("k1", "k2"):
        await edge.client.post("/notes", json=note, headers={"Idempotency-Key": key})
    assert "unique_violation" in edge.logs.getvalue()
    assert "解放路" not in edge.logs.getvalue()
    assert note["twin"] not in edge.logs.getvalue()


async def test_logs_hold_no_path_query_or_body(edge: EdgeService) -> None:
    note_id = uuid4()
    await edge.client.get(f"/notes/{note_id}?code=geheim1")
    await edge.client.post("/notes", json=NOTE | {"text": "家住解放路1号"}, headers=KEY)
    logs = edge.logs.getvalue()
    for secret in (str(note_id), "geheim1", "解放路"):
        assert secret not in logs
    assert '"route":"/api/edge/v1/notes/{note_id}"' in logs


async def test_a_body_over_the_limit_is_413_declared_or_streamed(edge: EdgeService) -> None:
    big = b'{"text": "' + b"x" * 1_100_000 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 65_536):
            yield big[start : start + 65_536]

    headers = KEY | {"Content-Type": "application/json"}
    for content in (big, chunks()):
        assert problem(await edge.client.post("/notes", content=content, headers=headers)) == (413, "too_large")


async def test_the_public_is_limited_by_address_and_staff_are_not(edge_url: str) -> None:
    async with edge_service(edge_url, EdgeTestSettings(public_requests_per_minute=3)) as edge:
        answers = [await edge.client.get("/notes") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert problem(answers[3]) == (429, "too_many_requests")
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 20
        for _ in range(5):
            assert (await edge.client.get("/who", headers=edge.token())).status_code == 200
        assert (await edge.client.get("http://edge.test/healthz")).status_code == 200


async def test_a_browser_outside_the_api_is_shown_a_page(edge: EdgeService) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml"}
    answer = await edge.client.get("http://edge.test/status-of-%3Cscript%3E", headers=browser)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>未找到</h1>" in answer.text
    assert answer.headers["X-Request-ID"] in answer.text
    assert "<script>" not in answer.text
    for path, headers in (("/status-of", {"Accept": "*/*"}), ("/api/edge/v1/nowhere", browser)):
        assert problem(await edge.client.get(f"http://edge.test{path}", headers=headers)) == (404, "not_found")
    docs = await edge.client.get("http://edge.test/healthz", headers=browser)
    assert docs.json() == {"status": "ok"}


async def test_a_caller_is_given_a_request_id_and_no_cache(edge: EdgeService) -> None:
    answer = await edge.client.get("/notes")
    assert len(answer.headers["X-Request-ID"]) == 32
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
