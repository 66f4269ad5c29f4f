"""Puts the routes of routers into an application one by one.

An included router is asked twice for every request whether it has a route for it. Here each route stands for itself,
and only those that everybody may call are guarded.
"""

from fastapi import APIRouter, FastAPI
from fastapi.params import Depends
from fastapi.routing import APIRoute

from shared.http.openapi import PUBLIC


def add_routes(app: FastAPI, router: APIRouter, prefix: str, guard: Depends, *, in_schema: bool = True) -> None:
    """Add a router's routes in their order; `guard` stands before those that say they are public."""
    for route in router.routes:
        if not isinstance(route, APIRoute):
            raise TypeError(f"{route} is no route of an API")
        public = (route.openapi_extra or {}).get("security") == PUBLIC["security"]
        app.add_api_route(
            prefix + route.path,
            route.endpoint,
            response_model=route.response_model,
            status_code=route.status_code,
            tags=route.tags,
            dependencies=[guard, *route.dependencies] if public else route.dependencies,
            summary=route.summary,
            description=route.description,
            responses=route.responses,
            deprecated=route.deprecated,
            methods=sorted(route.methods or ()),
            include_in_schema=in_schema and route.include_in_schema,
            response_class=route.response_class,
            name=route.name,
            openapi_extra=route.openapi_extra,
        )
