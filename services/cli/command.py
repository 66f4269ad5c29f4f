"""What the commands share: how they look, how they name a service, and how a wrong setting is told."""

import os
import re
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.failure import Failed

if TYPE_CHECKING:
    from shared.service.definition import Definition
    from shared.service.settings import ServiceSettings


class Service(StrEnum):
    """The services by name (`services.roster` loads them)."""

    CATALOG = "catalog"
    REQUESTS = "requests"
    SENTIMENT = "sentiment"
    NOTIFY = "notify"


class Servable(StrEnum):
    """What `lantai serve` serves."""

    CATALOG = "catalog"
    REQUESTS = "requests"
    SENTIMENT = "sentiment"
    NOTIFY = "notify"
    START_PAGE = "start-page"


class Migratable(StrEnum):
    """What `lantai migrate` migrates."""

    ALL = "all"
    CATALOG = "catalog"
    REQUESTS = "requests"
    SENTIMENT = "sentiment"
    NOTIFY = "notify"


ServiceName = Annotated[Service, typer.Argument(help="Which service.", show_default=False)]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
BaseUrl = Annotated[str, typer.Option(envvar="LANTAI_BASE_URL", help="Where the system is reached.")]
BASE_URL = f"http://localhost:{os.environ.get('LANTAI_PORT') or 8000}"  # where `lantai up` of the same terminal is

_FIELD = re.compile(r'field "(\w+)"')
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def command_app(*, group: bool = False) -> typer.Typer:
    """Return a Typer application for one command, or for a group of them."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        no_args_is_help=group,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    if group:
        app.callback()(lambda: None)
    return app


def day_of(text: str) -> date:
    """A day as the help writes it, `YYYY-MM-DD`, and no other form that Python would read."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise Failed(f"{text} is not a day (YYYY-MM-DD)") from error


def load_settings(service: str) -> "tuple[Definition, ServiceSettings]":
    """Load a service and read its settings; a wrong setting ends the command with what is wrong."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from services.roster import load

    definition = load(service)
    try:
        return definition, definition.settings()
    except ValidationError as error:
        raise Failed("; ".join(_told(service, each["loc"], each["msg"]) for each in error.errors())) from None
    except SettingsError as error:  # a list, say, that is no JSON
        field = _FIELD.search(str(error))
        raise Failed(
            _told(service, field.groups() if field else (), "cannot be read: a list is written [1, 2]")
        ) from None


def _told(service: str, place: tuple[int | str, ...], said: str) -> str:
    """What is wrong, and the variable that holds it: the service's own if that is set."""
    said = said.removeprefix("Value error, ")
    if not place:
        return said  # it names the variables itself
    own, common = f"LANTAI_{service}_{place[0]}".upper(), f"LANTAI_{place[0]}".upper()
    return f"{own if own in map(str.upper, os.environ) else common}: {said}"
