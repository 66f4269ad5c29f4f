"""The API of the crash tests: one POST that may be repeated, whose unit of work emits an event and may set a timer."""

from uuid import UUID, uuid5

import uvicorn
from fastapi import APIRouter, Response
from pydantic import BaseModel

from shared.bus.doorbell import Doorbell
from shared.http.app import service_app
from shared.http.idempotency import Beside, Idempotency, Keyed
from shared.http.openapi import PUBLIC
from tests.kit.edge import EdgeTestSettings, edge_parts
from tests.kit.spine import AGENCY, Counted

PATH = "/api/edge/v1/counts"
REMINDED_EACH = 10

router = APIRouter()


class Count(BaseModel):
    subject: UUID
    number: int


def reminder_of(subject: UUID, number: int) -> UUID | None:
    """The subject of the timer that this request sets, if it sets one."""
    return uuid5(subject, str(number)) if number % REMINDED_EACH == 0 else None


@router.post("/counts", status_code=201, openapi_extra=PUBLIC)
async def count(body: Count, key: Keyed) -> Response:
    """Count, as a request is filed: without a lock at first."""

    async def counted(once: Idempotency) -> Response:
        once.uow.emit(Counted(number=body.number), subject=body.subject, agency_id=AGENCY)
        if (reminder := reminder_of(body.subject, body.number)) is not None:
            once.uow.schedule(reminder, "due", once.uow.now, {"n": body.number})
        return await once.answer(201, body)

    return await key.once(Beside("SELECT 1", ()), counted)


async def serve(url: str, port: int) -> None:
    """Answer on `port` until SIGTERM."""
    parts = edge_parts(url, EdgeTestSettings(public_requests_per_minute=10**9))
    app = service_app("edge", "崩溃测试", parts, [router], description="只用于测试。")
    doorbell = Doorbell(parts.db)
    doorbell.start()
    await uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off")).serve()
    await doorbell.stop()
    await parts.db.dispose()
