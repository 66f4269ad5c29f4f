"""One running postmaster: how it is started, how it is stopped, and how its leftovers are found.

Invariant: after `end_leftovers` no process of the cluster lives, so a stale postmaster.pid may be removed
(removing it earlier would take away PostgreSQL's own guard against two servers on one directory).
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from shared.db.embedded_account import Account
from shared.db.embedded_cluster import binaries, server_environment
from shared.db.embedded_files import ClusterFiles

# Fast (cut the clients, write a checkpoint), then immediate (the next start recovers), then by force; 8 s in sum.
STOPPING = ((signal.SIGINT, 5.0), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 1.0))
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # After a crash the whole server ends and our supervisor starts it: one place decides, and a cluster so damaged
    # that the server crashes at every start is noticed.
    "restart_after_crash": "off",
    # Passwords here are 256 random bits, which stretching cannot make harder to guess; each connect is 10 ms faster.
    "scram_iterations": "1",
}


def launch(files: ClusterFiles, account: Account, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start the postmaster in its own session, so that a Ctrl-C meant for us does not end it before our last commit.

    Must run in a thread that lives as long as the server: the parent-death signal follows the starting thread.
    """
    chosen = {
        **SETTINGS,
        **settings,
        "unix_socket_directories": str(files.sockets),
        "cluster_name": files.name,
    }
    command = [
        *account.prefix(binaries() / "postgres", files.data),
        str(binaries() / "postgres"),
        "-D",
        str(files.data),
    ]
    for name, value in chosen.items():
        command += ["-c", f"{name}={value}"]
    log = os.open(files.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=server_environment(),
            start_new_session=True,
        )
    finally:
        os.close(log)


def leftovers(files: ClusterFiles) -> Iterator[int]:
    """The cluster's living processes, told by the cluster's name in their command lines (readable by everyone)."""
    title = f"postgres: {files.name}: ".encode()
    option = f"cluster_name={files.name}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            if words.startswith(title) or (b"postgres" in words.split(b"\0")[0] and option in words.split(b"\0")):
                yield int(entry.name)


def let_go_on(files: ClusterFiles) -> None:
    """Let every frozen process of the cluster go on: it hears no signal, and the postmaster waits for its children."""
    for pid in leftovers(files):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def end_leftovers(files: ClusterFiles) -> int:
    """End the server that an earlier run left behind (or its last backends); the number of processes found."""
    found = list(leftovers(files))
    postmaster = _recorded_pid(files)
    for number, seconds in STOPPING:
        living = list(leftovers(files))
        # A living postmaster ends its own children; without one the children end by themselves, or by the last signal.
        for pid in [postmaster] if postmaster in living and number != signal.SIGKILL else living:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        let_go_on(files)
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and any(leftovers(files)):
            time.sleep(0.02)
    (files.data / "postmaster.pid").unlink(missing_ok=True)
    (files.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    return len(found)


def _recorded_pid(files: ClusterFiles) -> int:
    try:
        return int((files.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0
