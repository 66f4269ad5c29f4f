"""The check for breaking changes catches each break that is planted, and lets an added optional field pass."""

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, create_model

from shared.events import Event, Topic
from shared.events.compat import breaks, missing_versions, registry_breaks
from shared.events.generate import example_of
from shared.events.schema import schema_of

TOPIC = Topic("lantai.tests.things", "tests", ("tests",))
KIND = "lantai.tests.thing.changed.v1"


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Part(BaseModel):
    size: int
    label: str | None = None


class Changed(Event):
    type: ClassVar[str] = KIND
    topic: ClassVar[Topic] = TOPIC

    thing_id: UUID
    title: str
    amount: int
    colour: Colour
    due_on: date | None
    tags: tuple[str, ...]
    part: Part
    counts: dict[str, int]
    either: int | Part
    pair: tuple[int, str]
    note: str | None = None


OLD = schema_of(Changed)


def changed(base: type[BaseModel] = Event, *, without: str = "", **fields: Any) -> dict[str, Any]:
    """The schema of `Changed` with fields replaced, added or left out."""
    kept = {name: (f.annotation, f) for name, f in Changed.model_fields.items() if name != without}
    model = create_model("Changed", __base__=Event, **(kept | fields))
    model.type, model.topic = KIND, TOPIC  # type: ignore[attr-defined]  # class variables of an event
    return schema_of(model)


class LessColour(StrEnum):
    RED = "red"


class MoreColour(StrEnum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class SmallerPart(BaseModel):
    size: int


class NarrowPart(BaseModel):
    size: int = Field(le=10)
    label: str | None = None


class OtherPart(BaseModel):
    size: int
    label: str | None = None
    weight: int


PLANTED: list[tuple[str, Callable[[], dict[str, Any]], str]] = [
    ("removed field", lambda: changed(without="title"), "title: field removed or renamed"),
    ("removed optional field", lambda: changed(without="note"), "note: field removed or renamed"),
    ("renamed field", lambda: changed(without="title", name=(str, ...)), "title: field removed or renamed"),
    ("new required field", lambda: changed(added=(str, ...)), "added: new and required"),
    ("optional made required", lambda: changed(note=(str | None, ...)), "note: made required"),
    ("narrowed type", lambda: changed(due_on=(date, ...)), "due_on: type narrowed, no longer null"),
    ("another type", lambda: changed(amount=(str, ...)), "amount: type narrowed, no longer integer"),
    ("widened type", lambda: changed(title=(str | None, ...)), "title: type widened"),
    ("narrowed by a limit", lambda: changed(title=(str, Field(max_length=5))), "title: constraints changed"),
    ("another format", lambda: changed(thing_id=(str, ...)), "thing_id: constraints changed"),
    ("removed enum value", lambda: changed(colour=(LessColour, ...)), "colour: values removed: green"),
    ("added enum value", lambda: changed(colour=(MoreColour, ...)), "colour: values added"),
    ("items of another type", lambda: changed(tags=(tuple[int, ...], ...)), "tags[]: type narrowed"),
    ("field of a part removed", lambda: changed(part=(SmallerPart, ...)), "part.label: field removed"),
    ("part narrowed", lambda: changed(part=(NarrowPart, ...)), "part.size: constraints changed"),
    ("values of another type", lambda: changed(counts=(dict[str, int | str], ...)), "counts{}: type widened"),
    ("values narrowed", lambda: changed(counts=(dict[str, bool], ...)), "counts{}: type narrowed"),
    ("values of any type", lambda: changed(counts=(dict[str, Any], ...)), "counts{}: type widened, may be anything"),
    ("items of any type", lambda: changed(tags=(tuple[Any, ...], ...)), "tags[]: type narrowed"),
    ("an alternative changed", lambda: changed(either=(int | OtherPart, ...)), "either.weight: new and required"),
    ("an alternative more", lambda: changed(part=(Part | OtherPart, ...)), "part: other alternatives of object"),
    ("a place of a tuple", lambda: changed(pair=(tuple[int, int], ...)), "pair[1]: type narrowed"),
    ("a place more", lambda: changed(pair=(tuple[int, str, str], ...)), "pair: "),
    ("required made optional", lambda: changed(title=(str, "")), "title: no longer sure to be there"),
]


@pytest.mark.parametrize(("new", "expected"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED])
def test_a_planted_break_is_caught(new: Callable[[], dict[str, Any]], expected: str) -> None:
    found = breaks(OLD, new())
    assert any(what.startswith(expected) for what in found), found


@pytest.mark.parametrize(
    "new",
    [
        lambda: changed(),
        lambda: changed(added=(str | None, None)),
        lambda: changed(added=(int, 3)),
        lambda: changed(title=(str, Field(description="另一种说明"))),
    ],
    ids=["nothing", "optional field", "field with a default", "description"],
)
def test_what_breaks_no_reader_passes(new: Callable[[], dict[str, Any]]) -> None:
    assert breaks(OLD, new()) == []


def test_a_removed_type_is_caught() -> None:
    assert registry_breaks({KIND: OLD}, {}) == [f"{KIND}: the type was removed"]


def test_a_missing_version_is_caught() -> None:
    assert missing_versions([KIND, "lantai.tests.thing.changed.v3"]) == [
        "lantai.tests.thing.changed: version 2 is missing"
    ]
    assert missing_versions(["lantai.tests.thing.changed.v2"]) == ["lantai.tests.thing.changed: version 1 is missing"]
    assert missing_versions([KIND, "lantai.tests.thing.changed.v2"]) == []


def test_a_type_without_a_version_is_caught() -> None:
    assert len(missing_versions(["lantai.tests.changed", "lantai.tests.thing.changed.v0"])) == 2


def test_an_example_has_a_value_in_every_field() -> None:
    body = example_of(Changed)["body"]
    assert body.keys() == Changed.model_fields.keys()
    assert body["part"] == {"size": 1, "label": "示例文本"}
    assert body["counts"] == {"示例文本": 1}
    assert body["tags"] == ["示例文本"]
