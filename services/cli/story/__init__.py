"""`lantai story`: one citizen's request travels through every service, played as a client against a running system.

It fakes no time: letters have their true earlier receipt days and the incident began hours ago, so that what is due
today is due today. It ends with 1 at the first thing that is not as told.
"""

from typing import Annotated

import typer

from services.cli.command import BASE_URL, BaseUrl, command_app

app = command_app()


@app.command()
def story(
    base_url: BaseUrl = BASE_URL,
    issuer_url: Annotated[
        str | None, typer.Option(help="The development issuer, where it is not at /issuer.", show_default=False)
    ] = None,
    patience_seconds: Annotated[float, typer.Option(min=1, help="How long an event may take to arrive.")] = 60.0,
) -> None:
    """Play the story and tell each step with its dates."""
    from services.cli.portal import Portal
    from services.cli.story.cast import assemble
    from services.cli.story.incident import incident
    from services.cli.story.narrator import Narrator, day
    from services.cli.story.online import clock, filing
    from services.cli.story.reminders import reminders
    from services.cli.story.reply import replies
    from services.cli.story.visible import visible

    narrator = Narrator(patience_seconds)
    portal = Portal(base_url, issuer_url)
    try:
        cast = assemble(portal, narrator)
        typer.echo(f"故事发生在{day(cast.today)}，{cast.office['name']}。")
        online = filing(cast)
        clock(cast, online)
        due_now = reminders(cast)
        replies(cast, due_now, online)
        incident(cast)
        visible(cast, online)
    finally:
        portal.close()
    typer.echo("\n故事讲完，一切如所述。")
