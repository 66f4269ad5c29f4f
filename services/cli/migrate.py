"""`lantai migrate`: databases, roles, tables and topics, as often as it is called."""

from typing import Annotated

import typer

from services.cli.command import Migratable, Service, command_app, load_settings

app = command_app()


@app.command()
def migrate(
    services: Annotated[list[Migratable] | None, typer.Argument(help="Which services.", show_default="all")] = None,
) -> None:
    """Make each service's database and roles (with LANTAI_POSTGRES_URL as an administrator), and migrate it.

    `all` also prepares the event log and its topics.
    """
    from services.cli.process import run

    everything = not services or Migratable.ALL in services
    run("migrate", _migrate(list(Service) if everything else [Service(name) for name in services or ()], everything))


async def _migrate(services: list[Service], with_log: bool) -> None:
    from shared.service.provisioning import prepare_bus, prepare_service
    from shared.service.runtime import make_transport

    for service in services:
        _, settings = load_settings(service)
        await prepare_service(settings)
        typer.echo(f"{service}: migrated")
        if with_log and service is services[-1]:
            await prepare_bus(settings, make_transport(settings))
            typer.echo("event log: topics are there")
