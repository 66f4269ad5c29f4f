"""`lantai replay`: let a service read the log again, from a time or from the beginning."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from services.cli.attach import Var, run, use_system_in
from services.cli.command import ServiceName, command_app, load_settings
from services.cli.failure import Failed
from shared.bus.transport import GroupActive
from shared.db.embedded import EmbeddedPostgres
from shared.events import TOPICS
from shared.service.runtime import make_transport

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # a log's clock begins here, and Kafka takes no time before

app = command_app()
FromTime = Annotated[
    str | None, typer.Option("--from-time", help="e.g. 2026-11-23T08:00+08:00, a time of the log's clock.")
]
FromBeginning = Annotated[bool, typer.Option("--from-beginning", help="all that the log still holds.")]
OfTopics = Annotated[list[str] | None, typer.Option("--topic", help="Of these only.", show_default="all it reads")]


@app.command()
def replay(
    service: ServiceName,
    from_time: FromTime = None,
    from_beginning: FromBeginning = False,
    topic: OfTopics = None,
    var: Var = Path("var"),
) -> None:
    """Move the place where SERVICE reads its topics back; its worker, or `lantai up`, must be stopped meanwhile.

    No place moves forward: what the service has not read yet it reads in any case. What it has handled before takes no
    second effect: its inbox knows the events and drops them. So this brings back what was passed over, after the
    service's database was restored from an older copy, say. Dead letters and parked keys are decided where they are
    (`lantai parked-keys`).
    """
    if from_beginning == (from_time is not None):
        raise typer.BadParameter("say either --from-time or --from-beginning")
    at = _moment(from_time) if from_time is not None else None
    topics = _topics(service, topic)
    own = None if os.environ.get("LANTAI_POSTGRES_URL") else EmbeddedPostgres(var)
    use_system_in(var)
    definition, settings = load_settings(service)

    async def work() -> dict[str, int]:
        async with _awake(own), AsyncExitStack() as stack:
            transport = make_transport(settings)
            await transport.start()
            stack.push_async_callback(transport.stop)
            try:
                return await transport.rewind(definition.group, topics, at)
            except GroupActive:
                raise Failed(
                    f"somebody reads for {definition.group}: stop `lantai worker {service}`, or `lantai up`, "
                    "and wait some seconds if it was killed"
                ) from None

    for name, ahead in sorted(run(work()).items()):
        typer.echo(f"{service} {name}: {ahead} to read; what was handled before is dropped")


@asynccontextmanager
async def _awake(own: EmbeddedPostgres | None) -> AsyncIterator[None]:
    """Start the PostgreSQL of a system of `lantai up`, which ends with its workers; leave a running one alone."""
    if own is None or await own.running():
        yield
        return
    await own.start()
    try:
        yield
    finally:
        await own.stop()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failed(f"{text} is not a time (2026-11-23T08:00+08:00)") from None
    if moment.tzinfo is None:
        raise Failed(f"{text} says no time zone: write {text}+08:00 for Beijing time")
    if moment < EPOCH:
        raise Failed(f"{text} is before 1970, and so before any log: say --from-beginning")
    if moment > datetime.now(UTC):
        raise Failed(f"{text} lies in the future: say when the first event to read again was appended")
    return moment


def _topics(service: str, wanted: list[str] | None) -> list[str]:
    read = sorted(topic.name for topic in TOPICS.values() if service in topic.readers)
    if strangers := sorted(set(wanted or ()) - set(read)):
        raise Failed(f"{service} does not read {', '.join(strangers)}: it reads {', '.join(read) or 'nothing'}")
    return wanted or read
