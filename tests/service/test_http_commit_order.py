"""The commit comes before the answer: a commit that fails is never answered with a success."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import text
from starlette.types import Message, Receive, Scope, Send

from shared.db.engine import Database
from shared.db.uow import UnitOfWork
from shared.http.sessions import write_uow
from tests.kit.edge import EdgeService

TWINS_FOUND_AT_THE_COMMIT = (
    "CREATE TEMPORARY TABLE twins (name text UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP",
    "INSERT INTO twins VALUES ('甲'), ('甲')",
)


def note(**more: Any) -> dict[str, Any]:
    return {"json": {"text": "你好", "agency_id": str(uuid4()), **more}, "headers": {"Idempotency-Key": str(uuid4())}}


async def test_a_constraint_checked_at_the_commit_is_never_answered_201(edge: EdgeService) -> None:
    twin = str(uuid4())
    assert (await edge.client.post("/notes", **note(twin=twin))).status_code == 201
    answer = await edge.client.post("/notes", **note(twin=twin))
    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")
    assert await edge.count_notes() == 1


async def test_what_is_answered_is_committed_before_the_first_byte(edge: EdgeService) -> None:
    seen: list[tuple[int, int]] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def note_start(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.append((message["status"], await edge.count_notes()))
            await send(message)

        await edge.app(scope, receive, note_start)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=watched), base_url="http://edge.test") as client:
        await client.post("/api/edge/v1/notes", **note())
    assert seen == [(201, 1)]


@pytest.mark.parametrize(("scope", "status"), [("function", 500), ("request", 201)])
async def test_only_the_function_scope_keeps_the_promise(edge: EdgeService, scope: Any, status: int) -> None:
    """The control: FastAPI's default scope says 201 and then fails to commit."""
    app = FastAPI()
    app.state.deps = edge.parts

    @app.post("/", status_code=201)
    async def create(uow: UnitOfWork = Depends(write_uow, scope=scope)) -> str:
        for statement in TWINS_FOUND_AT_THE_COMMIT:
            await uow.session.execute(text(statement))
        return "created"

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge.test") as client:
        assert (await client.post("/")).status_code == status


def _fail(_session: Any) -> None:
    raise RuntimeError("the flush fails")


async def test_a_rolled_back_request_leaves_nothing_and_its_key_free(edge: EdgeService, monkeypatch: Any) -> None:
    request = note()
    with monkeypatch.context() as broken:
        broken.setattr(UnitOfWork, "commit", _fail)
        assert (await edge.client.post("/notes", **request)).status_code == 500
    assert await edge.count_notes() == 0
    assert (await edge.client.post("/notes", **request)).status_code == 201


async def test_the_pool_is_whole_after_many_failures(edge: EdgeService) -> None:
    for _ in range(30):
        assert (await edge.client.post("/notes", **note(text=""))).status_code == 422
        assert (await edge.client.post("/notes", **note(text="拒绝"))).status_code == 409
    database: Database = edge.parts.db
    assert database.lent == 0
