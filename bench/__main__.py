"""`python -m bench [NAME …]`: every measurement, or the named ones, one after the other; the table comes at the end.

Each runs in a process of its own, so that none inherits another's memory, caches or failure. `--list` names them.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.rig import BUSY_SHARE, RESULTS

MEASUREMENTS = {
    "intake": "goal 1: POST of a request",
    "reading": "goal 2: GET and lists among a million cases",
    "spine_relay": "goal 3: relay drain",
    "spine_freshness": "goal 4: commit to effect",
    "spine_order": "goal 5: order and loss",
    "spine_consumers": "goal 7: consumer effects",
    "spine_timers": "goal 8: timers",
    "clock": "goals 9, 10: deadlines, recomputation; speed of `lantai clock explain`",
    "redating": "goal 10: re-dating written through",
    "search": "goal 11: search",
    "spine_replay": "goal 12: idempotent replay",
    "spine_outage": "goal 13: a dead broker",
    "notices": "goal 14: notices while a provider fails",
}
ROW = "| {goal} | {measured} | {target} | {detail}{busy} |"


def main(names: list[str]) -> int:
    if {"-h", "--help"} & set(names):
        print(__doc__)
        return 0
    if names == ["--list"]:
        print("\n".join(f"{name:16} {what}" for name, what in MEASUREMENTS.items()))
        return 0
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="lantai-bench-") as folder:
        results = Path(folder) / "results.jsonl"
        results.touch()
        failed = [name for name in names or MEASUREMENTS if not _run(name, results)]
        rows = [json.loads(row) for row in results.read_text(encoding="utf-8").splitlines()]
    print("\n| goal | measured | target | figures |\n|---|---|---|---|")
    for row in rows:
        busy = f"; **inconclusive**: others took {row['others']:.0%}" if row["others"] > BUSY_SHARE else ""
        print(ROW.format(**row, busy=busy))
    if failed:
        print(f"\ncould not be measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, results: Path) -> bool:
    print(f"== {name}: {MEASUREMENTS[name]}", flush=True)
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-m", f"bench.{name}"], env=os.environ | {RESULTS: str(results)})
    print(f"   {time.monotonic() - began:.0f} s", flush=True)
    return ended.returncode == 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
