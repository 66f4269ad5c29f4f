"""A real PostgreSQL for tests: one server per test process, one template per service, a fresh database per test.

The server is the product's own embedded one, without durability. A template is built once, by the service's
migrations; a test's database is a copy of it (some 80 ms) and is dropped after the test, whoever is still connected.
Everything here may be called from synchronous and asynchronous tests alike.
"""

import itertools
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from shared.db.embedded import EmbeddedPostgres
from shared.db.migrate import upgrade
from shared.db.provision import provision
from shared.db.urls import database_of, with_database
from tests.kit.background import Background

DATABASE_SECRET = "tests-only-secret-of-database-roles"
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}

Builder = Callable[[str], Awaitable[None]]
"""Fills the empty database at the (administrator's) URL that it is given."""


@dataclass(frozen=True)
class ServiceDatabase:
    """A service's own database, by each role's URL: `url` is the application's, as in production."""

    url: str
    owner_url: str
    admin_url: str


class PostgresServer:
    """The test process's server, and the databases that tests take from it."""

    def __init__(self, url: str, background: Background) -> None:
        self.url = url
        self._background = background
        self._roles: dict[str, tuple[str, str]] = {}
        self._templates: set[str] = set()
        self._numbers = itertools.count(1)

    def fresh(self, template: str, build: Builder) -> str:
        """Return the administrator's URL of a new copy of `template`, which `build` fills once."""
        if template not in self._templates:
            self.execute(f'DROP DATABASE IF EXISTS "{template}"', f'CREATE DATABASE "{template}"')
            self._background.run(_call(build, with_database(self.url, template)))
            self._templates.add(template)
        return self._copy(template)

    def service(self, service: str) -> ServiceDatabase:
        """Return a fresh, migrated database of a service, with its real roles and rights."""
        template = database_of(service)
        if service not in self._roles:
            owner, app = self._background.run(provision(self.url, service, DATABASE_SECRET))
            self._background.run(upgrade(service, owner, app_role=f"{template}_app"))
            self._roles[service] = owner, app
        owner, app = self._roles[service]
        admin = self._copy(template, f"{template}_owner")
        name = make_url(admin).database or ""
        return ServiceDatabase(with_database(app, name), with_database(owner, name), admin)

    def drop(self, url: str) -> None:
        """Drop the database at `url`, cutting whoever is connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')

    def execute(self, *statements: str, url: str | None = None) -> None:
        """Execute statements as the administrator, each by itself."""
        self._background.run(_execute(url or self.url, statements))

    def _copy(self, template: str, owner: str = "postgres") -> str:
        name = f"test_{next(self._numbers)}_{template}"[:63]
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER "{owner}"')
        return with_database(self.url, name)


async def _call(build: Builder, url: str) -> None:
    await build(url)


async def _execute(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    """The thread in which this process's servers are supervised."""
    thread = Background()
    yield thread
    thread.close()


@pytest.fixture(scope="session")
def postgres(background: Background) -> Iterator[PostgresServer]:
    """This process's PostgreSQL."""
    var = Path(tempfile.mkdtemp(prefix="lantai-test-postgres-"))
    embedded = EmbeddedPostgres(var, settings=QUICK)
    background.run(embedded.start())
    yield PostgresServer(embedded.url(), background)
    background.run(embedded.stop())
    shutil.rmtree(var)


@contextmanager
def taking(postgres: PostgresServer) -> Iterator[Callable[[str, Builder], str]]:
    """Give fresh databases, and drop them at the end."""
    taken: list[str] = []

    def take(template: str, build: Builder) -> str:
        taken.append(postgres.fresh(template, build))
        return taken[-1]

    try:
        yield take
    finally:
        for url in taken:
            postgres.drop(url)


@pytest.fixture
def fresh_database(postgres: PostgresServer) -> Iterator[Callable[[str, Builder], str]]:
    """`fresh_database(template, build)` gives the URL of a database of this test's own."""
    with taking(postgres) as take:
        yield take


@pytest.fixture
def service_database(postgres: PostgresServer) -> Iterator[Callable[[str], ServiceDatabase]]:
    """`service_database("requests")` gives a migrated database of that service, this test's own."""
    taken: list[ServiceDatabase] = []

    def take(service: str) -> ServiceDatabase:
        taken.append(postgres.service(service))
        return taken[-1]

    yield take
    for database in taken:
        postgres.drop(database.admin_url)
