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
    var: Var = Path("var"),
) -> None:
    """Recompute the hash chain of each service; a changed or missing entry is named, and the command fails (1)."""
    use_system_in(var)
    broken = run(_verify(services or list(Service)))
    if broken:
        raise Failed(f"the audit trail is broken in: {', '.join(broken)}")


async def _verify(services: list[Service]) -> list[str]:
    broken = []
    for service in services:
        async with database(service) as db, db.read() as session:
            found = await verify_chain(session)
        tail = f"; {len(found.unsealed)} not sealed yet" if found.unsealed else ""
        if found.intact:
            typer.echo(f"{service}: {found.sealed} entries sealed and intact{tail}")
        else:
            broken.append(str(service))
            typer.echo(
                f"{service}: broken at {found.broken_position}, entry {found.broken_entry}: {found.reason}{tail}"
            )
    return broken
