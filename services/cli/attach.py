"""How a command reaches the databases of a system: by the environment, or those that `lantai up` keeps in its `var`.

For operators on the machine itself; everything a user may do goes through the API.
"""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.exc import SQLAlchemyError

from services.cli import keys
from services.cli.command import load_settings
from services.cli.failure import Failed
from shared.bus.transport import TransportError
from shared.db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from shared.db.engine import Database
from shared.db.uow import Actor
from shared.errors import DomainError, NotFound
from shared.service.provisioning import NoDatabase
from shared.service.runtime import database_url

T = TypeVar("T")
SIGN_IN = "28"  # the class of what PostgreSQL says to a wrong name or password
Var = Annotated[Path, typer.Option(envvar="LANTAI_VAR", help="Where `lantai up` keeps its system.")]


def use_system_in(var: Path) -> None:
    """Let the environment name the system kept in `var`: its secret, and its PostgreSQL unless one is named."""
    named = os.environ.get("LANTAI_POSTGRES_URL")
    kept = (var / "keys" / "secret").exists()
    if not named and not kept:
        raise Failed(f"no system is kept in {var}: start `lantai up`, or set LANTAI_POSTGRES_URL.")
    if not named:
        os.environ.setdefault("LANTAI_ENV", "development")
        os.environ["LANTAI_POSTGRES_URL"] = EmbeddedPostgres(var).url()
    if kept and os.environ.get("LANTAI_ENV") in ("development", "test"):
        os.environ.setdefault("LANTAI_SECRET_KEY", keys.secret_key(var / "keys"))


@asynccontextmanager
async def database(service: str) -> AsyncIterator[Database]:
    """Open a service's database as the service's own role."""
    _, settings = load_settings(service)
    db = Database(database_url(settings), service, pool_size=5)
    try:
        yield db
    finally:
        await db.dispose()


def operator() -> Actor:
    """Who acts: the person at this machine's command line, named in the audit trail."""
    name = getpass.getuser()
    return Actor("system", f"operator:{name}", f"运维（{name}）")


def run(work: Coroutine[Any, Any, T], absent: str = "") -> T:
    """Run to the end; what a person can act on is told in one sentence: `absent` where there is no such thing."""
    try:
        return asyncio.run(work)
    except DomainError as error:
        if absent and isinstance(error, NotFound):
            raise Failed(absent) from None
        raise Failed(f"{error.title} ({error.code}) {error.detail}".strip()) from None
    except (NoDatabase, EmbeddedPostgresError, TransportError) as error:
        raise Failed(str(error)) from None
    except (OSError, SQLAlchemyError) as error:
        told = getattr(error, "orig", None) or error
        said = str(told).splitlines()[0]
        if str(getattr(told, "sqlstate", None) or "").startswith(SIGN_IN):
            raise Failed(
                f"the database does not let us in ({said}): run `lantai migrate all`, or set LANTAI_SECRET_KEY to what "
                "it was then: the passwords of the services' roles are made from it."
            ) from None
        raise Failed(f"the database does not answer ({said}): is the system running?") from None
