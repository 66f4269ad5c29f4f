"""The AsyncAPI 3 document of our topics: who owns and who reads each, every message with its schema and an example."""

from collections.abc import Iterable
from typing import Any

from .base import CONTENT_TYPE, Event, Topic
from .registry import EVENTS, TOPICS
from .schema import committed_examples, schema_of

VERSION = "1.0.0"
_DESCRIPTION = (
    "CloudEvents 1.0 in Kafka binary mode: attributes in `ce_*` headers, the body is JSON in UTF-8. The key is the"
    " aggregate's id, so the events of one aggregate are in order. Delivery is at least once: drop a `ce_id` seen"
    " before. Ignore fields you do not know; within a version only optional fields are added."
)
_HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_agencyid"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "Identity of the event; seen twice, apply once."},
        "ce_source": {"type": "string", "examples": ["/lantai/requests"]},
        "ce_type": {"type": "string"},
        "ce_subject": {"type": "string", "format": "uuid", "description": "Id of the aggregate; also the key."},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_agencyid": {"type": "string", "format": "uuid", "description": "The responsible agency's unchanging id."},
        "ce_traceparent": {"type": "string", "description": "W3C trace context of the cause."},
        "content-type": {"const": CONTENT_TYPE},
    },
}


def document(service: str | None = None) -> dict[str, Any]:
    """Return the document of all topics, or of those that `service` owns or reads."""
    topics = [t for t in TOPICS.values() if service is None or service == t.owner or service in t.readers]
    events = [e for e in EVENTS.values() if e.topic in topics]
    schemas: dict[str, Any] = {}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Lantai events 兰台事件", "version": VERSION, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, events) for topic in topics},
        "operations": dict(_operations(topics, service)),
        "components": {
            "messages": {event.type: _message(event, schemas) for event in events},
            "schemas": schemas,
            "messageTraits": {"cloudEvent": {"headers": _HEADERS}},
        },
    }


def _channel(topic: Topic, events: Iterable[type[Event]]) -> dict[str, Any]:
    policy = {"cleanup.policy": ["compact" if topic.compacted else "delete"]}
    retention = {} if topic.compacted else {"retention.ms": topic.retention_days * 86_400_000}
    return {
        "address": topic.name,
        "description": f"Owner: {topic.owner}. Readers: {', '.join(topic.readers) or 'none yet'}.",
        "messages": {e.type: {"$ref": f"#/components/messages/{e.type}"} for e in events if e.topic == topic},
        "bindings": {"kafka": {"partitions": topic.partitions, "topicConfiguration": policy | retention}},
    }


def _operations(topics: Iterable[Topic], service: str | None) -> Iterable[tuple[str, dict[str, Any]]]:
    for topic in topics:
        channel = {"$ref": f"#/channels/{topic.name}"}
        if service in (None, topic.owner):
            yield f"{topic.owner}.send.{topic.name}", {"action": "send", "channel": channel}
        for reader in topic.readers:
            if service in (None, reader):
                yield f"{reader}.receive.{topic.name}", {"action": "receive", "channel": channel}


def _message(event: type[Event], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = schema_of(event)
    schema.pop("$schema"), schema.pop("$id")
    for name, shared in schema.pop("$defs", {}).items():
        schemas[name] = shared
    schemas[event.type] = _relocated(schema)
    message: dict[str, Any] = {
        "name": event.type,
        "title": schema.get("title", event.type),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": f"#/components/schemas/{event.type}"},
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}},
    }
    if "description" in schema:
        message["summary"] = schema["description"].splitlines()[0]
    if example := committed_examples().get(event.type):
        message["examples"] = [{"headers": example["headers"], "payload": example["body"]}]
    return message


def _relocated(node: Any) -> Any:
    """Point `$ref`s at the document's own schemas."""
    if isinstance(node, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _relocated(value)
            for key, value in node.items()
        }
    return [_relocated(part) for part in node] if isinstance(node, list) else node
