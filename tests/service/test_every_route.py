"""Every operation of every service, taken from its document: whoever has no business there is turned away.

What each operation refuses for reasons of its own is tested beside its service; this holds that none is forgotten.
"""

from collections.abc import Callable
from typing import Any

import pytest

from services.roster import NAMES, load
from shared.auth import Grant, Role
from shared.db.ids import uuid7
from tests.kit.apps import BUREAU, COUNTY, ServiceUnderTest, new_key, running
from tests.kit.postgres import ServiceDatabase

Operation = tuple[str, str, dict[str, Any]]


def operations(service: ServiceUnderTest) -> list[Operation]:
    """Each method and address, its path parameters filled with what nobody has."""
    found = []
    for path, item in service.app.openapi()["paths"].items():
        for method, operation in item.items():
            filled = path
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    unknown = str(uuid7()) if parameter["schema"].get("format") == "uuid" else "nothing.such"
                    filled = filled.replace(f"{{{parameter['name']}}}", unknown)
            found.append((method.upper(), f"http://service.test{filled}", operation))
    return found


def takes(operation: dict[str, Any], header: str) -> bool:
    return any(parameter["name"] == header for parameter in operation.get("parameters", ()))


async def status(
    service: ServiceUnderTest, operation: Operation, headers: dict[str, str], body: dict[str, Any] | None = None
) -> int:
    method, url, shape = operation
    sent = (body or {}) if "requestBody" in shape else None
    return (await service.client.request(method, url, json=sent, headers=headers)).status_code


async def answers(service: ServiceUnderTest, operation: Operation) -> dict[str, tuple[int, int]]:
    """What each way of being wrong is answered, and what it must be."""
    shape, key, match = operation[2], new_key(), {"If-Match": '"1"'}
    clerk, garbled = service.staff(Role.CLERK, BUREAU), {"Authorization": "Bearer nonsense"}
    got = {}
    if shape["security"]:
        got["no token"] = (await status(service, operation, key | match), 401)
        got["a garbled token"] = (await status(service, operation, garbled | key | match), 401)
    if takes(shape, "If-Match"):
        got["no If-Match"] = (await status(service, operation, clerk | key), 428)
    if takes(shape, "Idempotency-Key"):
        got["no key"] = (await status(service, operation, clerk | match), 400)
    required = {parameter["in"] for parameter in shape.get("parameters", ()) if parameter["required"]}
    if operation[0] == "GET" and shape["security"] and required == {"path"}:
        everyone = service.issuer.issue("all", "全能甲", [Grant(role, COUNTY) for role in Role])
        got["an unknown id"] = (await status(service, operation, {"Authorization": f"Bearer {everyone}"}), 404)
    if "requestBody" in shape:
        unheard = {"never_heard_of": 1}
        got["an unknown field"] = (await status(service, operation, clerk | key | match, unheard), 422)
    return got


@pytest.mark.parametrize("name", NAMES)
async def test_no_operation_forgets_its_guards(name: str, service_database: Callable[[str], ServiceDatabase]) -> None:
    async with running(load(name), service_database(name).url, public_requests_per_minute=10_000) as service:
        found = operations(service)
        assert len(found) > 10
        wrong = {
            f"{operation[0]} {operation[1]} with {what}": got
            for operation in found
            for what, (got, wanted) in (await answers(service, operation)).items()
            if got != wanted
        }
    assert wrong == {}
