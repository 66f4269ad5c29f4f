"""How a command speaks and ends: what a terminal cannot show is escaped, and a failure is one sentence.

An output that cannot be written, a full disk, is such a failure. A reader that has gone away is typer's, unless a
command says that it ends well then.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from services.cli.failure import Failed


def run(app: typer.Typer, name: str | None = None) -> None:
    """Run a command line; exit code 1 with one sentence on stderr when it failed."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(prog_name=name)
    except Failed as failure:
        _fail(str(failure))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop_output()
        _fail(f"cannot write: {error.strerror}")


@contextmanager
def while_read() -> Iterator[None]:
    """Answer as long as somebody reads: `| head` has all it wants, and that is no failure."""
    try:
        yield
    except BrokenPipeError:
        _drop_output()


def _drop_output() -> None:
    """Let what is still buffered go nowhere: Python would try once more at its end, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _fail(said: str) -> None:
    typer.echo(f"lantai: {said}", err=True)
    sys.exit(1)
