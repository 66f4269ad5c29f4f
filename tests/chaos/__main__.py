"""`make chaos`: ROUNDS (20) accidents on each of BUSES (`embedded kafka`), from SEED (random, printed).

EVENTS asks for at least so many committed events; PAUSE_SECONDS is each producer's pause between two commits.
"""

import asyncio
import os
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.outcome import Outcome
from tests.chaos.storm import Storm
from tests.kit.crash import Arena, CrashServer
from tests.kit.kafka import KafkaBroker


async def storm(bus: str, seed: int, rounds: int, events: int, pause: str = "0.01") -> Outcome:
    """Run one storm on a fresh PostgreSQL, with a broker of its own if `bus` is kafka."""
    broker = KafkaBroker(Path(tempfile.mkdtemp(prefix="lantai-chaos-"))) if bus == "kafka" else None
    server = await asyncio.to_thread(CrashServer)
    try:
        if broker is not None:
            await asyncio.to_thread(broker.start)
        arena = await asyncio.to_thread(Arena, server, f"kafka {broker.bootstrap}" if broker else None)
        await arena.open()
        try:
            run = Storm(arena, seed, broker, pause)
            print(f"{bus}: seed {seed}, {rounds} rounds", flush=True)
            outcome = await run.blow(rounds, least_events=events)
            print(outcome, flush=True)
            return outcome
        except BaseException:
            print(arena.report(), file=sys.stderr)
            raise
        finally:
            await asyncio.to_thread(arena.close)
    finally:
        if broker is not None:
            await asyncio.to_thread(broker.stop)
        await asyncio.to_thread(server.close)


def main() -> int:
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    rounds, events = int(os.environ.get("ROUNDS") or 20), int(os.environ.get("EVENTS") or 0)
    pause = os.environ.get("PAUSE_SECONDS") or "0.01"
    buses = (os.environ.get("BUSES") or "embedded kafka").split()
    outcomes = [asyncio.run(storm(bus, seed, rounds, events, pause)) for bus in buses]
    return 0 if all(outcome.clean for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
