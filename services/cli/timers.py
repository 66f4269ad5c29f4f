"""`lantai timers`: those that failed and are tried again, before they are dead letters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from services.cli.attach import Var, database, operator, run, use_system_in
from services.cli.command import ServiceName, command_app
from services.cli.failing import first_line
from shared.timers import failing

app = command_app(group=True)
Timer = Annotated[UUID, typer.Argument(help="The timer's id, from `list`.", show_default=False)]


@app.command("list")
def list_timers(service: ServiceName, var: Var = Path("var")) -> None:
    """List the timers of SERVICE that have failed and are tried again, the earliest due first, one line each.

    id, kind, subject, when it was due, attempts, the next attempt, the first line of the error. Those that were tried
    to the end are dead letters (`lantai dead-letters list`).
    """
    use_system_in(var)

    async def work() -> Sequence[Any]:
        async with database(service) as db, db.read() as session:
            return await failing.everything(session)

    for timer in run(work()):
        typer.echo(
            f"{timer.id} {timer.kind} {timer.subject} due={timer.due_at:%Y-%m-%dT%H:%M:%SZ} attempts={timer.attempts}"
            f" next={timer.retry_at:%Y-%m-%dT%H:%M:%SZ} {first_line(timer.error)}"
        )


@app.command()
def retry(service: ServiceName, timer: Timer, var: Var = Path("var")) -> None:
    """Try the timer again now, once what it failed for is mended. Its earlier attempts still count."""
    use_system_in(var)

    async def work() -> None:
        async with database(service) as db, db.write(operator()) as uow:
            await failing.retry(uow, timer)

    run(work(), f"no timer {timer} of {service} is being tried again (any more): see `lantai timers list {service}`")
    typer.echo(f"{timer}: tried again now; `list` shows it if it fails again, `lantai dead-letters list` if for good")
