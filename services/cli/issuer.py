"""`lantai issuer`: the development issuer as a process of its own (the demo profile)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.command import Host, Port, command_app
from services.cli.failure import Failed

if TYPE_CHECKING:
    import socket

    from shared.auth.issuer import DevelopmentIssuer

app = command_app()


@app.command()
def issuer(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    var: Annotated[Path, typer.Option(envvar="LANTAI_VAR", help="Its key is kept below.")] = Path("var"),
    url: Annotated[str, typer.Option(envvar="LANTAI_OIDC_ISSUER", help="The issuer's name in its tokens.")] = (
        "http://localhost:8000/issuer"
    ),
) -> None:
    """Serve tokens to whoever asks, without a password: development and test only."""
    from services.cli.process import listening, run
    from shared.auth.issuer import DevelopmentIssuer, IssuerRefused

    env = os.environ.get("LANTAI_ENV", "development")
    audience = os.environ.get("LANTAI_OIDC_AUDIENCE", "lantai")
    try:
        own = DevelopmentIssuer.stored(var / "keys" / "issuer.json", env=env, url=url, audience=audience)
    except IssuerRefused as refused:
        raise Failed(str(refused)) from None
    run("issuer", _serve(own, listening(host, port)))


async def _serve(own: "DevelopmentIssuer", taken: "socket.socket") -> None:
    from shared.auth.issuer_app import issuer_app
    from shared.service import server

    stop = server.until_signalled()
    async with server.serving(issuer_app(own), taken):
        await stop.wait()
