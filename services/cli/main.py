"""`lantai`: one entry for everything. A command's module is imported only when that command is called,

so that `lantai clock explain` starts without a web framework and `lantai --help` without anything.
Exit codes: 0 done, 1 failed (one sentence on stderr says why), 2 used wrongly.
"""

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from services.cli.output import run

COMMANDS = {
    "up": "start everything in one process, with its own PostgreSQL",
    "serve": "serve one service's API",
    "worker": "run one service's relay, consumers, timers and tasks",
    "migrate": "create the databases and bring them to the newest revision",
    "seed": "load the sample data of the five plans",
    "story": "play one citizen's request against a running system",
    "token": "print a bearer token of the development issuer",
    "issuer": "serve the development issuer",
    "mailbox": "catch mail and show it on a page (development)",
    "parked-keys": "list, show, retry and discard what stands still for a failing event",
    "timers": "list and retry the timers that have failed and are tried again",
    "dead-letters": "list, show, replay and discard what could not be handled",
    "replay": "let a service read the log again, from a time or from the beginning",
    "events": "tell the readers of the log a service's current state once more",
    "audit": "verify the audit trail",
    "calendar": "show the working days of a year, and import a notice",
    "clock": "explain statutory dates, and shift the clock of a test system",
    "openapi": "print a service's OpenAPI document",
    "asyncapi": "print the AsyncAPI document of all events",
}


def module_of(command: str) -> str:
    return f"services.cli.{command.replace('-', '_')}"


class LazyGroup(TyperGroup):
    """Finds a command in its module, `services/cli/<command>.py`, which exposes it as `app`."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(importlib.import_module(module_of(cmd_name)).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    cls=LazyGroup,
    name="lantai",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def lantai() -> None:
    """Lantai (兰台): the open back end of a local government's open-government work (政务公开)."""


def main() -> None:
    """Run the command line; the console script and `python -m services.cli.main`."""
    run(app)


if __name__ == "__main__":
    main()
