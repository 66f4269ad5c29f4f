"""`lantai audit`: whether somebody has touched the audit trail."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.attach import Var, database, run, use_system_in
from services.cli.command import Service, command_app
from services.cli.failure import Failed
from shared.audit import verify as verify_chain

app = command_app(group=True)


@app.command()
def verify(
    services: Annotated[list[Service] | None, typer.Argument(help="Which services.", show_default="all")] = None,
    known: Annotated[
        str | None,
        typer.Option(help="the head that an earlier run printed for this one service; finds a tail that was cut off"),
    ] = None,
    var: Var = Path("var"),
) -> None:
    """Recompute the hash chain of each service; a changed or missing entry is named, and the command fails (1).

    Note the printed head outside this system: without it, entries cut off at the end together with their seals
    leave no trace.
    """
    head = _head(known) if known else None
    if head and len(services or []) != 1:
        raise typer.BadParameter("--known goes with exactly one service")
    use_system_in(var)
    broken = run(_verify(services or list(Service), head))
    if broken:
        raise Failed(f"the audit trail is broken in: {', '.join(broken)}")


def _head(known: str) -> tuple[int, bytes]:
    position, _, seal = known.partition(":")
    try:
        return int(position), bytes.fromhex(seal)
    except ValueError:
        raise typer.BadParameter("a head is POSITION:SEAL, as this command prints it") from None


async def _verify(services: list[Service], known: tuple[int, bytes] | None) -> list[str]:
    broken = []
    for service in services:
        async with database(service) as db, db.read() as session:
            found = await verify_chain(session, known)
        tail = f"; {len(found.unsealed)} not sealed yet" if found.unsealed else ""
        if found.intact:
            head = f"; head {found.sealed}:{found.head.hex()}"
            typer.echo(f"{service}: {found.sealed} entries sealed and intact{tail}{head}")
        else:
            broken.append(str(service))
            typer.echo(
                f"{service}: broken at {found.broken_position}, entry {found.broken_entry}: {found.reason}{tail}"
            )
    return broken
