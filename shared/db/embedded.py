"""The embedded PostgreSQL: a real server as a supervised child of the application, its cluster below `var/`.

`make up` and the tests need no installed server. The programs come from a wheel, everything else is decided here:
durability (fsync, checksums), the account it runs as, restart when the server dies, a stop within the time an
operator waits. Invariant: at most one application uses a `var` (file lock), and the server never
outlives it unnoticed (parent-death signal; what still remains is ended at the next start).
"""

import asyncio
import logging
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg

from shared.db.embedded_account import NoFittingAccount
from shared.db.embedded_cluster import account_of, last_complaint, prepare
from shared.db.embedded_files import ADMINISTRATOR, ClusterFiles, EmbeddedPostgresError
from shared.db.embedded_server import STOPPING, end_leftovers, launch, let_go_on

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

RECOVERY_SECONDS = 1800.0
FAILING_SECONDS = 3.0
LONGEST_PAUSE_SECONDS = 5.0
log = logging.getLogger(__name__)


class EmbeddedPostgres:
    """The server of one `var` directory. `settings` are extra server settings, which win over ours."""

    def __init__(self, var: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.files = ClusterFiles(var.resolve())
        self._settings = settings or {}
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it is started."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Make the cluster if there is none, start the server, wait until it answers, and keep it running."""
        self._lock = self.files.lock()
        try:
            await self._start_once()
        except BaseException:
            await self.stop()
            raise
        self._supervisor = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """Stop the server: fast (clients cut, checkpoint), and if that lasts too long at once (recovery next time)."""
        if self._supervisor is not None and not self._supervisor.done():
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
        self._supervisor = None
        process, self._process = self._process, None
        if process is not None:
            for number, seconds in STOPPING:
                process.send_signal(number)
                let_go_on(self.files)
                if await _ended(process, seconds):
                    break
        if self._lock is not None:
            self.files.clear_sockets()
            os.close(self._lock)
            self._lock = None

    async def running(self) -> bool:
        """Whether a server answers on this `var`, started by whichever process."""
        try:
            await (await self._connect()).close()
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        return True

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's URL of a database as the server's administrator; right in any process, started or not.

        Services do not use it: `shared.db.provision` makes each its own roles with it.
        """
        password, sockets = quote(self.files.password(), safe=""), quote(str(self.files.sockets), safe="/")
        return f"postgresql+asyncpg://{ADMINISTRATOR}:{password}@/{database}?host={sockets}"

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=str(self.files.sockets),
            user=ADMINISTRATOR,
            password=self.files.password(),
            database="postgres",
            timeout=10,
        )

    async def _start_once(self) -> None:
        try:
            account = account_of(self.files)
            await asyncio.to_thread(prepare, self.files, account)
            if left := await asyncio.to_thread(end_leftovers, self.files):
                log.warning("ended %d processes that an earlier run had left on %s", left, self.files.data)
            self._process = launch(self.files, account, self._settings)
        except NoFittingAccount as error:
            raise EmbeddedPostgresError(str(error)) from error
        except OSError as error:
            raise EmbeddedPostgresError(
                f"PostgreSQL could not be prepared in {self.files.home} ({error}): "
                "make the directory writable, or set LANTAI_VAR to another directory."
            ) from error
        await self._until_answering(self._process)

    async def _until_answering(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait as long as the server recovers; give up soon when it takes connections but fails every one."""
        limit = time.monotonic() + RECOVERY_SECONDS
        failing_since: float | None = None
        while time.monotonic() < limit:
            if process.poll() is not None:
                raise self._damaged(self._last_logged())
            try:
                await (await self._connect()).close()
            except asyncpg.InvalidAuthorizationSpecificationError as error:
                raise EmbeddedPostgresError(
                    f"The password in {self.files.var / 'keys'} does not fit the cluster in {self.files.data}: "
                    "restore both directories from the same backup."
                ) from error
            except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
                failing_since = None
            except asyncpg.PostgresError as error:
                failing_since = failing_since or time.monotonic()
                if time.monotonic() - failing_since > FAILING_SECONDS:
                    raise self._damaged(str(error).splitlines()[0]) from error
            else:
                return
            await asyncio.sleep(0.03)
        raise EmbeddedPostgresError(
            f"PostgreSQL did not become ready within {RECOVERY_SECONDS:.0f} s: see {self.files.log}, then start again."
        )

    def _last_logged(self) -> str:
        with self.files.log.open("rb") as file:
            file.seek(max(0, self.files.log.stat().st_size - 10_000))
            return last_complaint(file.read().decode(errors="replace"))

    def _damaged(self, complaint: str) -> EmbeddedPostgresError:
        return EmbeddedPostgresError(
            f"PostgreSQL could not start on {self.files.data} ({complaint}; log: {self.files.log}): "
            f"restore {self.files.var} from a backup, or move {self.files.data} away to begin with an empty one."
        )

    async def _supervise(self) -> None:
        """Start the server again whenever it ends without being told to; pause longer while that fails."""
        pause = 0.1
        while True:
            if self._process is not None and self._process.poll() is None:
                await asyncio.sleep(0.1)
                pause = 0.1
                continue
            log.error("PostgreSQL ended unexpectedly; starting it again")
            try:
                await self._start_once()
            except EmbeddedPostgresError as error:
                log.error("%s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _ended(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > limit:
            return False
        await asyncio.sleep(0.02)
    return True
