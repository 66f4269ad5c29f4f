"""Variables that nothing reads, most likely a name mistyped: told and not refused, for others may use the prefix."""

import os
from collections.abc import Collection, Iterable
from difflib import get_close_matches

import typer

PREFIX = "LANTAI_"
OF_COMMANDS = ("HOST", "PORT", "TOKEN", "VAR")  # options of commands, which no service reads


def warn_of_mistyped(*here: str) -> None:
    """Tell in one line on stderr which `LANTAI_*` variables of the environment no setting and no option has.

    `here` are the services whose code this process needs in any case. A variable that bears another service's name is
    that service's to tell; only what is left is worth the loading of the others.
    """
    from services.roster import NAMES

    known = _read_by(here)
    theirs = tuple(f"{PREFIX}{name}_".upper() for name in NAMES if name not in here)
    if _strangers(known, theirs) and (strangers := _strangers(known := _read_by(NAMES), theirs)):
        told = ", ".join(_beside(name, known) for name in strangers)
        typer.echo(f"lantai: nothing reads {told}: see that the name is right", err=True)


def _read_by(services: Iterable[str]) -> set[str]:
    """Every name that these read: a service takes its settings from `LANTAI_<SERVICE>_*` and from `LANTAI_*`."""
    from services.roster import load

    names = {f"{PREFIX}{option}" for option in OF_COMMANDS}
    for service in services:
        fields = {field.upper() for field in load(service).settings.model_fields} - {"SERVICE"}
        names |= {f"{prefix}{field}" for field in fields for prefix in (PREFIX, f"{PREFIX}{service.upper()}_")}
    return names


def _strangers(known: Collection[str], theirs: tuple[str, ...]) -> list[str]:
    """Settings are read whatever the case of their names."""
    ours = {name: name.upper() for name in sorted(os.environ) if name.upper().startswith(PREFIX)}
    return [name for name, upper in ours.items() if upper not in known and not upper.startswith(theirs)]


def _beside(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name.upper(), known, n=1, cutoff=0.85)
    return f"{name} ({near[0]}?)" if near else name
