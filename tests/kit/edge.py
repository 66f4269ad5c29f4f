"""A small service with every kind of route, on a database of the spine alone: what the edge is tried on."""

import io
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest
import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from shared.auth import DevelopmentIssuer, FromService, Grant, Role, ServiceTokens, Staff, TokenVerifier, scope
from shared.crypto import Vault
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import spine
from shared.errors import Category, DomainError, NotFound, VersionMismatch
from shared.http.app import service_app
from shared.http.etags import IfMatch, etag
from shared.http.idempotency import Idempotent
from shared.http.openapi import PUBLIC
from shared.http.pages import PageBody, PageParams
from shared.http.problems import responses
from shared.http.sessions import Read, Write
from shared.telemetry.logging import configure
from shared.telemetry.metrics import Metrics

ISSUER = "http://issuer.test"
NOTES = """CREATE TABLE notes (
    id uuid PRIMARY KEY, text text NOT NULL, agency_id uuid NOT NULL, version integer NOT NULL DEFAULT 1,
    twin uuid UNIQUE DEFERRABLE INITIALLY DEFERRED)"""


class NoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=200)
    agency_id: UUID
    twin: UUID | None = None  # unique, and checked only at the commit


class NoteOut(BaseModel):
    id: UUID
    text: str
    version: int


class AnyRefusal(DomainError):
    code = "any_refusal"
    title = "任意拒绝"
    category = Category.CONFLICT


router = APIRouter()
faults = APIRouter(include_in_schema=False)


@router.post("/notes", status_code=201, openapi_extra=PUBLIC, response_model=NoteOut, responses=responses(409))
async def create_note(body: NoteIn, idem: Idempotent) -> Response:
    note = NoteOut(id=uuid7(), text=body.text, version=1)
    if body.text == "拒绝":
        raise AnyRefusal("不收此文。")
    await idem.uow.session.execute(
        text("INSERT INTO notes (id, text, agency_id, twin) VALUES (:id, :text, :agency_id, :twin)"),
        {"id": note.id, "text": note.text, "agency_id": body.agency_id, "twin": body.twin},
    )
    return await idem.answer(201, note, {"Location": f"/api/edge/v1/notes/{note.id}", "ETag": etag(1)})


@faults.post("/lost-notes", status_code=201, openapi_extra=PUBLIC)
async def create_lost_note(body: NoteIn, idem: Idempotent) -> None:
    await create_note(body, idem)
    await idem.uow.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@faults.get("/slow", openapi_extra=PUBLIC)
async def read_slowly(session: Read) -> None:
    await session.execute(text("SELECT pg_sleep(30)"))


@router.post("/staff-notes", status_code=201, response_model=NoteOut)
async def create_staff_note(body: NoteIn, staff: Staff, idem: Idempotent) -> Response:
    await scope.require(idem.uow.session, staff, [Role.CLERK], body.agency_id)
    note = NoteOut(id=uuid7(), text=body.text, version=1)
    await idem.uow.session.execute(
        text("INSERT INTO notes (id, text, agency_id) VALUES (:id, :text, :agency_id)"),
        {"id": note.id, "text": f"{idem.uow.actor.name}：{note.text}", "agency_id": body.agency_id},
    )
    return await idem.answer(201, note)


@router.get("/notes", openapi_extra=PUBLIC)
async def list_notes(session: Read, page: PageParams) -> PageBody[NoteOut]:
    rows = await session.execute(text("SELECT id, text, version FROM notes ORDER BY id LIMIT :n"), {"n": page.limit})
    return PageBody(items=[NoteOut.model_validate(dict(row._mapping)) for row in rows], next_cursor=None)


@router.post("/notes/preview", openapi_extra=PUBLIC)
async def preview_note(body: NoteIn) -> NoteIn:
    return body


@router.get("/notes/{note_id}", openapi_extra=PUBLIC)
async def get_note(note_id: UUID, session: Read, response: Response) -> NoteOut:
    row = (
        await session.execute(text("SELECT id, text, version FROM notes WHERE id = :id"), {"id": note_id})
    ).one_or_none()
    if row is None:
        raise NotFound("没有这条记录。")
    response.headers["ETag"] = etag(row.version)
    return NoteOut.model_validate(dict(row._mapping))


@router.post("/notes/{note_id}/rewording")
async def reword_note(note_id: UUID, body: NoteIn, version: IfMatch, staff: Staff, uow: Write) -> NoteOut:
    row = (
        await uow.session.execute(
            text(
                "UPDATE notes SET text = :text, version = version + 1 WHERE id = :id AND version = :v RETURNING version"
            ),
            {"text": body.text, "id": note_id, "v": version},
        )
    ).one_or_none()
    if row is None:
        raise VersionMismatch
    return NoteOut(id=note_id, text=body.text, version=row.version)


@faults.get("/refusals/{category}", openapi_extra=PUBLIC)
async def refuse(category: Category) -> None:
    kind = type("Refusal", (DomainError,), {"code": f"test_{category}", "title": "按类拒绝", "category": category})
    raise kind("请改正。", hint="h")


@faults.get("/crash", openapi_extra=PUBLIC)
async def crash() -> None:
    raise RuntimeError("身份证 330106199001011234 出错")


@router.get("/internal/contacts")
async def internal_contacts(service: FromService, uow: Write) -> dict[str, str]:
    return {"service": service.service, "actor": uow.actor.name}


@router.get("/who")
async def who_am_i(staff: Staff, request: Request) -> dict[str, str]:
    return {"name": staff.name}


@dataclass(frozen=True)
class EdgeTestSettings:
    public_requests_per_minute: int = 10_000


@dataclass(frozen=True)
class EdgeTestParts:
    db: Database
    issuer: DevelopmentIssuer
    vault: Vault
    verifier: TokenVerifier
    service_tokens: ServiceTokens
    metrics: Metrics
    settings: EdgeTestSettings = field(default_factory=EdgeTestSettings)


@dataclass(frozen=True)
class EdgeService:
    """The service under test, a client of it, its parts, and what it logs (JSON lines)."""

    app: FastAPI
    client: httpx.AsyncClient
    parts: EdgeTestParts
    logs: io.StringIO

    def token(self, *grants: Grant, name: str = "经办甲", subject: str = "clerk-1") -> dict[str, str]:
        """Return the header of a member of staff with these grants."""
        return {"Authorization": f"Bearer {self.parts.issuer.issue(subject, name, grants)}"}

    async def count_notes(self) -> int:
        async with self.parts.db.read() as session:
            return int((await session.execute(text("SELECT count(*) FROM notes"))).scalar_one())


def edge_parts(url: str, settings: EdgeTestSettings | None = None) -> EdgeTestParts:
    """Return parts for a service called `edge` on the database at `url`."""
    issuer = DevelopmentIssuer(env="test", url=ISSUER)
    return EdgeTestParts(
        db=Database(url, "edge"),
        issuer=issuer,
        vault=Vault({"k1": b"1" * 32}, "k1"),
        verifier=TokenVerifier(issuer=ISSUER, audience="lantai", keys=issuer.keys),
        service_tokens=ServiceTokens("secret", "edge"),
        metrics=Metrics("edge"),
        settings=settings or EdgeTestSettings(),
    )


@asynccontextmanager
async def edge_service(url: str, settings: EdgeTestSettings | None = None) -> AsyncIterator[EdgeService]:
    """Run the service on the database at `url`, its logs kept."""
    parts = edge_parts(url, settings)
    logs = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure("edge", stream=logs)
    app = service_app("edge", "边缘测试", parts, [router, faults], description="只用于测试。")
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge.test/api/edge/v1") as client:
        yield EdgeService(app, client, parts, logs)
    await parts.db.dispose()
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


async def build_edge(url: str) -> None:
    """Fill an empty database with the spine and the table of notes."""
    database = Database(url, "edge")
    async with database.engine.begin() as connection:
        await connection.run_sync(spine.create_all)
        await connection.execute(text(NOTES))
        await connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
    await database.dispose()


@pytest.fixture
def edge_url(fresh_database: Callable[..., str]) -> str:
    """The URL of a fresh database for the edge's service."""
    return fresh_database("edge", build_edge)


@pytest.fixture
async def edge(edge_url: str) -> AsyncIterator[EdgeService]:
    """The edge's service on a fresh database."""
    async with edge_service(edge_url) as service:
        yield service
