"""No request body takes a number for a day, or a text or a yes for a number."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BeforeValidator, Strict

import services
from shared.http.bodies import Day, Flag, Input, Whole

KEPT: dict[type, type] = {int: Strict, bool: Strict, float: Strict, date: BeforeValidator, datetime: BeforeValidator}


def inputs() -> Iterator[type[Input]]:
    """Every request body of every service."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if module.name.rpartition(".")[2] in ("schemas", "api"):
            importlib.import_module(module.name)
    found = Input.__subclasses__()
    while found:
        yield (body := found.pop())
        found += body.__subclasses__()


def loose(annotation: Any, metadata: tuple[Any, ...] = ()) -> bool:
    """Whether a type holds a bare number, choice or day, which would take what only resembles one."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return loose(inner, (*metadata, *more))
    if get_args(annotation):
        return any(loose(inner) for inner in get_args(annotation))
    kept = KEPT.get(annotation) if isinstance(annotation, type) else None
    return kept is not None and not any(isinstance(one, kept) for one in metadata)


def test_every_request_body_is_strict() -> None:
    bodies = {body for body in inputs() if body.__module__.startswith("services.")}
    assert len(bodies) > 40
    found = [
        f"{body.__module__}.{body.__name__}.{name}"
        for body in bodies
        for name, field in body.model_fields.items()
        if loose(field.annotation, tuple(field.metadata))
    ]
    assert found == []


@pytest.mark.parametrize("bare", [int, bool, date, int | None, list[date], dict[str, list[int]]])
def test_a_bare_type_is_found(bare: Any) -> None:
    assert loose(bare)


@pytest.mark.parametrize("strict", [Whole, Flag, Day, Whole | None, list[Day], str])
def test_a_strict_type_is_let_through(strict: Any) -> None:
    assert not loose(strict)
