"""Each service's migrations, from empty to head, make exactly what its metadata says."""

from collections.abc import Callable

import pytest

from services.roster import NAMES
from shared.db.migrate import differences
from tests.kit.background import Background
from tests.kit.postgres import PostgresServer, ServiceDatabase

Take = Callable[[str], ServiceDatabase]


@pytest.mark.parametrize("name", NAMES)
def test_empty_to_head_equals_the_metadata(name: str, service_database: Take, background: Background) -> None:
    database = service_database(name)
    assert background.run(differences(name, database.owner_url)) == []


@pytest.mark.parametrize(
    "planted",
    [
        "ALTER TABLE outbox ADD COLUMN forgotten integer",
        "ALTER TABLE timers ALTER COLUMN kind DROP NOT NULL",
        "DROP INDEX ix_timers_due",
        "CREATE TABLE forgotten (id uuid PRIMARY KEY)",
        "ALTER TABLE inbox ALTER COLUMN type TYPE integer USING 0",
    ],
)
def test_a_planted_difference_is_found(
    planted: str, service_database: Take, background: Background, postgres: PostgresServer
) -> None:
    database = service_database("sentiment")
    postgres.execute(planted, url=database.owner_url)
    assert background.run(differences("sentiment", database.owner_url)) != []
