"""`lantai openapi SERVICE`: the document that the service serves, without a database."""

import json

import typer

from services.cli.command import ServiceName, command_app

app = command_app()


@app.command()
def openapi(service: ServiceName) -> None:
    """Print the OpenAPI 3.1 document of SERVICE as JSON."""
    import asyncio

    typer.echo(json.dumps(asyncio.run(_document(service)), ensure_ascii=False, indent=2))


async def _document(service: str) -> dict[str, object]:
    from services.roster import load
    from shared.service.runtime import open_deps
    from shared.service.settings import Environment

    definition = load(service)
    nowhere = definition.settings(env=Environment.DEVELOPMENT, postgres_url="postgresql://nobody@localhost")
    async with open_deps(nowhere) as deps:
        return definition.create_app(deps).openapi()
