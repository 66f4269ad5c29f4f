"""The spine's goals 3, 4, 5, 7, 8, 12 and 13, one after the other; goal 6 is `make chaos`."""

import asyncio

from bench import (
    spine_consumers,
    spine_freshness,
    spine_order,
    spine_outage,
    spine_relay,
    spine_replay,
    spine_timers,
)

PARTS = (spine_relay, spine_freshness, spine_order, spine_consumers, spine_timers, spine_replay, spine_outage)


def main() -> None:
    for part in PARTS:
        asyncio.run(part.main())


if __name__ == "__main__":
    main()
