"""Every category has one status, every problem the same members, and nothing of ours leaks into it."""

import json
from typing import Any

import pytest

from shared.auth import Forbidden, Unauthenticated
from shared.errors import Category, DomainError
from shared.http.problems import STATUS, of_domain, of_status, responses
from shared.telemetry import correlation


def body(answer: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


@pytest.mark.parametrize("category", list(Category))
def test_every_category_has_a_problem(category: Category) -> None:
    kind = type("SomeError", (DomainError,), {"code": "some_error", "title": "某种错误", "category": category})
    answer = of_domain(kind("请改正。", due="2026-03-05"))
    assert answer.status_code == STATUS[category]
    assert answer.media_type == "application/problem+json"
    assert body(answer) == {
        "type": "urn:lantai:problem:some_error",
        "title": "某种错误",
        "status": STATUS[category],
        "code": "some_error",
        "detail": "请改正。",
        "due": "2026-03-05",
    }


def test_extra_members_cannot_replace_the_standard_ones() -> None:
    shown = body(of_domain(Forbidden("", status=200, code="fine", title=None, note=None)))
    assert (shown["status"], shown["code"], shown["title"]) == (403, "forbidden", "无权执行此操作")
    assert "note" not in shown


def test_the_request_is_named() -> None:
    with correlation.request("abcdefgh"):
        assert body(of_status(404))["request_id"] == "abcdefgh"


def test_headers_that_clients_rely_on() -> None:
    assert of_domain(Unauthenticated()).headers["WWW-Authenticate"] == "Bearer"
    assert of_status(503).headers["Retry-After"] == "5"
    assert of_domain(Forbidden(retry_after=0.2)).headers["Retry-After"] == "1"
    assert "retry_after" not in body(of_domain(Forbidden(retry_after=3)))


def test_declared_answers_carry_an_example_each() -> None:
    declared = responses(403, 409, examples={403: [Forbidden]})
    assert set(declared) == {403, 409}
    content = declared[403]["content"]["application/problem+json"]
    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert content["examples"]["forbidden"]["value"]["title"] == "无权执行此操作"
    assert "conflict" in declared[409]["content"]["application/problem+json"]["examples"]
