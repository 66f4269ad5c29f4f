"""`lantai events`: what an operator does with the event log itself."""

from pathlib import Path

import typer

from services.cli.attach import Var, run, use_system_in
from services.cli.command import command_app, load_settings
from services.roster import NAMES
from shared.service.topics import republish

app = command_app(group=True)


@app.command("republish")
def republish_state(var: Var = Path("var")) -> None:
    """Tell every agency and holiday notice once more, for services that cannot build themselves from the log.

    `lantai migrate` and `lantai up` do it by themselves where the log holds none, or old ones because the embedded log
    was in use since. After going from one Kafka to another and back, do it by hand. Doing it again does no harm.
    """
    use_system_in(var)

    async def work() -> None:
        for name in NAMES:
            await republish(*load_settings(name))

    run(work())
    typer.echo("agencies and holiday notices are on their way")
