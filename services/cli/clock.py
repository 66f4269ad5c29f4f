"""`lantai clock`: statutory dates explained, without a database.

`explain` and `what-if` run the very function that dates real cases; `rules` and `due` show the rows it obeys.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.clock_input import Calendars, File, Service, ServiceOption, batches_of, calendar_of, rule_set
from services.cli.clock_offset import offset
from services.cli.clock_what_if import what_if
from services.cli.command import BASE_URL, BaseUrl, command_app, day_of
from services.cli.failure import Failed
from services.cli.output import run, while_read
from services.requests.clock.explain import Explainer, decode
from shared.calendar import Calendar
from shared.errors import DomainError
from shared.statutes import Rule, Unit, due, governing, is_provisional

app = command_app(group=True)
app.command()(offset)
app.command("what-if")(what_if)


@app.command()
def explain(
    file: File,
    calendar: Calendars = None,
    no_ledger: Annotated[bool, typer.Option("--no-ledger", help="leave the ledger out")] = False,
) -> None:
    """Say for each case when its reply is due and why: one JSON object a line.

    Exit code 0 unless FILE or a calendar cannot be read; a line that is not a legal case is answered by an error.
    """
    explainer = Explainer(calendar_of(calendar), rule_set(Service.requests), ledger=not no_ledger)
    out = sys.stdout.buffer
    with while_read():
        for lines in batches_of(file):
            out.writelines(map(explainer.line, lines))
            out.flush()


@app.command()
def sheet(
    file: File,
    out: Annotated[Path, typer.Option("--out", "-o", help="the PDF to write")],
    id: Annotated[str | None, typer.Option("--id", help="which case of FILE; without it the first")] = None,
    calendar: Calendars = None,
    font_dir: Annotated[Path | None, typer.Option(help="a folder with a Chinese font, if the system has none")] = None,
) -> None:
    """Print the ledger of one case as a PDF that an agency can lay before a court."""
    from services.requests.clock.lines import read_case
    from services.requests.clock.sheet import render_sheet

    days, rows = calendar_of(calendar), rule_set(Service.requests)
    explainer = Explainer(days, rows, ledger=False)
    said, case = _find(explainer, (line for lines in batches_of(file) for line in lines), id)
    if "error" in said:
        raise Failed(f"{said['id']}: {said['error']}: {said['detail']}")
    try:
        pdf = render_sheet(
            {"案件": said["id"]}, read_case(case, days, rows), font_paths=[] if font_dir is None else [font_dir]
        )
        out.write_bytes(pdf)
    except DomainError as error:
        raise Failed(f"{error.title}：{error.detail}") from error
    except OSError as error:
        raise Failed(f"cannot write {out}: {error.strerror}") from error


@app.command()
def rules(
    service: ServiceOption = Service.requests,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON instead of a table")] = False,
    agency: Annotated[
        str | None, typer.Option(help="code of an agency: what it and those above it set stands beside, as running")
    ] = None,
    base_url: BaseUrl = BASE_URL,
) -> None:
    """List the rules with value, time in force, grade, citation and note; grade C is marked unconfirmed.

    With --agency the running system is asked, and local values come with place, author and reason.
    """
    rows = rule_set(service).listing() if agency is None else _rows_at(service, agency, base_url)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2).encode())  # JSON is UTF-8, whatever the terminal is
        return
    for row in rows:
        mark = "  unconfirmed (待确认)" if row["unconfirmed"] else ""
        value = "" if row["unit"] == Unit.CITATION else f"{_counted(row['value'], Unit(str(row['unit'])))}  "
        line = f"{row['id']:<28} {row['from']}..{row['to'] or '':<10}  {value}[{row['grade']}] {row['citation']}"
        note = f"  ({row['note']})" if row["note"] else ""
        typer.echo(line + mark + note + _whose(row))


def _rows_at(service: Service, agency: str, base_url: str) -> list[dict[str, Any]]:
    from services.cli.portal import Portal

    portal = Portal(base_url)
    agency_id = portal.agency(agency)["id"]
    found: list[dict[str, Any]] = portal.public.get(f"/api/{service.value}/v1/statutes", agency_id=agency_id).body
    return found


def _whose(row: Mapping[str, object]) -> str:
    if not row["locality"]:
        return ""
    overruled = "  overruled by the national row (不适用)" if row.get("overruled") else ""
    return f"  {row['locality']}, {row['author']}: {row['reason']}{overruled}"


@app.command("due")
def due_command(
    rule: Annotated[str, typer.Argument(help="a rule id, see `lantai clock rules`")],
    start: Annotated[str, typer.Argument(help="the day the period starts, YYYY-MM-DD (not counted)")],
    service: ServiceOption = Service.requests,
    locality: Annotated[str | None, typer.Option("--locality", help="a place with values of its own")] = None,
    calendar: Calendars = None,
) -> None:
    """Say when a period counted in days or months ends, and by which article."""
    days = calendar_of(calendar)
    day = day_of(start)
    try:
        row = governing(rule_set(service), rule, day, locality)
        last = due(row, day, days)
    except DomainError as error:
        raise Failed(error.detail or error.title) from error
    except ValueError as error:
        raise Failed(f"{start}: the period ends after the last day a date can name") from error
    typer.echo(f"{last}  {_value(row)}  {row.cited}{_provisional(days) if is_provisional(row, last, days) else ''}")


def _provisional(days: Calendar) -> str:
    until = f"放假通知只到 {days.last_published_year} 年（后来导入系统的不在其内，可用 --calendar 加入）"
    return f"  暂定 (provisional)：{until}"


def _value(row: Rule) -> str:
    return _counted(row.value, row.unit)


def _counted(value: object, unit: Unit) -> str:
    units = {Unit.WORKING_DAY: " wd", Unit.CALENDAR_DAY: " cd", Unit.HOUR: " h", Unit.MONTH: " months"}
    return f"{value}{units.get(unit, '')}"


def _find(explainer: Explainer, lines: Iterable[bytes], id: str | None) -> tuple[dict[str, Any], Any]:
    """The answer to the wanted case and the case as it was read; an answer that is an error has no case."""
    for line in lines:
        said = json.loads(explainer.line(line))
        if id is None or said["id"] == id:
            return said, None if "error" in said else decode(line)
    raise Failed("there is no case in the file" if id is None else f"there is no case {id} in the file")


if __name__ == "__main__":
    run(app, "lantai clock")
