"""The edge itself, through a service with every kind of route: no answer is undeclared, none is a 5xx."""

from uuid import UUID

from shared.auth import Grant, Role
from tests.kit.edge import EdgeService
from tests.kit.fuzz import fuzz

AGENCY = UUID("01a2042c-f183-76de-9860-8a4a3edf7eaf")


async def test_every_answer_is_declared(edge: EdgeService) -> None:
    await fuzz(edge.app, "edge", edge.token(Grant(Role.CLERK, AGENCY)))
