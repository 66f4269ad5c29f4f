"""What the commands about failures share: one line for an error, and a reason for giving something up."""

from typing import Annotated

import typer

LINE_CHARACTERS = 160


def _given(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("say why: the audit trail keeps it")
    return reason


Reason = Annotated[str, typer.Option(help="Why; the audit trail keeps it.", callback=_given, show_default=False)]


def first_line(error: str) -> str:
    """Return what of an error fits a list: `show` prints it whole."""
    first, *more = error.strip().splitlines() or [""]
    return f"{first[:LINE_CHARACTERS]} …" if more or len(first) > LINE_CHARACTERS else first
