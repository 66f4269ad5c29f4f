"""A small application with an embedded PostgreSQL, as a process of its own that tests can kill.

Run as `python -m tests.kit.embedded_app VAR`: prints `ready <postmaster pid>` or `refused <sentence>`.
"""

import asyncio
import signal
import sys
from pathlib import Path

from shared.db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from shared.service import loop


async def main(var: Path) -> int:
    embedded = EmbeddedPostgres(var)
    told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_end.set)
    try:
        await embedded.start()
    except EmbeddedPostgresError as error:
        print("refused", error, flush=True)
        return 1
    print("ready", embedded.pid, flush=True)
    await told_to_end.wait()
    await embedded.stop()
    return 0


if __name__ == "__main__":
    sys.exit(loop.run(main(Path(sys.argv[1]))))
