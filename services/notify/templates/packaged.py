"""The texts that come with the product, read once and checked."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services.notify.templates.render import check
from services.notify.templates.rules import STAFF_ROLES, Audience, Template
from shared.events import EVENTS


@cache
def packaged() -> Mapping[str, Template]:
    """Return every template by its id; raises ValueError when the file contradicts itself."""
    rows = tomllib.loads((Path(__file__).parent / "packaged.toml").read_text(encoding="utf-8"))["template"]
    found: dict[str, Template] = {}
    for row in rows:
        template = Template(
            id=row["id"],
            event=row["event"],
            audience=Audience(row["audience"]),
            roles=tuple(row.get("roles", ())),
            subject=row["subject"],
            body=row["body"],
            replaces=tuple(row.get("replaces", ())),
        )
        if template.id in found or (template.audience is Audience.STAFF) != bool(template.roles):
            raise ValueError(f"template {template.id}: it is there twice, or its roles do not fit its audience")
        if not set(template.roles) <= set(STAFF_ROLES):
            raise ValueError(f"template {template.id}: unknown role")
        for text in (template.subject, template.body):
            check(text, known(template))
        found[template.id] = template
    return found


def of_event(event_type: str) -> tuple[Template, ...]:
    """Return the templates of one kind of event."""
    return tuple(template for template in packaged().values() if template.event == event_type)


def known(template: Template) -> frozenset[str]:
    """Return the names that texts for this template's event may use."""
    return frozenset(EVENTS[template.event].model_fields) | {"site"}
