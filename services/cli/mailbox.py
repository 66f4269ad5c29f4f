"""`lantai mailbox`: the mail catcher as a process of its own (the demo profile)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.command import Host, Port, command_app
from services.cli.failure import Failed

if TYPE_CHECKING:
    import socket

    from services.notify.mailbox import Mailbox, MailCatcher

app = command_app()


@app.command()
def mailbox(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    smtp_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the mail server.")] = 1025,
    var: Annotated[Path, typer.Option(envvar="LANTAI_VAR", help="Mail is kept below.")] = Path("var"),
) -> None:
    """Take every mail, deliver none, and show them at /mailbox: development and test only."""
    from services.cli.process import listening, run
    from services.notify.mailbox import Mailbox, MailCatcher, MailCatcherRefused
    from shared.service.settings import Environment

    caught = Mailbox(var / "mail")
    named = os.environ.get("LANTAI_ENV", "development")
    if named not in list(Environment):
        raise Failed(f"LANTAI_ENV: {named} is none of {', '.join(Environment)}")
    try:
        env = Environment(named)
        catcher = MailCatcher(caught, env=env, host=host, port=smtp_port)
    except MailCatcherRefused as refused:
        raise Failed(str(refused)) from None
    run("mailbox", _serve(caught, catcher, listening(host, port)))


async def _serve(caught: "Mailbox", catcher: "MailCatcher", taken: "socket.socket") -> None:
    from services.notify.mailbox import mailbox_app
    from shared.service import server

    stop = server.until_signalled()
    try:
        await catcher.start()
    except OSError as error:
        raise Failed(f"port {catcher.port} cannot be used ({error.strerror}): set --smtp-port.") from None
    try:
        async with server.serving(mailbox_app(caught), taken):
            await stop.wait()
    finally:
        await catcher.stop()
