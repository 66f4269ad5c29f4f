"""`lantai seed`: the sample data, in steps that each may be repeated.

Agencies, obligations and documents of the five plans go into the catalog's database; the people who are told,
requests and incidents go through the API, as their clerks would do it.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from services.cli.command import BASE_URL, BaseUrl, command_app
from services.cli.failure import Failed
from services.cli.portal import Portal, Refused
from services.cli.samples import cases, incidents
from services.cli.samples.people import Office, find_governments, open_office, register_people
from services.start_page import samples

ARRIVAL_SECONDS = 60.0  # how long the agencies may take to reach every service
app = command_app()


@app.command()
def seed(
    base_url: BaseUrl = BASE_URL,
    issuer_url: Annotated[str | None, typer.Option(help="The development issuer, where it is not at /issuer.")] = None,
    var: Annotated[Path, typer.Option(envvar="LANTAI_VAR", help="Where `lantai up` keeps its system.")] = Path("var"),
) -> None:
    """Load the sample data into a running development system; loading it again adds nothing."""
    from services.cli.attach import run, use_system_in

    use_system_in(var)
    run(load_all(base_url, issuer_url, var / "samples" / "cases.json"))
    typer.echo("sample data is there")


async def load_all(base_url: str, issuer_url: str | None, samples_file: Path) -> None:
    """Load everything that is missing: agencies, the people who are told, then what they are told of."""
    from services.catalog.sample.load import load, load_agencies
    from services.catalog.settings import CatalogSettings
    from services.cli.attach import database

    portal = Portal(base_url, issuer_url)
    try:
        async with database("catalog") as db:
            await load_agencies(db)
            governments = await asyncio.to_thread(find_governments, portal)
            await asyncio.to_thread(_once_replicated, lambda: register_people(portal, governments))
            await load(db, CatalogSettings())
        office = await asyncio.to_thread(open_office, portal)
        await asyncio.to_thread(_once_replicated, lambda: _file(office, samples_file))
    finally:
        portal.close()


def _once_replicated(step: Callable[[], None]) -> None:
    """Agencies travel by events: try again until every service knows them. A step adds only what is missing.

    What the catalog says at once is asked before: each try of a long wait would count against its public limit.
    """
    limit = time.monotonic() + ARRIVAL_SECONDS
    while True:
        try:
            step()
            return
        except Refused as refusal:
            if refusal.code != "replica_not_ready":
                raise
        if time.monotonic() > limit:
            raise Failed("the agencies did not reach every service in time: are the workers running?")
        time.sleep(0.2)


def _file(office: Office, samples_file: Path) -> None:
    offered = cases.load(office)
    if offered:
        samples_file.parent.mkdir(parents=True, exist_ok=True)
        samples.write(samples_file, [*samples.read(samples_file), *offered])
    incidents.load(office)
