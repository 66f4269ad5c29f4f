"""Every model of every event, however deep, refuses at the producer what it does not know, and no reader minds it."""

import json
from collections.abc import Iterator
from typing import Any, ClassVar, get_args

import pytest
from pydantic import BaseModel, ValidationError

from shared.events import EVENTS, Event, Topic, decode
from shared.events.generate import example_of


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """A model and all that its fields hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models(field.annotation)
    for part in get_args(annotation):
        yield from models(part)


def tolerant(event: type[Event]) -> list[str]:
    """The models that would send what they do not know."""
    return [model.__name__ for model in models(event) if model.model_config.get("extra") != "forbid"]


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_producers_refuse_an_unknown_field_at_any_depth(kind: str) -> None:
    assert tolerant(EVENTS[kind]) == []


def test_a_tolerant_model_inside_an_event_is_found() -> None:
    class Loose(BaseModel):
        size: int

    class Planted(Event):
        type: ClassVar[str] = "lantai.tests.thing.planted.v1"
        topic: ClassVar[Topic] = Topic("lantai.tests.things", "tests", ("tests",))

        parts: tuple[Loose, ...] | None

    assert tolerant(Planted) == ["Loose"]


def test_a_field_added_inside_a_part_is_refused_and_ignored() -> None:
    kind = "lantai.catalog.calendar.published.v1"
    example = example_of(EVENTS[kind])
    known = example["body"]
    more = known | {"earlier_papers": [paper | {"added_later": 1} for paper in known["earlier_papers"]]}
    assert more != known
    with pytest.raises(ValidationError, match="added_later"):
        EVENTS[kind].model_validate(more)
    read = decode(example["headers"], json.dumps(more).encode(), EVENTS)
    assert read == decode(example["headers"], json.dumps(known).encode(), EVENTS)


def test_a_compacted_topic_holds_one_type() -> None:
    """It keeps one record of a key: a second type, or a second version, would take the first one's place."""
    held: dict[str, list[str]] = {}
    for kind, event in EVENTS.items():
        if event.topic.compacted:
            held.setdefault(event.topic.name, []).append(kind)
    assert {topic: kinds for topic, kinds in held.items() if len(kinds) > 1} == {}
    assert len(held) == 2
