"""A worker that dates cases anew, as a process of its own, so that a test can kill it: URL and chunk are its arguments.

It says `chunk` after each commit.
"""

import asyncio
import sys

from services.requests.desk import Desk, packaged_rules
from services.requests.redating.commands import redate_chunk
from services.requests.settings import RequestsSettings
from shared.crypto import Vault
from shared.db.engine import Database
from shared.db.uow import Actor
from shared.service.settings import Environment


async def main(url: str, chunk: int) -> None:
    settings = RequestsSettings(env=Environment.TEST, redating_chunk=chunk)
    desk = Desk(settings, packaged_rules(), Vault({"test": b"t" * 32}, "test"))
    db = Database(url, "requests")
    while True:
        async with db.write(Actor.system("requests")) as uow:
            if not await redate_chunk(uow, desk):
                break
        print("chunk", flush=True)
    await db.dispose()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
