"""The house keeps its rules, and each check finds a planted violation."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.architecture import source

Check = Callable[[str, str], list[str]]
SERVICES = ("catalog", "requests", "sentiment", "notify")
# Who may commit: the unit of work, the migration runner, and nobody else.
COMMITTERS = {"shared/db/driver.py", "shared/db/engine.py", "shared/db/migrate.py"}
# Who may put rows into the outbox.
EMITTER = "shared/db/uow.py"
MECHANISM_WITH_DATES = tuple(f"shared/{name}" for name in ("statutes", "calendar", "timers", "replicas", "audit", "db"))
BUSINESS = (*(f"services/{name}" for name in SERVICES), *MECHANISM_WITH_DATES)


def of_services() -> Iterator[tuple[str, str]]:
    return source.sources(*(f"services/{name}" for name in SERVICES))


def rules() -> Iterator[tuple[str, str]]:
    return (found for found in of_services() if found[0].endswith(("/rules.py", "/errors.py")))


def events() -> Iterator[tuple[str, str]]:
    return source.sources("shared/events")


def those_who_may_not_commit() -> Iterator[tuple[str, str]]:
    return (found for found in source.sources("services", "shared") if found[0] not in COMMITTERS)


def those_who_may_not_write_events() -> Iterator[tuple[str, str]]:
    return (found for found in source.sources("services", "shared") if found[0] != EMITTER)


def business() -> Iterator[tuple[str, str]]:
    return source.sources(*BUSINESS)


def everything() -> Iterator[tuple[str, str]]:
    return source.sources("services", "shared", "tests", "bench")


def tracked() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source.REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = source.REPOSITORY / name
        if path.is_file() and not name.startswith("tests/architecture/"):
            yield name, path.read_text(errors="replace")


RULES = [
    (source.foreign_service, of_services),
    (source.upward_import, of_services),
    (source.impure_rules, rules),
    (source.framework_in_events, events),
    (source.commits, those_who_may_not_commit),
    (source.writes_events, those_who_may_not_write_events),
    (source.process_clock, business),
    (source.too_long, everything),
    (source.names_a_place, tracked),
]


@pytest.mark.parametrize(("check", "files"), RULES, ids=lambda part: part.__name__)
def test_the_house_keeps_the_rule(check: Check, files: Callable[[], Iterator[tuple[str, str]]]) -> None:
    texts = list(files())
    assert texts, "the check looked at nothing"
    assert [wrong for path, text in texts for wrong in check(path, text)] == []


PLANTED = [
    (source.foreign_service, "services/notify/consumers.py", "from services.requests.applications import queries"),
    (source.foreign_service, "services/notify/consumers.py", "def f():\n    import services.catalog.feeds.api"),
    (
        source.upward_import,
        "services/requests/replies/models.py",
        "from services.requests.replies.commands import draft",
    ),
    (source.upward_import, "services/requests/replies/commands.py", "from services.requests.replies import api"),
    (source.impure_rules, "services/requests/replies/rules.py", "from pydantic import BaseModel"),
    (source.impure_rules, "services/requests/replies/rules.py", "from shared.db.uow import UnitOfWork"),
    (source.impure_rules, "services/requests/replies/rules.py", "from services.requests.replies.models import Reply"),
    (source.impure_rules, "services/catalog/documents/rules.py", "from shared.events.catalog import DocumentPublished"),
    (source.framework_in_events, "shared/events/requests.py", "import sqlalchemy"),
    (source.framework_in_events, "shared/events/requests.py", "from shared.events.base import Event"),
    (source.commits, "services/catalog/feeds/commands.py", "async def f(uow):\n    await uow.session.commit()"),
    (source.commits, "services/catalog/feeds/commands.py", "async def f(c):\n    await c.execute('COMMIT')"),
    (
        source.writes_events,
        "services/catalog/feeds/commands.py",
        "from sqlalchemy import insert\nfrom shared.db.spine import outbox\nx = insert(outbox).values(key='k')",
    ),
    (
        source.writes_events,
        "shared/bus/settling.py",
        "from shared.db.spine import outbox as rows\ndef f(uow):\n    uow.insert(rows, {'key': 'k'})",
    ),
    (source.writes_events, "shared/bus/settling.py", "from shared.db import spine\nx = spine.outbox.insert()"),
    (source.writes_events, "shared/bus/relay.py", "a, b = 1, f'WITH x AS (SELECT {1}) INSERT INTO outbox SELECT 1'"),
    (source.writes_events, "shared/bus/relay.py", "x = text('insert into public.outbox SELECT * FROM old')"),
    (source.writes_events, "shared/db/bulk.py", "async def f(c):\n    await c.copy_records_to_table('outbox')"),
    (
        source.process_clock,
        "services/catalog/feeds/rules.py",
        "from datetime import UTC, datetime\nx = datetime.now(UTC)",
    ),
    (source.process_clock, "services/catalog/feeds/rules.py", "import datetime as d\nx = d.date.today()"),
    (source.process_clock, "services/catalog/feeds/rules.py", "from datetime import date as day\nx = day.today()"),
    (source.process_clock, "shared/timers/scheduler.py", "from time import time as t\nx = t()"),
    (source.too_long, "services/catalog/feeds/rules.py", "x = 1\n" * 401),
    (source.names_a_place, "README.md", "see /" + "work/main/README.md"),
    (source.names_a_place, "requirements/dev.txt", "--index-url https://" + "pypi.org/simple"),
]


def test_the_rule_on_the_outbox_knows_who_writes_into_it() -> None:
    """Were the unit of work to do it in another way, the rule would look for the wrong thing everywhere."""
    assert source.writes_events(EMITTER, (source.REPOSITORY / EMITTER).read_text())


@pytest.mark.parametrize(("check", "path", "text"), PLANTED)
def test_a_planted_violation_is_found(check: Check, path: str, text: str) -> None:
    assert len(check(path, text)) >= 1


INNOCENT = [
    (source.foreign_service, "services/notify/consumers.py", "from services.notify.deliveries import commands"),
    (source.upward_import, "services/requests/replies/api.py", "from services.requests.replies.commands import draft"),
    (
        source.impure_rules,
        "services/requests/replies/rules.py",
        "from services.requests.applications.rules import State",
    ),
    (
        source.impure_rules,
        "services/catalog/documents/rules.py",
        "from shared.events.catalog import DisclosureAttribute",
    ),
    (source.framework_in_events, "shared/events/requests.py", "from .base import Event\nfrom pydantic import Field"),
    (source.commits, "shared/bus/consumers.py", "async def f(s, batch):\n    await s.commit(batch)"),
    (
        source.writes_events,
        "shared/bus/outbox.py",
        "x = 'INSERT INTO dead_letters SELECT * FROM outbox'\ny = 'UPDATE outbox SET published_at = now()'",
    ),
    (
        source.writes_events,
        "shared/bus/dead_letters.py",
        "from shared.db.spine import outbox\nx = update(outbox)\ny = insert(letters).values(kind='outbox')",
    ),
    (source.process_clock, "services/catalog/feeds/rules.py", "import time\nx = time.monotonic()"),
]


@pytest.mark.parametrize(("check", "path", "text"), INNOCENT)
def test_what_is_allowed_is_not_reported(check: Check, path: str, text: str) -> None:
    assert check(path, text) == []


def naive(text: str, name: str = "services/requests/applications/rules.py") -> list[str]:
    """Ask ruff, with the house's configuration, for datetimes without a time zone."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--select",
            "DTZ",
            "--output-format",
            "concise",
            "--stdin-filename",
            name,
            "-",
        ],
        cwd=source.REPOSITORY,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in done.stdout.splitlines() if "DTZ" in line]


def test_no_naive_datetime_and_a_planted_one_is_found() -> None:
    house = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "DTZ", "services", "shared"],
        cwd=source.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert house.returncode == 0, house.stdout
    assert naive("from datetime import datetime\n\nx = datetime.now()\n")
    assert naive("from datetime import datetime\n\nx = datetime(2026, 1, 5, 9, 0)\n")
    assert not naive("from datetime import UTC, datetime\n\nx = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)\n")
