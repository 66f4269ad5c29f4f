"""What every worker does beside its service's own work."""

from collections.abc import Callable

from sqlalchemy import text

from services.roster import load
from shared.auth import Role
from shared.bus.memory import MemoryTransport
from shared.events import TOPICS
from shared.service.worker import Worker
from tests.kit.apps import BUREAU, new_key, running
from tests.kit.postgres import ServiceDatabase
from tests.kit.spine import until

RECIPIENT = {"agency_id": str(BUREAU), "role": "clerk", "name": "王工", "mail": "wang@example.gov.cn"}


async def test_a_worker_forgets_the_keys_of_the_day_before(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    log = MemoryTransport()
    await log.ensure_topics(TOPICS.values())
    async with running(load("notify"), service_database("notify").url) as service:
        headers = service.staff(Role.ADMIN) | new_key()
        assert (await service.client.post("/recipients", json=RECIPIENT, headers=headers)).status_code == 201
        async with service.deps.db.engine.begin() as connection:
            await connection.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"))

        async def forgotten() -> bool:
            async with service.deps.db.read() as session:
                return not (await session.execute(text("SELECT 1 FROM idempotency_keys"))).first()

        assert not await forgotten()
        async with Worker(service.definition, service.deps, log).running():
            await until(forgotten)
