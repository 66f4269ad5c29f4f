"""`Allow` on a 405 names every method of the path; the router alone knows only the first route that fitted."""

import re
from functools import cached_property

from fastapi import FastAPI

from shared.http.openapi import METHODS


class AllowedMethods:
    """What the OpenAPI document offers at each path."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def at(self, path: str) -> str | None:
        """Return the value of `Allow`, or None for a path outside the document; `/x/new` wins over `/x/{id}`."""
        fitting = [(holes, methods) for pattern, holes, methods in self._patterns if pattern.fullmatch(path)]
        closest = min((holes for holes, _ in fitting), default=0)
        found = {method for holes, methods in fitting if holes == closest for method in methods}
        return ", ".join(sorted(found)) or None

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], int, list[str]]]:
        return [
            (_pattern(template), template.count("{"), [method.upper() for method in METHODS if method in item])
            for template, item in self._app.openapi()["paths"].items()
        ]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", template)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))
