"""The services there are. A service's code is imported only when it is asked for."""

import importlib

from shared.service.definition import Definition

NAMES = ("catalog", "requests", "sentiment", "notify")


def load(name: str) -> Definition:
    """Return the definition of a service; raises KeyError for one that is not there."""
    if name not in NAMES:
        raise KeyError(name)
    definition: Definition = importlib.import_module(f"services.{name}.service").SERVICE
    return definition
