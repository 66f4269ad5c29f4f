"""`lantai calendar`: which days work, and how a new notice comes in."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.command import BASE_URL, BaseUrl, command_app, day_of
from services.cli.failure import Failed
from shared.calendar import Calendar, national, read_notices
from shared.errors import DomainError

if TYPE_CHECKING:
    from services.cli.portal import Visitor

app = command_app(group=True)


@app.command()
def show(
    year: Annotated[int, typer.Argument(min=1, max=9999, help="Which year.", show_default=False)],
    known_on: Annotated[str | None, typer.Option(help="as it was known on this day, YYYY-MM-DD")] = None,
) -> None:
    """Print the packaged arrangement of YEAR: its notice, its days off and the weekend days that work."""
    calendar = _known(known_on)
    if calendar.is_provisional(date(year, 1, 1)):
        typer.echo(f"{year}：暂定，随附的放假通知只到 {calendar.last_published_year} 年（后来导入的不在其内）")
        return
    notice = next((each for each in calendar.notices if each.year == year), None)
    if notice is None:
        raise Failed(f"the packaged calendar does not cover {year}")
    typer.echo(f"{year}：{notice.cited}")
    for holiday in notice.holidays:
        typer.echo(f"  放假 {holiday.name} {holiday.first} 至 {holiday.last}")
    for day in sorted(notice.make_up_days):
        typer.echo(f"  上班 {day}")


def _known(day: str | None) -> Calendar:
    try:
        return national(None if day is None else day_of(day))
    except DomainError as error:
        raise Failed(error.detail or error.title) from error


@app.command("import")
def import_notice(
    file: Annotated[Path, typer.Argument(help="The notice (TOML or JSON).", show_default=False)],
    agency: Annotated[str, typer.Option(help="code of the agency that enters it", show_default=False)],
    local: Annotated[bool, typer.Option("--local", help="a local holiday, for that agency and those below it")] = False,
    accept_missing: Annotated[
        str | None, typer.Option(metavar="REASON", help="publish although a holiday is left out, and why")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="publish without asking")] = False,
    token: Annotated[str, typer.Option(envvar="LANTAI_TOKEN", help="bearer token of an admin of that agency")] = "",
    base_url: BaseUrl = BASE_URL,
) -> None:
    """Publish a holiday notice, after showing which days and which open cases it changes; due dates follow everywhere.

    Without a token the development issuer gives one.
    """
    from services.cli.portal import Portal

    try:
        notice = read_notices(file)[-1]
    except OSError as error:
        raise Failed(f"cannot read {file}: {error.strerror}") from None
    except DomainError as error:
        raise Failed(f"{file}: {error.detail or error.title}") from None
    if absent := [key for key, value in (("title", notice.title), ("notice", notice.number)) if not value]:
        raise Failed(f"{file}: what is published cites its paper: {' and '.join(absent)} must be given")
    if notice.grade == "C":
        raise Failed(
            f"{file}: it is graded C, unconfirmed, and days that are published count as confirmed:"
            " compare it with the paper, then grade it B"
        )
    portal = Portal(base_url)
    agency_id = portal.agency(agency)["id"]
    admin = portal.bearer(token) if token else portal.staff("calendar-import", "日历管理员", ("admin", agency_id))
    paper = {
        "agency_id": agency_id,
        "local": local,
        "year": notice.year,
        "number": notice.number,
        "holidays": [{"name": h.name, "first": str(h.first), "last": str(h.last)} for h in notice.holidays],
        "make_up_days": [str(day) for day in sorted(notice.make_up_days)],
    }
    whole = paper | {
        "title": notice.title,
        "issued": str(notice.issued) if notice.issued else None,
        "accept_missing": accept_missing,
    }
    missing = _show_preview(admin, paper, whole)
    if missing and not accept_missing:
        raise Failed(
            f"the notice leaves out {', '.join(missing)}: complete it, or say why with --accept-missing REASON"
        )
    if not yes:
        typer.confirm("publish it?", abort=True)
    made = admin.create("/api/catalog/v1/calendar-notices", whole)
    typer.echo(f"{notice.year}: version {made['version']} published, {notice.cited}")


def _show_preview(admin: "Visitor", paper: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    """Print what publishing would change; return the statutory holidays that are left out."""
    preview = admin.ask("/api/catalog/v1/calendar-notices/preview", whole)
    days = preview["days"]
    typer.echo(f"days that change: {len(days)}")
    for change in days:
        typer.echo(f"  {change['day']}: {change['before']} -> {change['after']}")
    cases = admin.ask("/api/requests/v1/redatings/preview", paper)
    typer.echo(
        f"open cases that are dated anew: {cases['moved_total']} of {cases['looked_at']} (at this agency and below it),"
        f" and {cases['moved_elsewhere']} elsewhere"
    )
    for case in cases["moved"]:
        before, after = (
            f"{case[f'due_on_{side}']}{_mark(case[f'provisional_{side}'])}" for side in ("before", "after")
        )
        typer.echo(f"  {case['receipt_number']}: {before} -> {after}")
    if unnamed := cases["moved_total"] - len(cases["moved"]):
        typer.echo(f"  and {unnamed} more")
    for holiday in preview["missing"]:
        typer.echo(f"left out: {holiday['name']} {', '.join(holiday['days'])}")
    return [str(holiday["name"]) for holiday in preview["missing"]]


def _mark(provisional: bool) -> str:
    return "（暂定）" if provisional else ""
