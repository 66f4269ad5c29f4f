"""`lantai parked-keys`: what stands still for a failing event, before it is a dead letter and after."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.cli.attach import Var, database, operator, run, use_system_in
from services.cli.command import ServiceName, command_app
from services.cli.failing import Reason, first_line
from shared.bus import standing

app = command_app(group=True)
Head = Annotated[UUID, typer.Argument(help="The failing event's id, from `list`.", show_default=False)]


def _absent(service: str, event: UUID) -> str:
    return f"no key of {service} stands still for the event {event} (any more): see `lantai parked-keys list {service}`"


@app.command("list")
def list_keys(service: ServiceName, var: Var = Path("var")) -> None:
    """List the keys of SERVICE that stand still, longest first, one line each.

    event id, topic, event type, key, attempts, how many events wait behind, since when, the next attempt (or the
    dead letter that waits for a decision), the first line of the error.
    """
    use_system_in(var)

    async def work() -> list[standing.StandingKey]:
        async with database(service) as db, db.read() as session:
            return await standing.everything(session)

    for key in run(work()):
        then = f"letter={key.letter_id}" if key.retry_at is None else f"next={key.retry_at:%Y-%m-%dT%H:%M:%SZ}"
        typer.echo(
            f"{key.event_id} {key.topic} {key.type or '-'} {key.key} attempts={key.attempts} waiting={key.waiting}"
            f" since={key.parked_at:%Y-%m-%dT%H:%M:%SZ} {then} {first_line(key.error)}"
        )


@app.command()
def show(service: ServiceName, event: Head, var: Var = Path("var")) -> None:
    """Print one of them whole, with the event's headers and body, as JSON."""
    use_system_in(var)

    async def work() -> standing.StandingKey:
        async with database(service) as db, db.read() as session:
            return await standing.show(session, event)

    typer.echo(json.dumps(asdict(run(work(), _absent(service, event))), ensure_ascii=False, indent=2, default=str))


@app.command()
def retry(service: ServiceName, event: Head, var: Var = Path("var")) -> None:
    """Try the event again now; what waits behind it follows in order. A dead letter is replayed."""
    use_system_in(var)

    async def work() -> None:
        async with database(service) as db, db.write(operator()) as uow:
            await standing.retry(uow, event)

    run(work(), _absent(service, event))
    typer.echo(f"{event}: tried again now; `list` shows whether it still stands")


@app.command()
def discard(service: ServiceName, event: Head, reason: Reason, var: Var = Path("var")) -> None:
    """Give the event up for good; what waits behind it goes on. Its dead letter keeps what it was."""
    use_system_in(var)

    async def work() -> None:
        async with database(service) as db, db.write(operator()) as uow:
            await standing.discard(uow, event, reason)

    run(work(), _absent(service, event))
    typer.echo(f"{event}: discarded")
