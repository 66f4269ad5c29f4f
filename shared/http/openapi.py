"""The OpenAPI document, completed from the shape of each operation so that no answer is left undeclared.

A route declares its security (a dependency such as `Staff`, or `openapi_extra=PUBLIC`) and what its command may refuse
(`responses=responses(409)`); what the edge itself may answer follows from parameters, body and security.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from shared.http.problems import Problem, responses

PUBLIC: dict[str, Any] = {"security": []}
METHODS = ("get", "put", "post", "delete", "patch", "head")


class UndeclaredSecurity(RuntimeError):
    """An operation says neither who may call it nor that everybody may."""


def operation_id(route: APIRoute) -> str:
    """Name an operation after its function."""
    return route.name


def install_openapi(app: FastAPI) -> None:
    """Make `app.openapi()` give the completed document, built once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=app.description,
                    routes=app.routes,
                    tags=app.openapi_tags,
                    separate_input_output_schemas=app.separate_input_output_schemas,
                )
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's documented way to customise the document


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= own.pop("$defs") | {"Problem": own}
    seen: dict[str, str] = {}
    for place, operation in _operations(document):
        if "security" not in operation:
            raise UndeclaredSecurity(f"{place}: declare Staff, FromService or openapi_extra=PUBLIC")
        name = operation["operationId"]
        if name in seen:
            raise ValueError(f"{place} and {seen[name]} share the operation id {name!r}: rename one function")
        seen[name] = place
        _declare(operation, is_read=place.startswith(("GET", "HEAD")))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def _declare(operation: dict[str, Any], *, is_read: bool) -> None:
    declared = operation.setdefault("responses", {})
    if "HTTPValidationError" in str(declared.get("422")):
        del declared["422"]
    for status, answer in responses(*sorted(_edge_statuses(operation, is_read))).items():
        declared.setdefault(str(status), answer)
    operation["responses"] = dict(sorted(declared.items()))


def _edge_statuses(operation: dict[str, Any], is_read: bool) -> set[int]:
    statuses = {413, 503}
    schemes = {name for requirement in operation["security"] for name in requirement}
    if "bearer" in schemes:
        statuses |= {401, 403}
    elif schemes or not is_read:
        statuses |= {401}
    if not schemes:
        statuses |= {429}
    for parameter in operation.get("parameters", ()):
        statuses |= {404} if parameter["in"] == "path" else {400}
        statuses |= {"If-Match": {412, 428}, "Idempotency-Key": {409, 422}}.get(parameter["name"], set())
    if "requestBody" in operation:
        statuses |= {400, 422}
    return statuses
