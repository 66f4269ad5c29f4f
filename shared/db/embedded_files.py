"""Where the embedded PostgreSQL keeps what: the cluster, its socket directory, its log, a password and a lock.

Everything lies below `var`, except the socket directory when the path of `var` is too long or odd for a Unix socket.
The password is 256 random bits in a file that only its owner may read. Invariant: whoever holds the lock is alone.
"""

import fcntl
import hashlib
import os
import re
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ADMINISTRATOR = "postgres"
# A Unix socket's path has at most 107 bytes, and clients split host names at commas.
SOCKET_DIRECTORY = re.compile(r"[A-Za-z0-9/._+-]{1,92}")


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot run; the message is one sentence that says what to do."""


@dataclass(frozen=True)
class ClusterFiles:
    """The places of one cluster below `var` (absolute)."""

    var: Path

    @cached_property
    def home(self) -> Path:
        return self.var / "postgres"

    @cached_property
    def data(self) -> Path:
        return self.home / "data"

    @cached_property
    def log(self) -> Path:
        return self.home / "server.log"

    @cached_property
    def name(self) -> str:
        """The cluster's name in process titles: tells this server's processes from those of any other."""
        return "lantai-" + hashlib.sha256(os.fsencode(self.var)).hexdigest()[:16]

    @cached_property
    def sockets(self) -> Path:
        inside = self.home / "run"
        if SOCKET_DIRECTORY.fullmatch(str(inside)):
            return inside
        return Path(tempfile.gettempdir()) / self.name

    def lock(self) -> int:
        """Take `var` for this process until it ends (even by kill -9); the descriptor holds the lock."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The directory {self.var} cannot be written ({error.strerror}): "
                "make it writable, or set LANTAI_VAR to another directory."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode() or "unknown"
            os.close(descriptor)
            raise EmbeddedPostgresError(
                f"Lantai is already running on {self.var} (process {holder}): "
                "stop it first, or set LANTAI_VAR to another directory."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor

    def password(self) -> str:
        """The administrator's password, made at the first call; two processes that ask at once get the same one."""
        path = self.var / "keys" / "postgres-administrator"
        with suppress(FileNotFoundError):
            return path.read_text()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
        return path.read_text()

    def clear_sockets(self) -> None:
        """Leave nothing in the temporary directory once the server has ended."""
        if self.sockets.parent != self.home:
            with suppress(OSError):
                self.sockets.rmdir()
