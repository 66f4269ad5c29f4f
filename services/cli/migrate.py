"""`lantai migrate`: databases, roles, tables and topics, as often as it is called."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.command import Migratable, Service, command_app, load_settings

if TYPE_CHECKING:
    from shared.service.definition import Definition
    from shared.service.settings import ServiceSettings

app = command_app()


@app.command()
def migrate(
    services: Annotated[list[Migratable] | None, typer.Argument(help="Which services.", show_default="all")] = None,
) -> None:
    """Make each service's database and roles (with LANTAI_POSTGRES_URL as an administrator), and migrate it.

    `all` also prepares the event log and its topics.
    """
    from services.cli.mistyped import warn_of_mistyped
    from services.cli.process import run

    everything = not services or Migratable.ALL in services
    chosen = list(Service) if everything else [Service(name) for name in services or ()]
    warn_of_mistyped(*chosen)
    run("migrate", _migrate(chosen, everything))


async def _migrate(services: list[Service], with_log: bool) -> None:
    from shared.service.provisioning import prepare_service

    loaded = [load_settings(service) for service in services]
    for definition, settings in loaded:
        await prepare_service(settings)
        typer.echo(f"{definition.name}: migrated")
    if with_log:
        await _prepare_log(loaded)
        typer.echo("event log: topics are there")


async def _prepare_log(loaded: "list[tuple[Definition, ServiceSettings]]") -> None:
    from shared.service.provisioning import prepare_log
    from shared.service.runtime import make_transport
    from shared.service.topics import prepare_topics

    _, settings = loaded[-1]
    await prepare_log(settings)
    transport = make_transport(settings)
    await transport.start()
    try:
        await prepare_topics(transport, loaded)
    finally:
        await transport.stop()
