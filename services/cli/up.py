"""`lantai up`: a whole system in one process on a machine that has nothing, kept in one directory."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.command import command_app

app = command_app()


@app.command()
def up(
    port: Annotated[int, typer.Option(envvar="LANTAI_PORT", min=0, max=65535, help="Port of the one origin.")] = 8000,
    host: Annotated[str, typer.Option(envvar="LANTAI_HOST", help="Address to listen on.")] = "127.0.0.1",
    var: Annotated[Path, typer.Option(envvar="LANTAI_VAR", help="Where everything is kept.")] = Path("var"),
    sample_data: Annotated[bool, typer.Option(help="Load the sample data at the first start.")] = True,
) -> None:
    """Start PostgreSQL, every service and the start page in the foreground, until SIGINT or SIGTERM.

    With LANTAI_POSTGRES_URL or LANTAI_KAFKA_BOOTSTRAP_SERVERS it uses those instead of its own.
    """
    from services.cli.mistyped import warn_of_mistyped
    from services.cli.process import listening, run
    from services.cli.system import System, prepare_directory
    from services.roster import NAMES

    warn_of_mistyped(*NAMES)
    prepare_directory(var)
    taken = listening(host, port, "LANTAI_PORT")
    run("lantai", System(taken, var.absolute(), sample_data).run())
