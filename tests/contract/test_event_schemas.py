"""The events as others see them: committed schemas and golden examples, strict producers, tolerant readers."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from shared.events import EVENTS, TOPICS, Envelope, MalformedEvent, UnknownEventType, decode, encode
from shared.events.asyncapi import document
from shared.events.compat import registry_breaks
from shared.events.generate import ASYNCAPI
from shared.events.schema import committed_examples, committed_schemas, schema_of

REGENERATE = "run python -m shared.events.generate"
CURRENT = {kind: schema_of(event) for kind, event in EVENTS.items()}
EXAMPLES = committed_examples()


def test_no_event_breaks_its_readers() -> None:
    assert registry_breaks(committed_schemas(), CURRENT) == []


def test_the_committed_schemas_are_those_of_the_models() -> None:
    assert committed_schemas() == CURRENT, REGENERATE


def test_every_event_has_a_golden_example() -> None:
    assert EXAMPLES.keys() == EVENTS.keys(), REGENERATE


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_a_golden_example_is_read_and_written_alike(kind: str) -> None:
    """An example is never rewritten: it stands for what the log holds."""
    example = EXAMPLES[kind]
    body = json.dumps(example["body"]).encode()
    jsonschema.validate(example["body"], CURRENT[kind], format_checker=jsonschema.FormatChecker())
    envelope = decode(example["headers"], body, EVENTS)
    assert isinstance(envelope, Envelope)
    assert envelope.type == kind
    key, headers, written = encode(envelope)
    assert (key, headers) == (example["key"], example["headers"])
    assert json.loads(written) == example["body"] | json.loads(written)
    assert json.loads(written).keys() >= example["body"].keys()


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_producers_refuse_and_readers_ignore_an_unknown_field(kind: str) -> None:
    example = EXAMPLES[kind]
    more = example["body"] | {"added_later": 1}
    with pytest.raises(ValidationError, match="added_later"):
        EVENTS[kind].model_validate(more)
    read = decode(example["headers"], json.dumps(more).encode(), EVENTS)
    assert read == decode(example["headers"], json.dumps(example["body"]).encode(), EVENTS)


def test_what_cannot_be_read_says_why() -> None:
    example = EXAMPLES["lantai.requests.application.registered.v1"]
    headers, body = example["headers"], json.dumps(example["body"]).encode()
    with pytest.raises(UnknownEventType):
        decode(headers | {"ce_type": "lantai.requests.application.unheard_of.v1"}, body, EVENTS)
    for missing in ("ce_type", "ce_id", "ce_time", "ce_agencyid"):
        with pytest.raises(MalformedEvent, match=missing):
            decode({name: value for name, value in headers.items() if name != missing}, body, EVENTS)
    with pytest.raises(MalformedEvent):
        decode(headers, b"{}", EVENTS)


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_no_event_has_a_field_for_personal_data(kind: str) -> None:
    """People are named by a `recipient_ref` only (design: an event carries no personal data)."""
    personal = {"name", "phone", "mobile", "email", "address", "id_number", "applicant", "contact", "recipient"}
    allowed = {"lantai.catalog.agency.upserted.v1": {"name"}}
    assert EVENTS[kind].model_fields.keys() & personal <= allowed.get(kind, set())


def test_the_committed_asyncapi_document_is_the_generated_one() -> None:
    assert json.loads(ASYNCAPI.read_text("utf-8")) == document(), REGENERATE


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def test_every_reference_of_the_document_leads_somewhere() -> None:
    whole = document()
    for reference in _references(whole):
        node: Any = whole
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_the_document_names_owner_readers_and_topics() -> None:
    whole = document()
    assert whole["channels"].keys() == TOPICS.keys()
    assert whole["operations"]["requests.send.lantai.requests.applications"]["action"] == "send"
    assert whole["operations"]["notify.receive.lantai.requests.applications"]["action"] == "receive"
    agencies = whole["channels"]["lantai.catalog.agencies"]["bindings"]["kafka"]
    assert agencies == {"partitions": 3, "topicConfiguration": {"cleanup.policy": ["compact"]}}


def test_a_services_document_has_what_it_owns_or_reads() -> None:
    channels = document("sentiment")["channels"].keys()
    assert "lantai.sentiment.incidents" in channels
    assert "lantai.catalog.agencies" in channels
    assert "lantai.requests.replies" not in channels
