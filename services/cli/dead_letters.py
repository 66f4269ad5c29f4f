"""`lantai dead-letters`: what was tried to the end and now waits for a person."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from services.cli.attach import Var, database, operator, run, use_system_in
from services.cli.command import ServiceName, command_app
from services.cli.failing import Reason, first_line
from shared.bus import dead_letters

app = command_app(group=True)
Letter = Annotated[UUID, typer.Argument(help="The dead letter's id, from `list`.", show_default=False)]


def _absent(service: str, letter: UUID) -> str:
    return f"{service} has no dead letter {letter}: `lantai dead-letters list {service} --all` names them"


@app.command("list")
def list_letters(
    service: ServiceName,
    every: Annotated[bool, typer.Option("--all", help="also those decided")] = False,
    var: Var = Path("var"),
) -> None:
    """List the dead letters of SERVICE, oldest first, one line each.

    id, kind, topic, event type, key, when it died, attempts, how many events wait behind it, the decision if there is
    one, the first line of the error.
    """
    use_system_in(var)

    async def work() -> list[dead_letters.DeadLetter]:
        async with database(service) as db, db.read() as session:
            return [
                dead_letters.letter(row)
                for row in await session.execute(dead_letters.listing(undecided_only=not every))
            ]

    for letter in run(work()):
        decision = f" {letter.decision}" if letter.decision else ""
        typer.echo(
            f"{letter.id} {letter.kind} {letter.topic or '-'} {letter.type or '-'} {letter.key}"
            f" died={letter.died_at:%Y-%m-%dT%H:%M:%SZ} attempts={letter.attempts} waiting={letter.waiting}"
            f"{decision} {first_line(letter.error)}"
        )


@app.command()
def show(service: ServiceName, letter: Letter, var: Var = Path("var")) -> None:
    """Print one dead letter of SERVICE whole, as JSON."""
    use_system_in(var)

    async def work() -> dead_letters.DeadLetter:
        async with database(service) as db, db.read() as session:
            return await dead_letters.show(session, letter)

    typer.echo(json.dumps(asdict(run(work(), _absent(service, letter))), ensure_ascii=False, indent=2, default=str))


@app.command()
def replay(service: ServiceName, letter: Letter, var: Var = Path("var")) -> None:
    """Try it again at the place where it stood, with a fresh set of attempts; what waits behind it follows in order."""
    use_system_in(var)

    async def work() -> None:
        async with database(service) as db, db.write(operator()) as uow:
            await dead_letters.replay(uow, letter)

    run(work(), _absent(service, letter))
    typer.echo(f"{letter}: tried again now; `lantai dead-letters list {service}` shows whether it dies again")


@app.command()
def discard(service: ServiceName, letter: Letter, reason: Reason, var: Var = Path("var")) -> None:
    """Give it up for good; what waits behind it goes on."""
    use_system_in(var)

    async def work() -> None:
        async with database(service) as db, db.write(operator()) as uow:
            await dead_letters.discard(uow, letter, reason)

    run(work(), _absent(service, letter))
    typer.echo(f"{letter}: discarded")
