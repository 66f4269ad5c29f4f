"""`lantai serve SERVICE`: one service's API as a process of its own."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.command import Host, Port, Servable, command_app, load_settings

if TYPE_CHECKING:
    import socket

app = command_app()


@app.command()
def serve(
    service: Annotated[Servable, typer.Argument(help="What to serve.", show_default=False)],
    host: Host = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Serve one service's API, or the start page, until SIGINT or SIGTERM."""
    from services.cli.mistyped import warn_of_mistyped
    from services.cli.process import listening, run
    from shared.service.process import serve_api

    page = service is Servable.START_PAGE
    warn_of_mistyped(*() if page else (service,))
    taken = listening(host, port)
    if page:
        run("start-page", _start_page(taken))
    else:
        definition, settings = load_settings(service)
        run(service, serve_api(definition, settings, taken))


async def _start_page(taken: "socket.socket") -> None:
    from services.roster import NAMES, load
    from services.start_page.app import start_page
    from services.start_page.settings import StartPageSettings
    from shared.service import server

    settings = StartPageSettings()
    page = start_page(
        {name: load(name).title for name in NAMES},
        samples_file=settings.samples_file,
        development=settings.development,
    )
    stop = server.until_signalled()
    async with server.serving(page, taken):
        await stop.wait()
