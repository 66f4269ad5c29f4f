"""What the clock's commands read: calendar files, the rows of a service, and cases line by line."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from typing import Annotated, cast

import typer

from services.cli.failure import Failed
from services.requests.clock.jsonl import batches
from shared.calendar import Calendar, national, read_notices
from shared.errors import DomainError
from shared.statutes import RuleSet

SERVICES = Path(__file__).parents[1]


class Service(StrEnum):
    """The services that apply rules."""

    requests = "requests"
    catalog = "catalog"
    sentiment = "sentiment"


File = Annotated[str, typer.Argument(help="cases, one JSON object a line; - reads standard input")]
Calendars = Annotated[
    list[Path] | None, typer.Option("--calendar", help="a holiday notice (TOML or JSON) that adds or replaces a year")
]
ServiceOption = Annotated[Service, typer.Option("--service", help="whose rules")]


def rule_set(service: Service) -> RuleSet:
    """The rows a service applies."""
    return RuleSet.load(SERVICES / service.value / "statutes.toml")


def calendar_of(files: list[Path] | None) -> Calendar:
    """The packaged national calendar with the years of these files, the last version of each, in their order."""
    calendar = national()
    for file in files or []:
        try:
            calendar = calendar.with_year(read_notices(file)[-1])
        except OSError as error:
            raise Failed(f"cannot read {file}: {error.strerror}") from error
        except DomainError as error:
            raise Failed(f"{file}: {error.detail or error.title}") from error
    return calendar


def batches_of(file: str) -> Iterator[list[bytes]]:
    """The lines of a file as they arrive; what cannot be read ends the command."""
    try:
        with _opened(file) as stream:
            yield from batches(stream.read1)
    except OSError as error:
        raise Failed(f"cannot read {file}: {error.strerror}") from error


def _opened(file: str) -> AbstractContextManager[BufferedReader]:
    if file == "-":
        return nullcontext(cast(BufferedReader, sys.stdin.buffer))
    return Path(file).open("rb")
