"""`lantai clock offset`: another date for a whole development or test system. The databases' own clocks stay right."""

from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Annotated

import typer

from services.cli.failure import Failed


def offset(
    to: Annotated[
        datetime | None,
        typer.Option(help="what the clock shall read now, Asia/Shanghai", formats=["%Y-%m-%d %H:%M", "%Y-%m-%d"]),
    ] = None,
    seconds: Annotated[int | None, typer.Option(help="how far ahead of the real time (negative: behind)")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="back to the real time")] = False,
    var: Annotated[Path, typer.Option(envvar="LANTAI_VAR", help="Where `lantai up` keeps its system.")] = Path("var"),
) -> None:
    """Shift the business clock of every service, for tests; without an option say how far it is shifted."""
    if sum((to is not None, seconds is not None, clear)) > 1:
        raise typer.BadParameter("give one of --to, --seconds and --clear")
    from services.cli.attach import run, use_system_in

    use_system_in(var)
    if to is not None:
        run(_set_all(to))
    elif seconds is not None or clear:
        run(_set_all(seconds or 0))
    # Printed outside the run: a reader that has gone is no trouble of the database.
    for line in run(_readings()):
        typer.echo(line)


async def _set_all(wanted: datetime | int) -> None:
    """Shift every service alike; a time is turned into seconds once, by the first service's database."""
    from sqlalchemy import func, select
    from sqlalchemy.dialects.postgresql import insert

    from services.cli.attach import database, operator
    from services.cli.command import load_settings
    from services.roster import NAMES
    from shared.calendar import SHANGHAI
    from shared.db.spine import clock_offset
    from shared.service.settings import Environment

    for name in NAMES:
        _, settings = load_settings(name)
        if settings.environment is Environment.PRODUCTION:
            raise Failed("the clock of a production system is never shifted (LANTAI_ENV=development or test allows it)")
        async with database(name) as db, db.write(operator()) as uow:
            real = (await uow.session.execute(select(func.now()))).scalar_one()
            if isinstance(wanted, datetime):
                wanted = ceil((wanted.replace(tzinfo=SHANGHAI) - real).total_seconds())  # rounded down, the day before
            _refuse_outside_calendar(real, wanted)
            statement = insert(clock_offset).values(only=True, seconds=wanted)
            await uow.session.execute(
                statement.on_conflict_do_update(index_elements=["only"], set_={"seconds": wanted})
            )


def _refuse_outside_calendar(real: datetime, seconds: int) -> None:
    """No timer can count from a day that the calendar does not know. The real time can always be gone back to."""
    from shared.calendar.calendar import FIRST_DAY, LAST_DAY
    from shared.calendar.civil import civil_day

    try:
        known = not seconds or FIRST_DAY <= civil_day(real + timedelta(seconds=seconds)) <= LAST_DAY
    except OverflowError:
        known = False
    if not known:
        raise Failed(f"the calendar does not know that day: choose one from {FIRST_DAY} to {LAST_DAY}")


async def _readings() -> list[str]:
    """What the clock of every service reads now."""
    from services.cli.attach import database
    from services.roster import NAMES
    from shared.calendar import SHANGHAI
    from shared.db.clock import read_now

    lines = []
    for name in NAMES:
        async with database(name) as db, db.read() as session:
            now = await read_now(session)
        lines.append(f"{name}: {now.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}")
    return lines
