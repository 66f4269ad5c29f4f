"""The JSON Schema of each event's body, from its model; what is committed in `schemas/` and shown in AsyncAPI."""

import json
from pathlib import Path
from typing import Any

from .base import Event

SCHEMAS = Path(__file__).parent / "schemas"
EXAMPLES = Path(__file__).parent / "examples"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(event: type[Event]) -> dict[str, Any]:
    """Return the schema of an event's body as readers see it: unknown fields are allowed, for they ignore them."""
    schema = _open(event.model_json_schema())
    return {"$schema": DIALECT, "$id": f"urn:lantai:event:{event.type}", **schema}


def _open(node: Any) -> Any:
    """Leave out that unknown fields are refused, in the event and in what it holds: that binds the producer only."""
    if isinstance(node, list):
        return [_open(part) for part in node]
    if not isinstance(node, dict):
        return node
    return {name: _open(part) for name, part in node.items() if (name, part) != ("additionalProperties", False)}


def as_text(document: dict[str, Any]) -> str:
    """Return JSON as it is committed."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def committed_schemas() -> dict[str, dict[str, Any]]:
    """Return the committed schemas by event type."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(SCHEMAS.glob("*.json"))}


def committed_examples() -> dict[str, dict[str, Any]]:
    """Return the golden examples by event type: each a record's `key`, `headers` and `body`."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(EXAMPLES.glob("*.json"))}
