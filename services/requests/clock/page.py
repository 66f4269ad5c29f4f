"""The ledger as a table inside a page: the same rows as the sheet, escaped."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template

from services.requests.clock.labels import REASONS, STATES, extension, reservations, weekday
from services.requests.clock.rules import ClockReading


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True).get_template("ledger.html.j2")


def render_table(reading: ClockReading) -> str:
    """An HTML `<table>` of the ledger with the answer as its caption."""
    return _template().render(
        reading=reading,
        state=STATES[reading.state],
        extension=extension(reading),
        reservations=reservations(reading),
        reasons=REASONS,
        weekday=weekday,
    )
