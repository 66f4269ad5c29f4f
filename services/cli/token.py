"""`lantai token`: who one wants to be, in development."""

from typing import Annotated

import typer

from services.cli.command import BASE_URL, BaseUrl, command_app
from shared.auth import Role

app = command_app()


@app.command()
def token(
    agency: Annotated[str, typer.Option(help="code of the agency, from /api/catalog/v1/agencies", show_default=False)],
    role: Annotated[Role, typer.Option(help="what the person may do there")] = Role.CLERK,
    subject: Annotated[str, typer.Option(help="user id; another person is another id")] = "zhang.san",
    name: Annotated[str, typer.Option(help="the person's name")] = "张三",
    base_url: BaseUrl = BASE_URL,
) -> None:
    """Print a bearer token of the development issuer, for a role at an agency and those below it."""
    from services.cli.portal import Portal

    portal = Portal(base_url)
    typer.echo(portal.token(subject, name, (role, portal.agency(agency)["id"])))
