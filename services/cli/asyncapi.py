"""`lantai asyncapi`: the AsyncAPI 3 document of the events, without a broker."""

from typing import Annotated

import typer

from services.cli.command import Service, command_app

app = command_app()


@app.command()
def asyncapi(
    service: Annotated[Service | None, typer.Argument(help="only the topics that this service owns or reads")] = None,
) -> None:
    """Print the AsyncAPI 3 document of all events, or of those of SERVICE, as JSON."""
    from shared.events.asyncapi import document
    from shared.events.schema import as_text

    typer.echo(as_text(document(service)), nl=False)
