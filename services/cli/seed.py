"""`lantai seed`: the sample data, in two steps that each may be repeated.

Agencies, obligations and documents of the five plans go into the catalog's database; requests, incidents and the
people who are told go through the API, as their clerks would do it.
"""

import time
from pathlib import Path
from typing import Annotated

import typer

from services.cli.command import BaseUrl, command_app
from services.cli.failure import Failed
from services.cli.portal import Portal, Refused
from services.cli.samples import cases, incidents
from services.cli.samples.people import Office, open_office
from services.start_page import samples

ARRIVAL_SECONDS = 60.0  # how long the agencies may take to reach every service
app = command_app()


@app.command()
def seed(
    base_url: BaseUrl = "http://localhost:8000",
    issuer_url: Annotated[str | None, typer.Option(help="The development issuer, where it is not at /issuer.")] = None,
    var: Annotated[Path, typer.Option(envvar="LANTAI_VAR", help="Where `lantai up` keeps its system.")] = Path("var"),
) -> None:
    """Load the sample data into a running development system; loading it again adds nothing."""
    from services.cli.attach import run, use_system_in

    use_system_in(var)
    run(load_catalog())
    load_cases(base_url, issuer_url, var / "samples" / "cases.json")
    typer.echo("sample data is there")


async def load_catalog() -> None:
    """Load what the plans say into the catalog's own database."""
    from services.catalog.sample.load import load
    from services.catalog.settings import CatalogSettings
    from services.cli.attach import database

    async with database("catalog") as db:
        await load(db, CatalogSettings())


def load_cases(base_url: str, issuer_url: str | None, samples_file: Path) -> None:
    """File the sample cases and incidents, and offer some of them on the start page.

    Agencies travel by events, so this waits until every service knows them.
    """
    portal = Portal(base_url, issuer_url)
    limit = time.monotonic() + ARRIVAL_SECONDS
    try:
        while True:
            try:
                _file(open_office(portal), samples_file)
                return
            except Refused as refusal:
                if refusal.code != "replica_not_ready":
                    raise
            if time.monotonic() > limit:
                raise Failed("the agencies did not reach every service in time: are the workers running?")
            time.sleep(0.2)
    finally:
        portal.close()


def _file(office: Office, samples_file: Path) -> None:
    offered = cases.load(office)
    if offered:
        samples_file.parent.mkdir(parents=True, exist_ok=True)
        samples.write(samples_file, [*samples.read(samples_file), *offered])
    incidents.load(office)
